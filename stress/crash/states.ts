/**
 * Which crash states of a recorded run are taken. Before each barrier completes, everything that it is to make durable
 * may be there or not; the states between two barriers are a part of those, but what was acknowledged by then differs,
 * so some moments between are taken too. At some moments only the process dies.
 */
import {
  applyCrashState,
  type CrashState,
  drawCrashState,
  type PendingWrite,
  plainCrashStates,
} from '../../fs/store/crash-states.js';
import { below, chance, type Random } from '../../fs/store/random.js';
import { type Moment, Playback, type Recording } from '../../fs/store/recording.js';
import type { SparseBytes } from '../../fs/store/sparse-bytes.js';
import { ImageIdentity } from './identity.js';

export interface TakenState {
  readonly moment: Moment;
  readonly contents: SparseBytes;
  readonly state: CrashState;
  /** What the cut could take. */
  readonly pending: readonly PendingWrite[];
  readonly processOnly: boolean;
  /** Not seen before. */
  readonly fresh: boolean;
}

export interface StateOptions {
  readonly random: Random;
  /** Most states at one moment. */
  readonly atMoment: number;
}

/** Most moments of a run: one with many barriers is not worth more than several with few. */
const mostMoments = 40;

/** The moments at which to crash, ascending: before and after each barrier, and as many between; of very many, some. */
function momentsOf({ barriers, now }: Recording, since: Moment, random: Random): Moment[] {
  const at = barriers.filter((barrier) => barrier > since);
  const moments = new Set<Moment>([...at.flatMap((barrier) => [barrier - 1, barrier]), now]);
  for (let i = at.length; i >= 0; i--) moments.add(since + below(random, now - since + 1));
  const list = [...moments].filter((moment) => moment >= since).sort((a, b) => a - b);
  while (list.length > mostMoments) list.splice(below(random, list.length), 1);
  return list;
}

/** Whole writes: what the host was handed, and some of what was under way. */
function afterDeath(playback: Playback, random: Random): CrashState {
  const arrived = playback.arrived();
  return playback
    .pending()
    .filter((write) => arrived.includes(write) || chance(random, 0.5))
    .map((write) => ({ write, unit: 4096 as const }));
}

/** States one after another; the caller has `isNew` say whether it wants one. Contents are the caller's to change. */
export function* statesOf(
  recording: Recording,
  since: Moment,
  { random, atMoment }: StateOptions,
  isNew: (identity: number) => boolean,
): Iterable<TakenState> {
  const box: { identity?: ImageIdentity } = {};
  const playback = new Playback(recording, (write) => box.identity?.touched(write));
  const identities = new ImageIdentity(playback.durable);
  box.identity = identities;
  for (const moment of momentsOf(recording, since, random)) {
    playback.advance(moment);
    const pending = playback.pending();
    const chosen: { state: CrashState; processOnly: boolean }[] = [
      { state: afterDeath(playback, random), processOnly: true },
    ];
    const plain = [...plainCrashStates(pending)];
    while (plain.length > atMoment / 2) plain.splice(below(random, plain.length), 1);
    for (const state of plain) chosen.push({ state, processOnly: false });
    if (pending.length > 0) {
      while (chosen.length < atMoment) chosen.push({ state: drawCrashState(pending, random), processOnly: false });
    }
    for (const { state, processOnly } of chosen) {
      const contents = playback.durable.copy();
      applyCrashState(contents, state);
      // The death of the process promises more of the same image: it is judged though it was seen.
      const fresh = isNew(identities.of(contents, state));
      if (fresh || processOnly) yield { moment, contents, state, pending, processOnly, fresh };
    }
  }
}
