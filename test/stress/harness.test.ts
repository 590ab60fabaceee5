/**
 * The harness itself: it must agree with a second model, and must notice when that misbehaves.
 */
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../fs/store/random.js';
import { Contents } from '../../stress/model/contents.js';
import { checkContents } from '../../stress/promise/pages.js';
import { Harness } from '../../stress/random/harness.js';
import { perform } from '../../stress/random/operations.js';
import { drawSteps } from '../../stress/random/steps.js';
import { clockOf, VirtualTime } from '../../stress/system/virtual-time.js';
import { type Misbehaviour, ToyMaker } from './toy.js';

async function runToy(seed: number, steps: number, misbehaviour?: Misbehaviour): Promise<Harness> {
  const time = new VirtualTime();
  const toy = new ToyMaker(seededRandom(seed), () => clockOf(time), misbehaviour);
  const harness = new Harness(toy, { seed, size: 1 << 20, time });
  await harness.start();
  for (const step of drawSteps(seededRandom(seed), steps, 100)) {
    // The toy copies itself at each operation: keep it small.
    if (step.name !== 'bulk' && step.name !== 'fill') await perform(harness, step);
  }
  await harness.finish();
  return harness;
}

describe('the harness', () => {
  it('agrees with a second model', async () => {
    let cuts = 0;
    for (let seed = 0; seed < 5; seed++) cuts += (await runToy(seed, 700)).counts['power cuts'] ?? 0;
    expect(cuts).toBeGreaterThan(0);
  });

  it.each<Misbehaviour>(['forgets what was synced', 'shows zeros', 'swaps contents', 'loses an entry', 'reads wrong'])(
    'notices that the other one %s',
    async (misbehaviour) => {
      let noticed = 0;
      for (let seed = 0; seed < 4; seed++) {
        await runToy(seed, 600, misbehaviour).catch((error: Error) => {
          expect(error.name === 'Error' ? error.message : error.name).toMatch(/power cut|inode|expected|wrong/);
          noticed++;
        });
      }
      expect(noticed).toBeGreaterThanOrEqual(3);
    },
  );
});

describe('contents after a power cut', () => {
  const fill = (byte: number, length: number): Uint8Array => new Uint8Array(length).fill(byte);
  const empty = { sequence: 1, contents: Contents.empty };
  const old = { sequence: 2, contents: Contents.empty.write(0, fill(1, 10_000)) };
  const changed = { sequence: 3, contents: old.contents.write(4096, fill(2, 4096)) };
  const accepts = (window: Parameters<typeof checkContents>[1], found: Contents): boolean =>
    checkContents(7, window, found).length === 0;

  it('may be old page by page', () => {
    expect(accepts([old, changed], old.contents)).toBe(true);
    expect(accepts([old, changed], changed.contents)).toBe(true);
    expect(accepts([empty, old, changed], Contents.empty)).toBe(true);
    expect(accepts([empty, old], Contents.empty.write(0, fill(1, 4096)))).toBe(true);
  });

  it('may not be mixed within a page, zeros, or of a forgotten version', () => {
    expect(accepts([old, changed], old.contents.write(5000, fill(2, 100)))).toBe(false);
    expect(accepts([empty, old], Contents.empty.resize(10_000))).toBe(false);
    expect(accepts([changed], old.contents)).toBe(false);
    expect(accepts([old], Contents.empty.write(0, fill(1, 10_001)))).toBe(false);
  });

  it('have later truncations done on them, whatever their age', () => {
    const cut = { sequence: 4, contents: changed.contents.resize(5000), redo: { what: 'cut', size: 5000 } } as const;
    const grown = { sequence: 5, contents: cut.contents.resize(9000), redo: { what: 'extend', size: 9000 } } as const;
    expect(accepts([old, changed, cut], old.contents.resize(5000))).toBe(true);
    expect(accepts([old, changed, cut], old.contents)).toBe(false);
    expect(accepts([old, changed, cut, grown], old.contents.resize(5000).resize(9000))).toBe(true);
    expect(accepts([old, changed, cut, grown], changed.contents.resize(9000))).toBe(false);
  });
});
