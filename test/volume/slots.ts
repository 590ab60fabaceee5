/**
 * A file of slots, each of some pages, on a volume without a filesystem: for tests of a few lines about the log, its
 * places and the cleaner. It remembers what each slot holds and where its pages were born.
 */
import { checksum } from '../../fs/format/checksum.js';
import { itemKind } from '../../fs/format/item.js';
import { extentAddress, plainExtent } from '../../fs/posix/inode/extent-value.js';
import { MemoryStore } from '../../fs/store/memory.js';
import { run } from '../../fs/suspend.js';
import { Batch } from '../../fs/tree/batch.js';
import { pageSize } from '../../fs/units.js';
import type { PageRun } from '../../fs/volume/api.js';
import type { KeptRoot } from '../../fs/volume/kept-roots.js';
import { checksumOfPages } from '../../fs/volume/recovery.js';
import { SnapshotView } from '../../fs/volume/snapshot-view.js';
import { Volume } from '../../fs/volume/volume.js';
import { formatTestVolume } from '../support/volume-image.js';

const file = 9000;
/** Pages of the file between the beginnings of two slots. */
const stride = 64;

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

/** An empty volume in memory, and the slots that will be on it. */
export async function slotsInMemory(): Promise<{ store: MemoryStore; volume: Volume; slots: Slots }> {
  const store = new MemoryStore(16 * 2 ** 20);
  await formatTestVolume(store);
  const volume = await Volume.open(store, { commitSeconds: 0 });
  return { store, volume, slots: new Slots(volume) };
}

/** Pages that are live and that neither of the trees has, which is none without other roots. */
export const unused = ({ state }: Volume): number =>
  state.table.livePages - state.mainPages - (state.main.nodes + state.system.nodes) * state.space.perNode;

export class Slots {
  private readonly slots = new Map<number, Slot>();

  constructor(public volume: Volume) {}

  /** Write `pages` pages, all bytes of which are `fill`, in place of what the slot holds. */
  async write(slot: number, pages = 1, fill = (slot * 7 + pages) & 255): Promise<void> {
    const bytes = new Uint8Array(pages * pageSize).fill(fill);
    await run(() => {
      const { volume } = this;
      volume.prepare(
        Array.from({ length: pages }, (_, i) => ({ inode: file, kind: itemKind.extent, offset: slot * stride + i })),
        pages,
        false,
      );
      const runs = volume.appendData(file, slot, [bytes], () => undefined);
      const { generation } = volume;
      const batch = new Batch();
      const sums = new Uint32Array(pages).fill(checksum(bytes.subarray(0, pageSize)));
      let at = slot * stride;
      for (const r of runs) {
        batch.put(file, itemKind.extent, at, plainExtent(r.address, generation, r.pages, sums, 0));
        batch.claim(r.address, r.pages, generation, checksumOfPages(bytes.subarray(0, r.pages * pageSize)));
        at += r.pages;
      }
      this.releaseOld(batch, slot);
      volume.apply(batch);
      this.slots.set(slot, { runs, birth: volume.generation, fill });
    });
  }

  async drop(slot: number): Promise<void> {
    await run(() => {
      const batch = new Batch();
      batch.frees = true;
      this.releaseOld(batch, slot);
      this.volume.apply(batch);
    });
    this.slots.delete(slot);
  }

  private releaseOld(batch: Batch, slot: number): void {
    const old = this.slots.get(slot);
    let at = slot * stride;
    for (const r of old?.runs ?? []) {
      batch.release(r.address, r.pages, old?.birth ?? 0);
      const key = at;
      if (!batch.items.some(({ offset }) => offset === key)) batch.delete(file, itemKind.extent, key);
      at += r.pages;
    }
  }

  /** Remember what the slots are in a snapshot that was taken just now. */
  keep(root: KeptRoot | undefined): SlotsKept {
    return { root, slots: new Map(this.slots) };
  }

  /** The live root is what was kept: a snapshot was made live. */
  use({ slots }: SlotsKept): void {
    this.slots.clear();
    for (const [slot, is] of slots) this.slots.set(slot, is);
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
      let right = true;
      let at = slot * stride;
      for (const r of runs) {
        const key = at;
        at += r.pages;
        const value = await run(() => volume.get(file, itemKind.extent, key)?.slice());
        right &&= value !== undefined && extentAddress(value) === r.address;
        const bytes = new Uint8Array(r.pages * pageSize);
        await run(() => volume.readPages(r.address, r.pages, bytes));
        right &&= bytes.every((byte) => byte === fill);
      }
      if (!right) wrong.push(slot);
    }
    return wrong;
  }
}
