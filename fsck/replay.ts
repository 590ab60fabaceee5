/**
 * What a crash left: the journal after the checkpoint. fsck replays it by opening and closing the volume, as a
 * mount would; with -n into memory, over an image that stays as it was.
 *
 * Crash safety: that of Volume.open; a crash in the middle finds the same journal again.
 */
import type { Store } from '../fs/store/store.js';
import { JournalDamage } from '../fs/volume/recovery.js';
import { Volume } from '../fs/volume/volume.js';
import { OverlayStore } from './overlay.js';

export interface Replayed {
  readonly records: number;
  readonly batches: number;
}

/**
 * Replay the journal and leave the volume clean. Throws VolumeError when it can't be replayed; JournalDamage where a
 * record is missing that had been durable, unless it is to be `cut` there.
 */
export async function replay(store: Store, cut = false): Promise<Replayed> {
  const volume = await Volume.open(store, { commitSeconds: 0, cutJournal: cut, filesUntouched: true });
  const { recoveredRecords, recoveredBatches } = volume.counters;
  await volume.close();
  return { records: recoveredRecords, batches: recoveredBatches };
}

/** The same in memory: the store that a mount would find afterwards. */
export async function replayInMemory(store: Store, cut = false): Promise<Replayed & { readonly store: Store }> {
  const overlay = new OverlayStore(store);
  return { ...(await replay(overlay, cut)), store: overlay };
}

/** As far as it can be replayed, in memory; with the damage that cuts it, if there is any. */
export async function replayToDamage(
  store: Store,
): Promise<Replayed & { readonly store: Store; readonly damage: JournalDamage | undefined }> {
  try {
    return { ...(await replayInMemory(store)), damage: undefined };
  } catch (damage) {
    if (!(damage instanceof JournalDamage)) throw damage;
    return { ...(await replayInMemory(store, true)), damage };
  }
}
