// Sounds as the platform plays and records them: WAV, PCM, one channel, 16 bit, 16,000 Hz.

const RATE = 16_000;

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

  /** How much of all the energy is at this pitch, from 0 to 1. */
  shareOf(hertz) {
    // The ends are left out: a stream begins and ends when it does.
    const samples = this.samples.slice(RATE / 10, -RATE / 10);
    const step = (2 * Math.PI * hertz) / RATE;
    let [real, imaginary, energy] = [0, 0, 0];
    samples.forEach((sample, at) => {
      real += sample * Math.cos(step * at);
      imaginary += sample * Math.sin(step * at);
      energy += sample * sample;
    });
    return energy === 0 ? 0 : (2 * (real * real + imaginary * imaginary)) / (samples.length * energy);
  }
}
