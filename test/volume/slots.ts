/**
 * A file of slots, each of some pages, on a volume without a filesystem: for tests of a few lines about the log, its
 * places and the cleaner. It remembers what each slot holds and where its pages were born.
 */
import { itemKind } from '../../fs/format/item.js';
import { run } from '../../fs/suspend.js';
import { Batch } from '../../fs/tree/batch.js';
import { pageSize } from '../../fs/units.js';
import type { PageRun } from '../../fs/volume/api.js';
import type { KeptRoot } from '../../fs/volume/kept-roots.js';
import { checksumOfPages } from '../../fs/volume/recovery.js';
import { SnapshotView } from '../../fs/volume/snapshot-view.js';
import type { Volume } from '../../fs/volume/volume.js';

const file = 9000;

interface Slot {
  readonly runs: readonly PageRun[];
  readonly birth: number;
  readonly fill: number;
}

/** What a snapshot must hold. */
export interface SlotsKept {
  readonly root: KeptRoot | undefined;
  readonly slots: ReadonlyMap<number, Slot>;
}

export class Slots {
  private readonly slots = new Map<number, Slot>();

  constructor(public volume: Volume) {}

  /** Write `pages` pages, all bytes of which are `fill`, in place of what the slot holds. */
  async write(slot: number, pages = 1, fill = (slot * 7 + pages) & 255): Promise<void> {
    const bytes = new Uint8Array(pages * pageSize).fill(fill);
    await run(() => {
      const { volume } = this;
      volume.prepare([{ inode: file, kind: itemKind.extent, offset: slot }], pages, false);
      const runs = volume.appendData(file, slot, [bytes], () => undefined);
      const batch = new Batch().put(file, itemKind.extent, slot, Buffer.from(JSON.stringify(runs)));
      for (const r of runs)
        batch.claim(r.address, r.pages, volume.generation, checksumOfPages(bytes.subarray(0, r.pages * pageSize)));
      this.releaseOld(batch, slot);
      volume.apply(batch);
      this.slots.set(slot, { runs, birth: volume.generation, fill });
    });
  }

  async drop(slot: number): Promise<void> {
    await run(() => {
      const batch = new Batch().delete(file, itemKind.extent, slot);
      batch.frees = true;
      this.releaseOld(batch, slot);
      this.volume.apply(batch);
    });
    this.slots.delete(slot);
  }

  private releaseOld(batch: Batch, slot: number): void {
    const old = this.slots.get(slot);
    for (const r of old?.runs ?? []) batch.release(r.address, r.pages, old?.birth ?? 0);
  }

  /** Remember what the slots are in a snapshot that was taken just now. */
  keep(root: KeptRoot): SlotsKept {
    return { root, slots: new Map(this.slots) };
  }

  /** Slots of which the map or the pages are not what was written. */
  wrong(): Promise<number[]> {
    return this.wrongIn({ root: undefined, slots: this.slots });
  }

  /** The same of a snapshot. */
  async wrongIn({ root, slots }: SlotsKept): Promise<number[]> {
    const volume = root === undefined ? this.volume : new SnapshotView(this.volume, root);
    const wrong: number[] = [];
    for (const [slot, { runs, fill }] of slots) {
      const value = await run(() => Buffer.from(volume.get(file, itemKind.extent, slot) ?? []).toString());
      let right = value === JSON.stringify(runs);
      for (const r of runs) {
        const bytes = new Uint8Array(r.pages * pageSize);
        await run(() => volume.readPages(r.address, r.pages, bytes));
        right &&= bytes.every((byte) => byte === fill);
      }
      if (!right) wrong.push(slot);
    }
    return wrong;
  }
}
