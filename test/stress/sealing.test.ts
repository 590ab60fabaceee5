/** Flipped bits of an encrypted image, a few of those that `npm run sealing` tries, and what it must call wrong. */
import { afterEach, describe, expect, it } from 'vitest';
import { seededRandom } from '../../fs/store/random.js';
import { forget } from '../../fs/transform/keyring.js';
import { BitFlips, type BitPlan, planFlips } from '../../stress/sealing/bits.js';
import { fixedSuperblock } from '../../stress/system/superblock.js';

const seed = 9;
/** Of the planned bits, each so many-th: a look takes some milliseconds. */
const share = 97;
const { uuid } = fixedSuperblock(16 << 20);

afterEach(() => forget(uuid));

async function makePlan(): Promise<BitPlan> {
  const plan = await planFlips(seededRandom(seed), seed, 16);
  return { ...plan, bits: plan.bits.filter((_, i) => i % share === 0), forOpening: 0 };
}

async function flipAll(plan: BitPlan): Promise<BitFlips> {
  const flips = new BitFlips(plan);
  let i = 0;
  await flips.run(() => i++);
  return flips;
}

describe('flipped bits', () => {
  it('are never other contents', async () => {
    const plan = await makePlan();
    const { count } = await flipAll(plan);
    expect(count.wrong).toEqual([]);
    expect(count.flips).toBe(plan.bits.length);
    expect(count.harmless).toBeGreaterThan(0);
    expect(count.refused).toBeGreaterThan(0);
  });

  it('are wrong if an inode reads as in no whole state, although another is refused', async () => {
    const plan = await makePlan();
    const inodes = new Set(plan.inodes);
    for (const inode of plan.inodes) if (inode.startsWith('1 ')) inodes.delete(inode);
    const { count } = await flipAll({ ...plan, inodes });
    expect(count.harmless).toBeGreaterThan(0);
    expect(count.wrong.length).toBeGreaterThan(0);
  });
});
