/** Which segment a policy names. */
import { describe, expect, it } from 'vitest';
import { costBenefit, greedy } from '../../fs/cleaner/policy.js';
import { planGeometry } from '../../fs/format/geometry.js';
import { headKind, SegmentTable } from '../../fs/log/segment-table.js';

/** A table with sealed segments of so many live pages each, in places from 0 on. */
function sealed(...live: number[]): SegmentTable {
  const table = new SegmentTable({ ...planGeometry(16 * 2 ** 20), brand: 7 });
  table.index(0);
  for (const pages of live) {
    const place = table.take(headKind.data, 1);
    if (pages > 0) table.setLive(place, 0, pages);
    table.seal(place, 1);
  }
  return table;
}

describe.each([greedy, costBenefit])('$name', (policy) => {
  it('takes the segment with the fewest live pages among those of one age', () => {
    expect(policy.choose(sealed(20, 5, 9), 10, 1)).toBe(1);
  });

  it('leaves segments that hold fewer dead pages than asked for', () => {
    expect(policy.choose(sealed(31, 30), 10, 3)).toBe(-1);
    expect(policy.choose(sealed(31, 30), 10, 2)).toBe(1);
  });

  it('leaves segments that are open, empty or about to get live pages', () => {
    const table = sealed(0, 3, 4, 5);
    table.pinned.add(1);
    table.setLive(table.take(headKind.data, 1), 0, 1);
    expect(policy.choose(table, 10, 1)).toBe(2);
    table.pinned.add(2).add(3);
    expect(policy.choose(table, 10, 1)).toBe(-1);
  });
});

it('cost-benefit prefers the older of two segments that are alike, greedy does not ask', () => {
  const table = sealed(10, 9);
  table.generation[0] = 1;
  table.generation[1] = 90;
  expect(costBenefit.choose(table, 100, 1)).toBe(0);
  expect(greedy.choose(table, 100, 1)).toBe(1);
});
