/** The two places of the checkpoint, written in turn. The newest that verifies counts. */
import { FsError, VolumeError } from '../errors.js';
import { Checkpoint, checkpointMagic, openCheckpoint, sealCheckpoint } from '../format/checkpoint.js';
import { checksum, selfChecksum } from '../format/checksum.js';
import { type Geometry, slotOffset, tablePages } from '../format/geometry.js';
import type { TableMap } from '../log/table-pages.js';
import type { Store } from '../store/store.js';
import { type ImageOffset, pageSize } from '../units.js';

export interface FoundCheckpoint {
  readonly checkpoint: Checkpoint;
  readonly map: TableMap;
}

/** The pages of a slot: header, then the table map; checksummed as a whole. */
export function slotPages(geometry: Geometry, checkpoint: Checkpoint, map: TableMap): Uint8Array {
  const bytes = new Uint8Array(geometry.checkpointPages * pageSize);
  bytes.set(map, pageSize);
  finish(geometry, bytes, { ...checkpoint, mapBytes: map.length });
  return bytes;
}

/** The header page alone, as it is appended to the log for salvage. */
export function headerPage(geometry: Geometry, checkpoint: Checkpoint): Uint8Array {
  const bytes = new Uint8Array(pageSize);
  finish(geometry, bytes, { ...checkpoint, mapBytes: 0 });
  return bytes;
}

function finish({ brand, sealer }: Geometry, bytes: Uint8Array, checkpoint: Checkpoint): void {
  const view = new DataView(bytes.buffer);
  Checkpoint.write(view, 0, { ...checkpoint, magic: checkpointMagic, checksum: 0, brand });
  if (sealer !== undefined) sealCheckpoint(sealer, bytes);
  view.setUint32(Checkpoint.offsetOf.checksum, checksum(bytes), true);
}

/** Check the pages of a slot; undefined when they do not hold a checkpoint that verifies. */
export function parseSlot(geometry: Geometry, bytes: Uint8Array): FoundCheckpoint | undefined {
  const checkpoint = parseHeader(geometry, bytes);
  const total = tablePages(geometry);
  if (checkpoint === undefined || checkpoint.mapBytes !== Math.ceil(total / 4)) return undefined;
  return { checkpoint, map: bytes.slice(pageSize, pageSize + checkpoint.mapBytes) };
}

/** The checkpoint that a slot, or the page of a copy in the log, holds; undefined when that does not verify. */
export function parseHeader({ brand, sealer }: Geometry, bytes: Uint8Array): Checkpoint | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const header = Checkpoint.read(view, 0);
  if (header.magic !== checkpointMagic || header.brand !== brand) return undefined;
  if (selfChecksum(bytes, Checkpoint.offsetOf.checksum) !== header.checksum) return undefined;
  if (sealer === undefined) return header;
  const opened = new Uint8Array(bytes);
  return openCheckpoint(sealer, opened) ? Checkpoint.read(new DataView(opened.buffer), 0) : undefined;
}

/**
 * Both slots, the newer first; those that can't be read or do not verify are left out. Throws the store's error where
 * that leaves none.
 */
export async function readSlots(store: Store, geometry: Geometry): Promise<FoundCheckpoint[]> {
  const found: FoundCheckpoint[] = [];
  let unread: FsError | undefined;
  for (const slot of [0, 1]) {
    const bytes = new Uint8Array(geometry.checkpointPages * pageSize);
    const failed = await readTwice(store, slotOffset(geometry, slot), bytes);
    unread = failed ?? unread;
    // Zeros are no checkpoint.
    const parsed = parseSlot(geometry, bytes);
    if (parsed !== undefined && parsed.checkpoint.slot === slot) found.push(parsed);
  }
  if (found.length === 0 && unread !== undefined) throw unread;
  return found.sort((a, b) => b.checkpoint.generation - a.checkpoint.generation);
}

/**
 * Read; once more if that fails, as going on without a slot costs what only it held. Returns the EIO of the second time,
 * and leaves zeros then.
 */
async function readTwice(store: Store, offset: ImageOffset, into: Uint8Array): Promise<FsError | undefined> {
  for (let last = false; ; last = true) {
    try {
      await store.read(offset, into);
      return undefined;
    } catch (e) {
      if (!(e instanceof FsError && e.code === 'EIO')) throw e;
      if (!last) continue;
      into.fill(0);
      return e;
    }
  }
}

/** The checkpoint to start from. VolumeError when neither slot verifies. */
export async function newestCheckpoint(store: Store, geometry: Geometry): Promise<FoundCheckpoint> {
  const [newest] = await readSlots(store, geometry);
  if (newest === undefined) {
    throw new VolumeError('corrupt', `${store.name}: neither checkpoint verifies; run fsck.varve`);
  }
  return newest;
}

/** Whatever lies in a slot is no checkpoint: its first page becomes zeros. Durable after the next barrier. */
export async function clearSlot(store: Store, geometry: Geometry, slot: number): Promise<void> {
  await store.write(slotOffset(geometry, slot), [new Uint8Array(pageSize)]);
}

/**
 * Make slots that do not verify, but for `kept`, stay so: their first page becomes zeros, durably. To be called before
 * anything is written over what only they refer to. Otherwise the next checkpoint may bring a torn one to life: of that,
 * some sectors were there; if the power goes while it is written over, and just the others get there (those of the table
 * map are often the same in both), it is whole again, and what it names is not.
 */
export async function clearBroken(store: Store, geometry: Geometry, kept: number): Promise<void> {
  let cleared = false;
  for (const slot of [0, 1]) {
    if (slot === kept || !(await isBroken(store, geometry, slot))) continue;
    await clearSlot(store, geometry, slot);
    cleared = true;
  }
  if (cleared) await store.barrier();
}

async function isBroken(store: Store, geometry: Geometry, slot: number): Promise<boolean> {
  const bytes = new Uint8Array(geometry.checkpointPages * pageSize);
  if ((await readTwice(store, slotOffset(geometry, slot), bytes)) !== undefined) return true;
  return bytes.some((byte) => byte !== 0) && parseSlot(geometry, bytes) === undefined;
}
