/** The ordered map over the whole log: random changes against a plain Map, with commits, cleaning and reopening. */
import { describe, expect, it } from 'vitest';
import { FsError } from '../../fs/errors.js';
import { itemKind } from '../../fs/format/item.js';
import { MemoryStore } from '../../fs/store/memory.js';
import { below, chance, type Random, seededRandom } from '../../fs/store/random.js';
import type { Store } from '../../fs/store/store.js';
import { run } from '../../fs/suspend.js';
import { Batch } from '../../fs/tree/batch.js';
import { pageSize } from '../../fs/units.js';
import { checksumOfPages } from '../../fs/volume/recovery.js';
import { Volume } from '../../fs/volume/volume.js';
import { formatTestVolume } from '../support/volume-image.js';

const size = 16 * 2 ** 20;

interface Extent {
  address: number;
  pages: number;
  birth: number;
  sum: number;
}

/** Items of one kind with small values, and extents of one file whose pages hold bytes that tell where they belong. */
class Twin {
  items = new Map<number, string>();
  extents = new Map<number, Extent>();
  constructor(
    public volume: Volume,
    private readonly random: Random,
  ) {}

  /** One random change; on a full volume, some room is made instead. */
  async step(): Promise<void> {
    try {
      await this.change();
    } catch (e) {
      if (!(e instanceof FsError) || e.code !== 'ENOSPC') throw e;
      this.full++;
      for (let i = 0; i < 20; i++) await this.drop([...this.runs.keys()][below(this.random, this.runs.size)] as number);
    }
  }
  full = 0;

  private async drop(slot: number): Promise<void> {
    const old = this.extents.get(slot);
    if (old === undefined) return;
    const batch = new Batch().delete(9000, itemKind.extent, slot);
    batch.frees = true;
    for (const r of JSON.parse(this.runs.get(slot) as string)) batch.release(r.address, r.pages, old.birth);
    await run(() => this.volume.apply(batch));
    this.extents.delete(slot);
    this.runs.delete(slot);
  }

  private async change(): Promise<void> {
    const { random, volume } = this;
    const dice = random();
    if (dice < 0.5) {
      const key = below(random, 4000);
      const value = 'x'.repeat(below(random, chance(random, 0.02) ? 2000 : 60)) + key;
      await run(() => volume.apply(new Batch().put(key, itemKind.inode, 0, Buffer.from(value))));
      this.items.set(key, value);
    } else if (dice < 0.7) {
      const from = below(random, 4000);
      const batch = new Batch();
      for (let key = from; key < from + below(random, 40); key++) {
        batch.delete(key, itemKind.inode, 0);
        this.items.delete(key);
      }
      batch.frees = true;
      await run(() => volume.apply(batch));
    } else if (dice < 0.97) {
      await this.write(below(random, 2000));
    } else if (dice < 0.985) {
      await volume.sync();
    } else {
      await volume.commit();
    }
  }

  private async write(slot: number): Promise<void> {
    const { volume, random } = this;
    const pages = 1 + below(random, 3);
    const bytes = new Uint8Array(pages * pageSize).fill(slot % 251);
    bytes.set([below(random, 256)], 100);
    const sum = checksumOfPages(bytes);
    await run(() => {
      volume.prepare([{ inode: 9000, kind: itemKind.extent, offset: slot }], pages, false);
      const old = this.extents.get(slot);
      const runs = volume.appendData(9000, slot, [bytes], () => undefined);
      const batch = new Batch().put(9000, itemKind.extent, slot, Buffer.from(JSON.stringify(runs)));
      let at = 0;
      for (const r of runs) {
        const part = bytes.subarray(at * pageSize, (at + r.pages) * pageSize);
        batch.claim(r.address, r.pages, volume.generation, checksumOfPages(part));
        at += r.pages;
      }
      if (old !== undefined)
        for (const r of JSON.parse(this.runs.get(slot) as string)) batch.release(r.address, r.pages, old.birth);
      volume.apply(batch);
      this.extents.set(slot, { address: 0, pages, birth: volume.generation, sum });
      this.runs.set(slot, JSON.stringify(runs));
    });
  }
  private runs = new Map<number, string>();

  async compare(): Promise<void> {
    const found = new Map<number, string>();
    await run(() => {
      found.clear();
      for (let c = this.volume.seek(0, 1, 0); c.valid && c.inode < 9000; c.next())
        found.set(c.inode, Buffer.from(c.value).toString());
    });
    expect([...found].sort((a, b) => a[0] - b[0])).toEqual([...this.items].sort((a, b) => a[0] - b[0]));
    for (const [slot, extent] of this.extents) {
      const value = await run(() => {
        const v = this.volume.get(9000, itemKind.extent, slot);
        return v && Buffer.from(v).toString();
      });
      const bytes = new Uint8Array(extent.pages * pageSize);
      let at = 0;
      for (const r of JSON.parse(value as string)) {
        await run(() =>
          this.volume.readPages(r.address, r.pages, bytes.subarray(at * pageSize, (at + r.pages) * pageSize)),
        );
        at += r.pages;
      }
      expect(checksumOfPages(bytes), `slot ${slot}`).toBe(extent.sum);
    }
  }
}

async function exercise(store: Store, seed: number, steps: number): Promise<Volume['counters']> {
  const random = seededRandom(seed);
  await formatTestVolume(store);
  let volume = await Volume.open(store, { commitSeconds: 0, cacheBytes: 2 ** 20 });
  const twin = new Twin(volume, random);
  let counters = volume.counters;
  for (let i = 0; i < steps; i++) {
    await twin.step();
    if (i % 1000 === 999) {
      await twin.compare();
      counters = volume.counters;
      if (chance(random, 0.5)) {
        await volume.close();
      } else {
        await volume.sync();
        await volume.abandon();
      }
      volume = await Volume.open(store, { commitSeconds: 0, cacheBytes: 2 ** 20 });
      twin.volume = volume;
      await twin.compare();
    }
  }
  await volume.close();
  return counters;
}

describe('the map', () => {
  it('holds what was put, over commits, cleaning, close and crash (store answers in place)', async () => {
    const counters = await exercise(new MemoryStore(size), 1, 10000);
    expect(counters.height).toBeGreaterThanOrEqual(2);
    expect(counters.foregroundCleanings).toBeGreaterThan(0);
    expect(counters.relocationsDied).toBeGreaterThan(0);
  });

  it('does the same with a store that answers late', async () => {
    const store = new MemoryStore(size, { shuffled: { random: seededRandom(5) } });
    await exercise(store, 2, 3000);
  });
});
