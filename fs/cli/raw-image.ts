/**
 * An image as its newest checkpoint describes it, for `info` and `dump`: nothing is replayed and nothing is
 * written. What a mount would add from the journal is shown by `varve dump IMAGE journal`.
 */
import { existsSync } from 'node:fs';
import { VolumeError } from '../errors.js';
import type { Superblock } from '../format/superblock.js';
import { openImageFile } from '../store/image-file.js';
import type { Store } from '../store/store.js';
import { run } from '../suspend.js';
import { assemble } from '../volume/assemble.js';
import { type FoundCheckpoint, newestCheckpoint, readSlots } from '../volume/checkpoint-slots.js';
import type { VolumeState } from '../volume/state.js';
import { readSuperblock } from '../volume/superblock.js';
import { mountOfImage } from './target.js';
import { unlockStore } from './unlock.js';

export interface RawImage {
  readonly store: Store;
  readonly superblock: Superblock;
  /** The newest checkpoint that verifies, with the map of the segment table. */
  readonly newest: FoundCheckpoint;
  /** All checkpoints that verify, the newest first. */
  readonly slots: readonly FoundCheckpoint[];
}

/** Open an image for `use`, and close it. Throws VolumeError when it can't be opened. */
export async function withImage<T>(path: string, use: (image: RawImage) => Promise<T>): Promise<T> {
  const mount = existsSync(path) ? mountOfImage(path) : undefined;
  if (mount)
    throw new VolumeError('in-use', `${path} is mounted on ${mount.target}: run varve umount ${mount.target} first`);
  const store = await openImageFile(path, { readOnly: true });
  try {
    await unlockStore(store);
    const superblock = await readSuperblock(store);
    const newest = await newestCheckpoint(store, superblock);
    return await use({ store, superblock, newest, slots: await readSlots(store, superblock) });
  } finally {
    await store.close();
  }
}

/** The trees, the segment table and the log of the newest checkpoint. */
export function rawState(image: RawImage): Promise<VolumeState> {
  return run(() => assemble(image.store, image.superblock, image.newest, { epoch: 0 }));
}
