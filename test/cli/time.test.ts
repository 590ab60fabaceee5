/** Times as people write them. */
import { expect, it } from 'vitest';
import { parseDuration, parseMoment } from '../../fs/cli/time.js';

it('lengths of time', () => {
  expect(['90s', '10 minutes', '1h30m', '2 days', '1w', '1 hour 1 second'].map(parseDuration)).toEqual([
    90, 600, 5400, 172_800, 604_800, 3601,
  ]);
  for (const wrong of ['', '5', '0s', 'h', '1y', '-1h', '1.5h', '9999999w'])
    expect(() => parseDuration(wrong)).toThrow(/no length of time/);
});

it('moments', () => {
  const now = Date.UTC(2026, 0, 31, 12) + 700;
  expect(parseMoment('10 minutes ago', now)).toBe(Math.floor(now / 1000) - 600);
  expect(parseMoment('1h30m ago', now)).toBe(Math.floor(now / 1000) - 5400);
  expect(parseMoment('2026-01-31T10:00:00Z', now)).toBe(Date.UTC(2026, 0, 31, 10) / 1000);
  expect(parseMoment('2026-01-31T10:00+01:00', now)).toBe(Date.UTC(2026, 0, 31, 9) / 1000);
  expect(parseMoment('2026-01-31 10:00', now)).toBe(new Date(2026, 0, 31, 10).getTime() / 1000);
  expect(parseMoment('2026-01-31', now)).toBe(new Date(2026, 0, 31).getTime() / 1000);
  expect(parseMoment('@1769850000', now)).toBe(1_769_850_000);
  for (const wrong of ['', 'yesterday', '10', '2026-13-01', 'ago', '5 parsecs ago'])
    expect(() => parseMoment(wrong, now)).toThrow(/is no time/);
});
