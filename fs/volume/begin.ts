/**
 * From here on a volume is in use: a checkpoint under this mount's epoch, before anything is served.
 *
 * A crash costs places: segments that stay half full, and those of the journal. So what was replayed is first made
 * durable as if the volume had been closed, which takes the fewest places, gives back the old journal's, and is not
 * replayed again if the power goes now; and the reserve is filled up before a full volume is served, or a crash
 * after another would use it up.
 *
 * A process that was killed may have left its last checkpoint in the host's memory alone. It becomes durable before
 * anything is written: places and table copies that it no longer needs are those of the one before. A checkpoint that a
 * power cut tore is given up for good first.
 */
import { FsError, VolumeError } from '../errors.js';
import type { HeadPosition } from '../format/checkpoint.js';
import type { Place } from '../units.js';
import { clearBroken } from './checkpoint-slots.js';
import type { Checkpoints } from './checkpoints.js';
import type { Cleaning } from './cleaning.js';
import { describeCrashed } from './crashed-segments.js';
import type { JournalMode } from './journal-mode.js';
import { barrier, type VolumeState } from './state.js';

export interface Beginning {
  readonly state: VolumeState;
  readonly checkpoints: Checkpoints;
  readonly cleaning: Cleaning;
  readonly journal: JournalMode;
}

/** What the crash of a volume left: places of segments that were open, and where the head for data stood. */
export interface Crash {
  readonly left: readonly Place[];
  readonly dataHead: HeadPosition;
}

/** `crash`: it was not closed. Throws VolumeError, FsError EIO and EUCLEAN. */
export async function begin(volume: Beginning, crash: Crash | undefined): Promise<void> {
  const { state, checkpoints, cleaning } = volume;
  const { journal, log, table } = state;
  await barrier(state);
  await clearBroken(state.store, state.geometry, 1 - state.slot);
  if (crash !== undefined) {
    await describeCrashed(state, crash.left, crash.dataHead);
    await checkpoints.close();
    if (table.pendingPlaces > 0) await checkpoints.close();
  }
  if (volume.journal !== 'none' && !journal.start(log.generation))
    throw new VolumeError('corrupt', `${state.store.name}: no segment is free for the journal; run fsck.varve`);
  await checkpoints.checkpoint();
  const least = cleaning.placesFor(1);
  if (table.reusablePlaces >= least) return;
  try {
    await cleaning.makeRoom(least);
  } catch (e) {
    // Whoever needs the room will be told so; reading and removing go on.
    if (!(e instanceof FsError && e.code === 'ENOSPC')) throw e;
  }
}
