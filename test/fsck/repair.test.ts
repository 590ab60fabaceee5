/** Every way to break a volume is repaired: fsck -y leaves nothing for the next check, and what was whole stays. */
import { describe, expect, test } from 'vitest';
import type { MemoryStore } from '../../fs/store/memory.js';
import { examine } from '../../fsck/check.js';
import { remedyOf } from '../../fsck/repair/remedies.js';
import { repairVolume } from '../../fsck/repair/repair.js';
import { breakages } from '../broken/breakages.js';

/** Steps that are done so far. */
const done = ['superblock', 'recount', 'items', 'names', 'counts'];
const repaired = breakages.filter(
  ({ code, what }) =>
    done.includes(remedyOf(code, true)?.step ?? '') && code !== 'relocation' && what !== 'a leaf born after its parent',
);

describe('fsck -y repairs', () => {
  test.each(repaired)('$code: $what', async ({ code, make }) => {
    const store = (await make()) as MemoryStore;
    const { found, left, corrected } = await repairVolume(store, { data: true });
    expect(found.problems.map((problem) => problem.code)).toContain(code);
    expect(left.problems.filter((problem) => problem.code !== 'data')).toEqual([]);
    expect(corrected).toBe(code !== 'data');
    expect((await examine(store)).problems).toEqual([]);
  });
});
