/** The two places of the checkpoint, written in turn. The newest that verifies counts. */
import { FsError, VolumeError } from '../errors.js';
import { Checkpoint, checkpointMagic } from '../format/checkpoint.js';
import { checksum } from '../format/checksum.js';
import { type Geometry, slotOffset, tablePages } from '../format/geometry.js';
import { packMap, type TableMap, unpackMap } from '../log/table-pages.js';
import type { Store } from '../store/store.js';
import { pageSize } from '../units.js';

export interface FoundCheckpoint {
  readonly checkpoint: Checkpoint;
  readonly map: TableMap;
}

/** The pages of a slot: header, then the table map; checksummed as a whole. */
export function slotPages(geometry: Geometry, checkpoint: Checkpoint, map: TableMap): Uint8Array {
  const packed = packMap(map);
  const bytes = new Uint8Array(geometry.checkpointPages * pageSize);
  bytes.set(packed, pageSize);
  seal(bytes, { ...checkpoint, mapBytes: packed.length });
  return bytes;
}

/** The header page alone, as it is appended to the log for salvage. */
export function headerPage(checkpoint: Checkpoint): Uint8Array {
  const bytes = new Uint8Array(pageSize);
  seal(bytes, { ...checkpoint, mapBytes: 0 });
  return bytes;
}

function seal(bytes: Uint8Array, checkpoint: Checkpoint): void {
  const view = new DataView(bytes.buffer);
  Checkpoint.write(view, 0, { ...checkpoint, magic: checkpointMagic, checksum: 0 });
  view.setUint32(Checkpoint.offsetOf.checksum, checksum(bytes), true);
}

/** Check the pages of a slot; undefined when they do not hold a checkpoint that verifies. */
export function parseSlot(geometry: Geometry, bytes: Uint8Array): FoundCheckpoint | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const checkpoint = Checkpoint.read(view, 0);
  if (checkpoint.magic !== checkpointMagic) return undefined;
  view.setUint32(Checkpoint.offsetOf.checksum, 0, true);
  const sum = checksum(bytes);
  view.setUint32(Checkpoint.offsetOf.checksum, checkpoint.checksum, true);
  const total = tablePages(geometry);
  if (sum !== checkpoint.checksum || checkpoint.mapBytes !== Math.ceil(total / 4)) return undefined;
  return { checkpoint, map: unpackMap(bytes.subarray(pageSize, pageSize + checkpoint.mapBytes), total) };
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
    try {
      await store.read(slotOffset(geometry, slot), bytes);
    } catch (e) {
      if (!(e instanceof FsError && e.code === 'EIO')) throw e;
      unread = e;
      continue;
    }
    const parsed = parseSlot(geometry, bytes);
    if (parsed !== undefined && parsed.checkpoint.slot === slot) found.push(parsed);
  }
  if (found.length === 0 && unread !== undefined) throw unread;
  return found.sort((a, b) => b.checkpoint.generation - a.checkpoint.generation);
}

/** The checkpoint to start from. VolumeError when neither slot verifies. */
export async function newestCheckpoint(store: Store, geometry: Geometry): Promise<FoundCheckpoint> {
  const [newest] = await readSlots(store, geometry);
  if (newest === undefined) {
    throw new VolumeError('corrupt', `${store.name}: neither checkpoint verifies; run fsck.varve`);
  }
  return newest;
}
