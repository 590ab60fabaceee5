/** Every way to break a volume is repaired: fsck -y leaves nothing for the next check, and what was whole stays. */
import { beforeAll, describe, expect, test } from 'vitest';
import { MemoryStore } from '../../fs/store/memory.js';
import { seededRandom } from '../../fs/store/random.js';
import { checkVolume, examine } from '../../fsck/check.js';
import { allowSafe } from '../../fsck/repair/permission.js';
import { remedyOf } from '../../fsck/repair/remedies.js';
import { type RepairResult, repairVolume } from '../../fsck/repair/repair.js';
import { breakages } from '../broken/breakages.js';
import { inodeOf, sampleVolume } from '../broken/sample.js';
import { inodeOfKey, itemsOf } from '../support/items-of.js';
import { onlyOnPlainVolumes } from '../support/plain-volumes.js';

onlyOnPlainVolumes('lays nodes, extents and records by hand');

/** Inodes that a repair says to have changed, and the directories that count them. */
function touched({ found, ledger }: RepairResult): Set<number> {
  const inodes = new Set<number>([0, inodeOf.root]);
  for (const { inode } of [...found.problems, ...ledger.repairs]) if (inode !== undefined) inodes.add(inode);
  return inodes;
}

const structural = ['table-page', 'index-entry', 'checkpoint'];

let pristine: Map<string, string>;
beforeAll(async () => {
  pristine = await itemsOf(await sampleVolume());
});

describe('fsck -y repairs', () => {
  test.each(breakages)('$code: $what', async ({ code, make }) => {
    const store = (await make()) as MemoryStore;
    const before = structural.includes(code) ? pristine : await itemsOf(store);
    const result = await repairVolume(store, { data: true });
    expect(result.found.problems.map((problem) => problem.code)).toContain(code);
    expect(result.left.problems.filter((problem) => problem.code !== 'data')).toEqual([]);
    expect(result.corrected).toBe(code !== 'data');
    expect((await examine(store)).problems).toEqual([]);

    const after = await itemsOf(store);
    const changed = touched(result);
    const lost = [...before].filter(([key, value]) => after.get(key) !== value && !changed.has(inodeOfKey(key)));
    expect(lost).toEqual([]);
    // Nothing new but lost+found.
    const known = (key: string) => before.has(key) || pristine.has(key) || changed.has(inodeOfKey(key));
    expect([...after.keys()].filter((key) => !known(key) && inodeOfKey(key) < 500)).toEqual([]);
  });
});

describe('fsck -p', () => {
  test.each(breakages)('$code: $what', async ({ code, make }) => {
    const store = (await make()) as MemoryStore;
    const untouched = store.bytes.copy();
    const problems = await checkVolume(store, { data: true });
    const unsafe = problems.filter((problem) => !remedyOf(problem.code, problem.inode !== undefined)?.safe);
    const result = await repairVolume(store, { data: true, allow: allowSafe });
    expect(result.found.problems.map((problem) => problem.code)).toContain(code);
    if (unsafe.length === 0) {
      expect(result.left.problems).toEqual([]);
      expect((await examine(store)).problems).toEqual([]);
      return;
    }
    // What is not safe is all still there.
    const left = new Set(result.left.problems.map(({ message }) => message));
    expect(unsafe.filter(({ message }) => !left.has(message))).toEqual([]);
    if (result.corrected) return;
    const [now, then] = [new Uint8Array(store.size), new Uint8Array(store.size)];
    store.bytes.read(0, now);
    untouched.read(0, then);
    expect(Buffer.compare(now, then)).toBe(0);
  });
});

test('a repair under way can be done in a store that answers late', async () => {
  for (const breakage of breakages.filter((_, i) => i % 7 === 0)) {
    const { bytes, size } = (await breakage.make()) as MemoryStore;
    const late = new MemoryStore(size, { bytes, shuffled: { random: seededRandom(5) } });
    const { left } = await repairVolume(late);
    expect(left.problems, breakage.what).toEqual([]);
  }
});
