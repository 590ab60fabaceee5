/** Times as people write and read them: `7days`, `12h`, `90min`, `30s`, a number of seconds. */
import { VolumeError } from '../errors.js';

const units: readonly (readonly [names: RegExp, seconds: number, shown: string])[] = [
  [/^w(eeks?)?$/, 604_800, 'week'],
  [/^d(ays?)?$/, 86_400, 'day'],
  [/^h(ours?)?$/, 3600, 'hour'],
  [/^m(in(utes?)?)?$/, 60, 'minute'],
  [/^(s(econds?)?)?$/, 1, 'second'],
];

/** Whole seconds. Throws VolumeError 'usage'. */
export function parseDuration(text: string): number {
  const parts = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text.trim());
  const unit = parts && units.find(([names]) => names.test(parts[2].toLowerCase()));
  if (parts && unit) return Math.round(Number(parts[1]) * unit[1]);
  throw new VolumeError('usage', `'${text}' is no time: write 7days, 12h, 90min or a number of seconds`);
}

/** In the largest unit of which it has two or more: `7 days`, `36 hours`. */
export function formatDuration(seconds: number): string {
  const [, size, name] = units.find(([, one]) => seconds >= 2 * one) ?? units[units.length - 1];
  const count = Math.floor(seconds / size);
  return `${count} ${name}${count === 1 ? '' : 's'}`;
}
