/** Volumes for tests: formatted in a store, with the geometry that the test asks for. */
import type { Store } from '../../fs/store/store.js';
import { Batch } from '../../fs/tree/batch.js';
import { Volume } from '../../fs/volume/volume.js';
import { fixedSuperblock } from '../../stress/system/superblock.js';

/** Format a store; without `initial` the tree is empty. */
export async function formatTestVolume(
  store: Store,
  segmentShift?: number,
  initial: Batch = new Batch(),
): Promise<void> {
  await Volume.format(store, { superblock: fixedSuperblock(store.size, segmentShift), initial });
}
