"""Sounds as the platform plays and records them: WAV, PCM, one channel, 16 bit, 16,000 Hz."""

import io
import math
import struct
import wave

RATE = 16_000

# The stretch that is looked at as one: 20 ms.
WINDOW = 320


def tone(hertz, seconds):
    """A WAV file with a tone."""
    samples = (
        int(8_000 * math.sin(2 * math.pi * hertz * at / RATE)) for at in range(int(seconds * RATE))
    )
    file = io.BytesIO()
    with wave.open(file, "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(RATE)
        wav.writeframes(b"".join(struct.pack("<h", sample) for sample in samples))
    return file.getvalue()


class Recording:
    """A WAV file that was recorded."""

    def __init__(self, file):
        with wave.open(io.BytesIO(file)) as wav:
            form = (wav.getnchannels(), wav.getsampwidth(), wav.getframerate())
            assert form == (1, 2, RATE), f"channels, octets and rate are {form}"
            frames = wav.readframes(wav.getnframes())
        self.samples = struct.unpack(f"<{len(frames) // 2}h", frames)
        self.seconds = len(self.samples) / RATE

    def share_of(self, hertz):
        """In how much of it a tone of this pitch is nearly all there is, from 0 to 1."""
        step = 2 * math.pi * hertz / RATE
        found = 0
        for start in range(0, len(self.samples) - WINDOW + 1, WINDOW):
            samples = self.samples[start : start + WINDOW]
            real = sum(sample * math.cos(step * at) for at, sample in enumerate(samples))
            imaginary = sum(sample * math.sin(step * at) for at, sample in enumerate(samples))
            energy = sum(sample * sample for sample in samples)
            found += 2 * (real * real + imaginary * imaginary) > 0.75 * WINDOW * energy > 0
        return found / (len(self.samples) // WINDOW)
