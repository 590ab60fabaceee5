/**
 * Random operations on a volume and on a model of it, with remounts and power cuts in between: the short run. The long
 * one, which must go through everything that a volume can go through, is scripts/soak-model.ts.
 */
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { seededRandom } from '../../fs/store/random.js';
import { Harness } from '../../stress/random/harness.js';
import { type OperationName, operations, perform, type Step } from '../../stress/random/operations.js';
import { drawSteps } from '../../stress/random/steps.js';
import { VarveMaker, type VarveOptions } from '../../stress/system/varve.js';
import { VirtualTime } from '../../stress/system/virtual-time.js';

let time: VirtualTime | undefined;
afterEach(() => time?.uninstall());

async function follow(
  seed: number,
  steps: Iterable<Step>,
  mebibytes: number,
  options: Partial<VarveOptions> = {},
): Promise<Harness> {
  time?.uninstall();
  const clock = new VirtualTime();
  time = clock;
  const maker = new VarveMaker({ now: () => clock.now, segmentShift: 5, nodeBytes: 1 << 20, ...options });
  const harness = new Harness(maker, {
    seed,
    size: mebibytes << 20,
    time: clock,
    check: true,
    ...(options.journal === undefined ? {} : { journal: options.journal }),
  });
  clock.install();
  await harness.start();
  for (const step of steps) await perform(harness, step);
  await harness.finish();
  clock.uninstall();
  return harness;
}

describe('a volume and its model', () => {
  it.each([1, 2, 3])('agree for the tides of seed %i', async (seed) => {
    const harness = await follow(seed, drawSteps(seededRandom(seed), 1000, 100), 32);
    expect(harness.counts['power cuts']).toBeGreaterThan(0);
    expect(harness.counts.remounts).toBeGreaterThan(0);
    expect(harness.counts.splits).toBeGreaterThan(0);
  });

  it.each([
    [4, 'lz4', 'ordered'],
    [5, 'lz4', 'data'],
    [7, 'deflate:1', 'writeback'],
  ] as const)('agree where units are transformed: seed %i, %s, journal=%s', async (seed, compression, journal) => {
    const harness = await follow(seed, drawSteps(seededRandom(seed), 700, 100), 32, { compression, journal });
    expect(harness.counts['power cuts']).toBeGreaterThan(0);
    expect(harness.counts.remounts).toBeGreaterThan(0);
  });

  it('agree for any few operations', async () => {
    const step = fc.record({
      name: fc.constantFrom(...(Object.keys(operations) as OperationName[])),
      seed: fc.nat(2 ** 31 - 1),
    });
    const some = fc.array(step, { minLength: 5, maxLength: 60, size: 'max' });
    await fc.assert(
      fc.asyncProperty(some, fc.nat(), async (steps, seed) => void (await follow(seed, steps, 16))),
      { numRuns: 40, seed: 20_260_101 },
    );
  });
});
