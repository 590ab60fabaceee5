/**
 * Times as people write them: a duration such as `90s`, `10 minutes`, `1h30m`; a moment such as `10 minutes ago`,
 * `2026-01-31T10:00` (of the clock on the wall here, or with a zone: `...Z`, `...+01:00`), `2026-01-31`, `@1769850000`.
 */
import { VolumeError } from '../errors.js';

/** Seconds of a unit, by the words that name it. */
const units: readonly (readonly [RegExp, number])[] = [
  [/^(s|secs?|seconds?)$/, 1],
  [/^(m|mins?|minutes?)$/, 60],
  [/^(h|hours?)$/, 3600],
  [/^(d|days?)$/, 86_400],
  [/^(w|weeks?)$/, 7 * 86_400],
];

/** Seconds of a duration, a whole number from 1 to those of a hundred years. Throws VolumeError 'usage'. */
export function parseDuration(text: string): number {
  const seconds = secondsOf(text);
  if (seconds !== undefined && seconds >= 1 && seconds <= 100 * 366 * 86_400) return seconds;
  throw new VolumeError('usage', `'${text}' is no length of time: write a number and s, m, h, d or w, such as 90m`);
}

/** A moment in seconds since 1970, rounded down; `now` in milliseconds. Throws VolumeError 'usage'. */
export function parseMoment(text: string, now: number): number {
  const plain = text.trim().toLowerCase();
  const ago = /^(.+?)\s*ago$/.exec(plain);
  const before = ago === null ? undefined : secondsOf(ago[1]);
  if (before !== undefined) return Math.floor(now / 1000 - before);
  if (/^@\d{1,11}$/.test(plain)) return Number(plain.slice(1));
  if (/^\d{4}-\d{2}-\d{2}/.test(plain)) {
    // A date alone would be of Greenwich, and one with a time of here.
    const ms = new Date(plain.length === 10 ? `${plain}T00:00` : text.trim()).getTime();
    if (!Number.isNaN(ms)) return Math.floor(ms / 1000);
  }
  throw new VolumeError('usage', `'${text}' is no time: write '10 minutes ago', 2026-01-31T10:00 or @SECONDS`);
}

/** The last that a Date can tell, in milliseconds since 1970; images may say anything. */
const lastMoment = 8.64e15;

/** Milliseconds since 1970 for a reader, in ISO 8601; `@SECONDS` where no calendar has that. */
export const timeText = (ms: number): string =>
  Math.abs(ms) > lastMoment ? `@${ms / 1000}` : new Date(ms).toISOString().replace('.000Z', 'Z');

function secondsOf(text: string): number | undefined {
  const plain = text.trim().toLowerCase();
  if (!/^(\d{1,9}\s*[a-z]+\s*)+$/.test(plain)) return undefined;
  let seconds = 0;
  for (const [, count, word] of plain.matchAll(/(\d+)\s*([a-z]+)/g)) {
    const unit = units.find(([names]) => names.test(word));
    if (unit === undefined) return undefined;
    seconds += Number(count) * unit[1];
  }
  return seconds;
}
