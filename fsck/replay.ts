/**
 * What a crash left: the journal after the checkpoint. fsck replays it by opening and closing the volume, as a
 * mount would; with -n into memory, over an image that stays as it was.
 *
 * Crash safety: that of Volume.open; a crash in the middle finds the same journal again.
 */
import type { Store } from '../fs/store/store.js';
import { Volume } from '../fs/volume/volume.js';
import { OverlayStore } from './overlay.js';

export interface Replayed {
  readonly records: number;
  readonly batches: number;
}

/** Replay the journal and leave the volume clean. Throws VolumeError when it can't be replayed. */
export async function replay(store: Store): Promise<Replayed> {
  const volume = await Volume.open(store, { commitSeconds: 0 });
  const { recoveredRecords, recoveredBatches } = volume.counters;
  await volume.close();
  return { records: recoveredRecords, batches: recoveredBatches };
}

/** The same in memory: the store that a mount would find afterwards. */
export async function replayInMemory(store: Store): Promise<Replayed & { readonly store: Store }> {
  const overlay = new OverlayStore(store);
  return { ...(await replay(overlay)), store: overlay };
}
