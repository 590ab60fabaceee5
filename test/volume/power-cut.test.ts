/**
 * Power cuts under the map: after recovery it holds an exact prefix of the batches, no shorter than what the last
 * sync or commit acknowledged, and every page that the prefix refers to.
 *
 * Each batch also puts its own number, so that the recovered map says which prefix it is.
 */
import { describe, expect, it } from 'vitest';
import { itemKind } from '../../fs/format/item.js';
import { below, chance, type Random, seededRandom } from '../../fs/store/random.js';
import { SimulatedDisk } from '../../fs/store/simulated-disk.js';
import { run } from '../../fs/suspend.js';
import { Batch } from '../../fs/tree/batch.js';
import { pageSize } from '../../fs/units.js';
import { checksumOfPages } from '../../fs/volume/recovery.js';
import { Volume } from '../../fs/volume/volume.js';
import { formatTestVolume } from '../support/volume-image.js';

const size = 16 * 2 ** 20;
const file = 9000;
const slots = 500;

/** One batch: a put or delete of an item, or a page of a slot. */
interface Step {
  readonly key?: number;
  readonly value?: string | undefined;
  readonly slot?: number;
  readonly fill?: number;
}

class Scenario {
  readonly steps: Step[] = [];
  /** Number of steps that were acknowledged as durable. */
  durable = 0;
  private readonly at = new Map<number, { address: number; birth: number }>();

  constructor(
    private readonly volume: Volume,
    private readonly random: Random,
  ) {}

  async act(): Promise<void> {
    const { random, volume } = this;
    const dice = random();
    if (dice < 0.45) {
      const key = below(random, 1500);
      const value = chance(random, 0.3) ? undefined : `${below(random, 1e9)}`.repeat(1 + below(random, 8));
      await this.apply({ key, value });
    } else if (dice < 0.9) {
      await this.apply({ slot: below(random, slots), fill: below(random, 256) });
    } else {
      const before = this.steps.length;
      if (chance(random, 0.8)) await volume.sync();
      else await volume.commit();
      this.durable = Math.max(this.durable, before);
    }
  }

  private async apply(step: Step): Promise<void> {
    const { volume } = this;
    await run(() => {
      const batch = new Batch();
      if (step.key !== undefined) {
        if (step.value === undefined) batch.delete(step.key, itemKind.inode, 0);
        else batch.put(step.key, itemKind.inode, 0, Buffer.from(step.value));
      }
      batch.put(file - 1, itemKind.inode, 0, Buffer.from(String(this.steps.length + 1)));
      const { slot } = step;
      if (slot !== undefined) {
        volume.prepare(
          [
            { inode: file, kind: itemKind.extent, offset: slot },
            { inode: file - 1, kind: 1, offset: 0 },
          ],
          1,
          false,
        );
        const page = pageOf(slot, step.fill as number);
        const [placed] = volume.appendData(file, slot, [page], () => undefined);
        const address = placed?.address as number;
        batch.claim(address, 1, volume.generation, checksumOfPages(page));
        batch.put(file, itemKind.extent, slot, Buffer.from(`${address} ${volume.generation}`));
        const old = this.at.get(slot);
        if (old !== undefined) batch.release(old.address, 1, old.birth);
        volume.apply(batch);
        this.at.set(slot, { address, birth: volume.generation });
      } else {
        volume.apply(batch);
      }
      this.steps.push(step);
    });
  }
}

function pageOf(slot: number, fill: number): Uint8Array {
  const page = new Uint8Array(pageSize).fill(fill);
  page.set([slot & 255, slot >> 8]);
  return page;
}

/** What the map must hold after the first `count` steps. */
function expected(steps: readonly Step[], count: number): { items: Map<number, string>; slots: Map<number, number> } {
  const items = new Map<number, string>();
  const filled = new Map<number, number>();
  for (const step of steps.slice(0, count)) {
    if (step.key !== undefined) {
      if (step.value === undefined) items.delete(step.key);
      else items.set(step.key, step.value);
    }
    if (step.slot !== undefined) filled.set(step.slot, step.fill as number);
  }
  return { items, slots: filled };
}

async function verify(volume: Volume, scenario: Scenario, where: string): Promise<number> {
  const number = await run(() => Number(Buffer.from(volume.get(file - 1, 1, 0) ?? []).toString() || '0'));
  expect(number, where).toBeGreaterThanOrEqual(scenario.durable);
  expect(number, where).toBeLessThanOrEqual(scenario.steps.length);
  const want = expected(scenario.steps, number);
  const got = new Map<number, string>();
  await run(() => {
    got.clear();
    for (let c = volume.seek(0, 1, 0); c.valid && c.inode < file - 1; c.next())
      got.set(c.inode, Buffer.from(c.value).toString());
  });
  expect([...got].sort(), where).toEqual([...want.items].sort());
  const page = new Uint8Array(pageSize);
  for (const [slot, fill] of want.slots) {
    const at = await run(() => Buffer.from(volume.get(file, itemKind.extent, slot) ?? []).toString());
    await run(() => volume.readPages(Number(at.split(' ')[0]), 1, page));
    expect(Buffer.from(page).equals(Buffer.from(pageOf(slot, fill))), `${where}: slot ${slot}`).toBe(true);
  }
  return number;
}

async function cut(seed: number): Promise<void> {
  const random = seededRandom(seed);
  const disk = new SimulatedDisk(size, { slow: { random, inPlace: 0.5, turns: 4 } });
  await formatTestVolume(disk);
  const volume = await Volume.open(disk, { commitSeconds: 0, cacheBytes: 2 ** 20 });
  const scenario = new Scenario(volume, random);
  const steps = 20 + below(random, 1200);
  for (let i = 0; i < steps; i++) await scenario.act();
  const pending = [volume.commit(), volume.sync()].map((work) => work.catch(() => undefined));
  for (let i = below(random, 12); i > 0; i--) await new Promise((done) => setImmediate(done));
  for (let state = 0; state < 3; state++) {
    const contents = disk.crash(random);
    const again = new SimulatedDisk(size, { contents });
    const recovered = await Volume.open(again, { commitSeconds: 0 });
    const number = await verify(recovered, scenario, `seed ${seed}, state ${state}`);
    // A crash right after recovery, and another recovery, find the same.
    const third = await Volume.open(new SimulatedDisk(size, { contents: again.crash(random) }), { commitSeconds: 0 });
    expect(await verify(third, scenario, `seed ${seed}, state ${state}, crashed again`)).toBe(number);
  }
  await Promise.all(pending);
  await volume.abandon();
}

describe('a power cut', () => {
  it('leaves a prefix of the batches, with what was acknowledged in it', async () => {
    for (let seed = 1; seed <= 25; seed++) await cut(seed);
  });
});
