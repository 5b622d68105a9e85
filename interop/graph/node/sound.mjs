// Sounds as the platform plays and records them: WAV, PCM, one channel, 16 bit, 16,000 Hz.

const RATE = 16_000;

// The stretch that is looked at as one: 20 ms.
const WINDOW = 320;

/** A WAV file with a tone. */
export function tone(hertz, seconds) {
  const count = Math.floor(seconds * RATE);
  const file = Buffer.alloc(44 + 2 * count);
  file.write("RIFF", 0);
  file.writeUInt32LE(36 + 2 * count, 4);
  file.write("WAVEfmt ", 8);
  file.writeUInt32LE(16, 16);
  file.writeUInt16LE(1, 20);
  file.writeUInt16LE(1, 22);
  file.writeUInt32LE(RATE, 24);
  file.writeUInt32LE(2 * RATE, 28);
  file.writeUInt16LE(2, 32);
  file.writeUInt16LE(16, 34);
  file.write("data", 36);
  file.writeUInt32LE(2 * count, 40);
  for (let at = 0; at < count; at += 1) {
    const sample = 8_000 * Math.sin((2 * Math.PI * hertz * at) / RATE);
    file.writeInt16LE(Math.trunc(sample), 44 + 2 * at);
  }
  return file;
}

/** A WAV file that was recorded. */
export class Recording {
  constructor(file) {
    const form = [file.readUInt16LE(20), file.readUInt16LE(22), file.readUInt32LE(24), file.readUInt16LE(34)];
    if (form.join() !== [1, 1, RATE, 16].join()) {
      throw new Error(`format, channels, rate and bits are ${form}`);
    }
    const data = file.indexOf("data") + 8;
    this.samples = Array.from({ length: (file.length - data) >> 1 }, (_, at) => file.readInt16LE(data + 2 * at));
    this.seconds = this.samples.length / RATE;
  }

  /** In how much of it a tone of this pitch is nearly all there is, from 0 to 1. */
  shareOf(hertz) {
    const step = (2 * Math.PI * hertz) / RATE;
    const windows = Math.floor(this.samples.length / WINDOW);
    let found = 0;
    for (let window = 0; window < windows; window += 1) {
      let [real, imaginary, energy] = [0, 0, 0];
      for (let at = 0; at < WINDOW; at += 1) {
        const sample = this.samples[window * WINDOW + at];
        real += sample * Math.cos(step * at);
        imaginary += sample * Math.sin(step * at);
        energy += sample * sample;
      }
      if (2 * (real * real + imaginary * imaginary) > 0.75 * WINDOW * energy) found += 1;
    }
    return found / windows;
  }
}
