/**
 * The filesystem layer against the model, on a volume that suspends whenever it may. Each batch must leave a map that
 * keeps all rules, as a crash may come after any.
 */
import { expect, it } from 'vitest';
import { seededRandom } from '../../fs/store/random.js';
import { Harness } from '../../stress/random/harness.js';
import { perform } from '../../stress/random/operations.js';
import { drawSteps } from '../../stress/random/steps.js';
import { clockOf, VirtualTime } from '../../stress/system/virtual-time.js';
import { BrokenRule, type MemoryVolume } from '../support/memory-volume.js';
import { checkMap } from './check-map.js';
import { MemoryMaker } from './memory-system.js';

const withoutPower = new Set(['cut', 'planCut', 'kill']);

async function runModel(
  seed: number,
  steps: number,
  restless: number,
  late: number,
  compression?: string,
): Promise<Harness> {
  const time = new VirtualTime();
  const random = seededRandom(seed + 1);
  const afterBatch = (volume: MemoryVolume): void => {
    if (volume.batches % 17 > 0) return;
    const problems = checkMap(volume);
    if (problems.length > 0) throw new BrokenRule(`after batch ${volume.batches}: ${problems.join(', ')}`);
  };
  const chain = compression === undefined ? {} : { compression };
  const maker = new MemoryMaker({ random, restless, late, capacity: 3000, afterBatch, ...chain }, () => clockOf(time));
  const harness = new Harness(maker, { seed, size: 1 << 20, time, check: true });
  await harness.start();
  for (const step of drawSteps(seededRandom(seed), steps, 100)) {
    if (!withoutPower.has(step.name)) await perform(harness, step);
  }
  await harness.finish();
  return harness;
}

const shares: readonly (readonly [number, number, number])[] = [
  [0, 0, 0],
  [1, 0.1, 0.5],
  [2, 0.4, 0],
  [5, 0.4, 0.5],
];

it.each(shares)(
  'agrees with the model: seed %d, %d of the calls suspend, %d of the reads are late',
  async (...given) => {
    const [seed, restless, late] = given;
    const harness = await runModel(seed, 1200, restless, late);
    expect(harness.counts['images checked']).toBeGreaterThan(0);
  },
);

it.each([
  [11, 0, 0, 'lz4'],
  [12, 0.4, 0.5, 'lz4'],
  [13, 0.1, 0.5, 'deflate:1'],
] as const)('agrees with the model where units are transformed: seed %d, %d, %d, %s', async (...given) => {
  const [seed, restless, late, chain] = given;
  const harness = await runModel(seed, 1200, restless, late, chain);
  expect(harness.counts['images checked']).toBeGreaterThan(0);
});
