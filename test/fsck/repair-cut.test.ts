/** A repair that loses its power at any write leaves a volume that the next one can finish, with nothing else lost. */
import { describe, expect, test } from 'vitest';
import { FsError } from '../../fs/errors.js';
import { MemoryStore } from '../../fs/store/memory.js';
import { seededRandom } from '../../fs/store/random.js';
import { SimulatedDisk } from '../../fs/store/simulated-disk.js';
import type { SparseBytes } from '../../fs/store/sparse-bytes.js';
import { examine, survey } from '../../fsck/check.js';
import { repairVolume } from '../../fsck/repair/repair.js';
import { breakages } from '../broken/breakages.js';
import { losses } from '../broken/losses.js';
import { itemsOf } from '../support/items-of.js';
import { onlyOnPlainVolumes } from '../support/plain-volumes.js';
import { wornVolume } from '../support/worn-volume.js';

onlyOnPlainVolumes('lays nodes, extents and records by hand');

const now = () => 1_700_000_000_000;

/** What the repaired volume holds, without the birth and address of pages that were copied. */
async function contentsOf(bytes: SparseBytes): Promise<Map<string, string>> {
  return itemsOf(new MemoryStore(bytes.size, { bytes, readOnly: true }));
}

async function cutAt(broken: SparseBytes, call: number): Promise<SparseBytes | undefined> {
  const disk = new SimulatedDisk(broken.size, { contents: broken.copy() });
  disk.faults.plan('write', call, { what: 'power' });
  try {
    await repairVolume(disk, { now });
    return undefined;
  } catch (e) {
    if (!(e instanceof FsError) || disk.powered) throw e;
    return disk.crash(seededRandom(call));
  }
}

/** One or two of each step: all of them take minutes. REPAIR_CUTS=all npx vitest run test/fsck/repair-cut.test.ts */
const some = [
  'a flipped bit in the first page',
  'a tree of no levels',
  'a flipped bit in an index page',
  'a flipped bit in a leaf',
  'two keys swapped',
  'that no pointer needs',
  'pages of another file',
  'a short record',
  'an entry under another hash',
  'two directories in each other',
  'pages live and not in use',
];
const chosen = breakages.filter(
  ({ code, what }) => code !== 'data' && (process.env.REPAIR_CUTS === 'all' || some.includes(what)),
);

describe('a power cut at every write of a repair', () => {
  test.each(chosen)('$code: $what', async ({ make }) => {
    const { bytes } = (await make()) as MemoryStore;
    await cutEverywhere(bytes, 1);
  });

  test.each(['the root of the tree', 'both checkpoints', 'the table, both roots'])('a crash and %s', async (what) => {
    const bytes = await wornVolume(2, true);
    const store = new MemoryStore(bytes.size, { bytes });
    await losses[what](store, await survey(store));
    await cutEverywhere(bytes, process.env.REPAIR_CUTS === 'all' ? 1 : 7);
  });
});

/** Cut the repair of an image at every write, or every so many. */
async function cutEverywhere(bytes: SparseBytes, step: number): Promise<void> {
  const whole = bytes.copy();
  await repairVolume(new MemoryStore(whole.size, { bytes: whole }), { now });
  const wanted = [...(await contentsOf(whole)).keys()];
  let cuts = 0;
  for (let call = 1; ; call += step) {
    const cut = await cutAt(bytes, call);
    if (cut === undefined) break;
    cuts++;
    const store = new MemoryStore(cut.size, { bytes: cut });
    const { left } = await repairVolume(store, { now });
    expect(left.problems, `cut at write ${call}`).toEqual([]);
    expect((await examine(store)).problems, `cut at write ${call}`).toEqual([]);
    const items = await contentsOf(cut);
    expect(
      wanted.filter((key) => !items.has(key)),
      `cut at write ${call}`,
    ).toEqual([]);
  }
  expect(cuts).toBeGreaterThan(0);
}
