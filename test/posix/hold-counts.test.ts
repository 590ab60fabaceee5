/** Counts of holds: as a Map would have them, in memory that is bounded, and without long steps. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { HoldCounts } from '../../fs/posix/inode/hold-counts.js';
import { endOfInodes } from '../../fs/units.js';

it('counts as a map does, whatever numbers come', () => {
  const number = fc.oneof(
    fc.nat({ max: 40 }),
    fc.integer({ min: 1, max: endOfInodes - 1 }),
    fc.nat({ max: 200 }).map((n) => n * 2 ** 32),
  );
  const step = fc.record({ number, by: fc.constantFrom(-3, -1, 1, 1, 2) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
      const [counts, model] = [new HoldCounts(), new Map<number, number>()];
      for (const { number, by } of steps) {
        const left = Math.max(0, (model.get(number) ?? 0) + by);
        for (let i = 0; i < by; i++) counts.add(number);
        if (by < 0) expect(counts.subtract(number, -by)).toBe(left);
        if (left === 0) model.delete(number);
        else model.set(number, left);
      }
      expect(counts.size).toBe(model.size);
      for (const { number } of steps) expect(counts.has(number)).toBe(model.has(number));
      for (const [number, count] of model) expect(counts.subtract(number, 1)).toBe(count - 1);
    }),
  );
});

it('a count may be of any size', () => {
  const counts = new HoldCounts();
  for (let i = 0; i < 70_000; i++) counts.add(5);
  expect(counts.subtract(5, 4000)).toBe(66_000);
  expect(counts.subtract(5, 1000)).toBe(65_000);
  counts.add(5);
  expect([counts.subtract(5, 2 ** 60), counts.size, counts.has(5)]).toEqual([0, 0, false]);
});

it('inodes that follow each other cost a few bytes each, single ones less than in a Map, and forgotten ones nothing', () => {
  const many = 400_000;
  const counts = new HoldCounts();
  for (let i = 1; i <= many; i++) counts.add(i);
  expect(counts.bytes).toBeLessThan(8 * many);
  for (let i = 1; i <= many; i++) counts.subtract(i, 1);
  expect([counts.size, counts.bytes <= 256 * 8 * 24]).toEqual([0, true]);
  for (let i = 1; i <= many / 4; i++) counts.add(i * 1000);
  expect(counts.bytes).toBeLessThan((64 * many) / 4);
});
