/**
 * What to delete when a volume is full and snapshots hold what was removed from it. Said in the server's log when
 * something gets ENOSPC, and by `varve df` and `varve info` while there is little left.
 */
import { pageSize } from '../units.js';
import { rootUsage } from '../volume/snapshot-usage.js';
import { spaceByCause } from '../volume/space-by-cause.js';
import type { VolumeState } from '../volume/state.js';
import { formatSize } from './size.js';

/** Sizes in bytes. */
export interface Advice {
  /** What only snapshots hold, all of them together. */
  readonly held: number;
  /** Those whose deletion alone gives back most, that first. */
  readonly snapshots: readonly { readonly name: string; readonly unique: number }[];
}

const mostNamed = 3;
/** The log has this at most once in so many ms. */
const silenceMs = 60_000;

/** Undefined: there is space, or snapshots are not why there is none. Rejects with EIO, EUCLEAN. */
export async function adviceOf(state: VolumeState): Promise<Advice | undefined> {
  const { capacity, free, snapshots } = await spaceByCause(state);
  if (free >= capacity / 16 || snapshots < capacity / 100) return undefined;
  const { unique } = await rootUsage(state);
  const list = state.roots.snapshots().map(({ id, name }) => ({ name, unique: (unique.get(id) ?? 0) * pageSize }));
  return { held: snapshots * pageSize, snapshots: list.sort((a, b) => b.unique - a.unique).slice(0, mostNamed) };
}

export function adviceText({ held, snapshots }: Advice): string {
  const names = snapshots.filter(({ unique }) => unique > 0).map(({ name, unique }) => `${name} ${formatSize(unique)}`);
  const which =
    names.length > 0 ? `most comes back with ${names.join(', ')}` : 'each shares its part with another: delete several';
  return `snapshots hold ${formatSize(held)}, which removing files does not give back; ${which} (varve snapshot delete)`;
}

/** To be told of each ENOSPC. */
export function sayWhenFull(state: () => VolumeState, log: (line: string) => void): () => void {
  let silentUntil = 0;
  return () => {
    const now = performance.now();
    if (now < silentUntil) return;
    silentUntil = now + silenceMs;
    adviceOf(state()).then(
      (advice) => log(`no space is left${advice === undefined ? '' : `: ${adviceText(advice)}`}`),
      (e: unknown) => log(`no space is left, and what holds it can't be read: ${String(e)}`),
    );
  };
}
