/** Volumes for tests: formatted in a store, with the geometry that the test asks for. */
import { planGeometry } from '../../fs/format/geometry.js';
import { formatVersion, type Superblock, superblockMagic } from '../../fs/format/superblock.js';
import type { Store } from '../../fs/store/store.js';
import { Batch } from '../../fs/tree/batch.js';
import { Volume } from '../../fs/volume/volume.js';

/** A superblock for a store of `bytes`, with fixed identity. */
export function testSuperblock(bytes: number, segmentShift?: number): Superblock {
  return {
    ...planGeometry(bytes, segmentShift),
    magic: superblockMagic,
    version: formatVersion,
    checksum: 0,
    pageShift: 12,
    reserved0: 0,
    compatible: 0,
    readOnlyCompatible: 0,
    incompatible: 0,
    uuid: new Uint8Array(16).fill(7),
    label: 'test',
    createdSeconds: 1_700_000_000,
    nameSeed: 12345,
    transforms: new Uint8Array(16 * 24),
    keySlots: new Uint8Array(8 * 192),
    flags: 0,
  };
}

/** Format a store; without `initial` the tree is empty. */
export async function formatTestVolume(
  store: Store,
  segmentShift?: number,
  initial: Batch = new Batch(),
): Promise<void> {
  await Volume.format(store, { superblock: testSuperblock(store.size, segmentShift), initial });
}
