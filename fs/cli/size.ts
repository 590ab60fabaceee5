/**
 * Sizes as people write and read them: `1G`, `512MiB`, `100MB`, `1.0 GiB`. As truncate(1): K, M, G, T, P and
 * KiB... count in 1024, KB... in 1000.
 */
import { VolumeError } from '../errors.js';

const letters = 'KMGTP';

/** Bytes meant by `text`, a whole number from 0 to 2^53 - 1. Throws VolumeError 'usage'. */
export function parseSize(text: string): number {
  const parts = /^(\d+(?:\.\d+)?)\s*(?:([KMGTP])(iB|B)?|B)?$/i.exec(text.trim());
  if (parts) {
    const power = parts[2] ? letters.indexOf(parts[2].toUpperCase()) + 1 : 0;
    const base = parts[3]?.toUpperCase() === 'B' ? 1000 : 1024;
    const bytes = Number(parts[1]) * base ** power;
    if (Number.isSafeInteger(bytes)) return bytes;
  }
  throw new VolumeError(
    'usage',
    `'${text}' is not a size: write a number of bytes, or one with K, M, G or T such as 512M`,
  );
}

/** `bytes` for a reader: `1.0 GiB`, `512 B`. */
export function formatSize(bytes: number): string {
  let value = bytes;
  let power = 0;
  while (value >= 1024 && power < letters.length) {
    value /= 1024;
    power++;
  }
  if (power === 0) return `${bytes} B`;
  const shown = value < 100 && !Number.isInteger(value) ? value.toFixed(1) : value.toFixed(value < 10 ? 1 : 0);
  return `${shown} ${letters[power - 1]}iB`;
}

/** A count with its noun: `1 file`, `2 files`. */
export function counted(count: number, noun: string, plural = `${noun}s`): string {
  return `${count.toLocaleString('en-US')} ${count === 1 ? noun : plural}`;
}
