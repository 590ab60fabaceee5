/** Which snapshots retention rules keep. */
import { expect, it } from 'vitest';
import { keptBy } from '../../fs/cli/retention.js';

let id = 0;
const at = (text: string) => ({ created: new Date(text).getTime(), id: ++id, text });
const kept = (list: readonly ReturnType<typeof at>[], rules: Parameters<typeof keptBy>[1]): string[] =>
  [...keptBy(list, rules)].map(([{ text }, by]) => `${text} ${by.join('+')}`);

const list = [
  at('2026-01-01T10:00'),
  at('2026-02-02T09:00'),
  at('2026-02-02T09:30'),
  at('2026-02-02T11:00'),
  at('2026-02-03T08:00'),
  at('2026-02-08T23:00'),
  at('2026-02-09T01:00'),
];

it('keeps the last of each period in which there are some', () => {
  expect(kept(list, { last: 2 })).toEqual(['2026-02-09T01:00 last', '2026-02-08T23:00 last']);
  expect(kept(list, { hourly: 4 })).toEqual([
    '2026-02-09T01:00 hourly',
    '2026-02-08T23:00 hourly',
    '2026-02-03T08:00 hourly',
    '2026-02-02T11:00 hourly',
  ]);
  expect(kept(list, { daily: 4 })).toEqual([
    '2026-02-09T01:00 daily',
    '2026-02-08T23:00 daily',
    '2026-02-03T08:00 daily',
    '2026-02-02T11:00 daily',
  ]);
  // The 8th is a Sunday and belongs to the week of the 2nd.
  expect(kept(list, { weekly: 3 })).toEqual([
    '2026-02-09T01:00 weekly',
    '2026-02-08T23:00 weekly',
    '2026-01-01T10:00 weekly',
  ]);
  expect(kept(list, { monthly: 9, yearly: 1 })).toEqual([
    '2026-02-09T01:00 monthly+yearly',
    '2026-01-01T10:00 monthly',
  ]);
});

it('keeps nothing without a rule', () => expect(kept(list, {})).toEqual([]));

it('takes the one made last for the newest of two made in one second', () => {
  const [first, second] = [at('2026-01-01T10:00'), at('2026-01-01T10:00')];
  for (const list of [
    [first, second],
    [second, first],
  ])
    expect([...keptBy(list, { last: 1, hourly: 1 })]).toEqual([[second, ['last', 'hourly']]]);
});
