/**
 * What kept roots cost, in pages: how much each holds alone, and the history as a whole. One pass over the chunks of dropped
 * runs (dropped-runs.ts): a run belongs to the first root of its line whose mark is behind its chunk, and is held by the
 * snapshot which that one follows; alone, if it was born after the snapshot before.
 */
import { itemKind, rootKind, rootState } from '../format/item.js';
import { nextTurn, run } from '../suspend.js';
import type { Generation } from '../units.js';
import { type Dropped, readChunk } from './dropped-runs.js';
import type { KeptRoot, KeptRoots } from './kept-roots.js';
import type { VolumeState } from './state.js';

/** Chunks that are read in one stretch. */
const chunksInStep = 64;

export interface RootUsage {
  /** For the id of each snapshot, and of each root of the history: pages that its deletion alone would give back. */
  readonly unique: ReadonlyMap<number, number>;
  /** Pages that would come back if the history went as a whole. */
  readonly history: number;
}

/** A root that follows another: what its line dropped in between is what that one has and it has not. */
interface Follower {
  readonly mark: number;
  /** The root before, if it alone would give back what it alone holds: it is in use, and nothing else follows it. */
  readonly holder: number | undefined;
  /** What was born after this generation is about to be given back: the root before it has never had it. */
  readonly ceiling: Generation;
  /** What was born after this generation, the root before holds alone. */
  readonly floor: Generation;
  /** What was born after this generation, only the history holds. */
  readonly lasting: Generation;
}

/** May read the system tree. Rejects with EIO, EUCLEAN. */
export async function rootUsage(state: VolumeState): Promise<RootUsage> {
  const { roots, dropped } = state;
  const unique = new Map<number, number>();
  for (const root of [...roots.snapshots(), ...roots.history()]) unique.set(root.id, 0);
  let history = 0;
  // A commit puts what waits now into chunks, from this number on.
  const { rootId: live } = state;
  const { next: end } = dropped;
  const waiting = [...dropped.waiting];
  for (const [line, followers] of followersByLine(state, unique)) {
    let at = 0;
    // Numbers of chunks come in ascending order, and so do marks.
    const count = (number: number, { birth, pages }: Dropped): void => {
      while (at < followers.length && followers[at].mark <= number) at++;
      if (at === followers.length) return;
      const { holder, ceiling, floor, lasting } = followers[at];
      if (birth > ceiling) return;
      if (birth > lasting) history += pages;
      if (holder !== undefined && birth > floor) unique.set(holder, (unique.get(holder) ?? 0) + pages);
    };
    for (let next = 0; next >= 0; ) {
      next = await run(() => countChunks(state, line, next, end, count));
      await nextTurn();
    }
    if (line === live) for (const one of waiting) count(end, one);
  }
  return { unique, history };
}

/** Roots of each line that follow another, in the order of their marks. */
function followersByLine(state: VolumeState, used: ReadonlyMap<number, unknown>): Map<number, Follower[]> {
  const { roots } = state;
  const all: { line: number; mark: number; parent: number }[] = [
    { line: state.rootId, mark: Number.POSITIVE_INFINITY, parent: state.newestRoot },
  ];
  for (const root of roots.all()) if (root.state !== rootState.leaving) all.push(root);
  const lasting = lastingUpTo(roots);
  const followed = new Map<number, number>();
  for (const { parent } of all) followed.set(parent, (followed.get(parent) ?? 0) + 1);
  const lines = new Map<number, Follower[]>();
  for (const { line, mark, parent } of all.sort((a, b) => a.mark - b.mark)) {
    const before = roots.get(parent);
    const list = lines.get(line) ?? [];
    list.push({
      mark,
      holder: used.has(parent) && followed.get(parent) === 1 ? parent : undefined,
      ceiling: before?.generation ?? 0,
      floor: roots.get(before?.parent ?? 0)?.generation ?? 0,
      lasting: lasting(before),
    });
    lines.set(line, list);
  }
  return lines;
}

/** Generation of the newest root, from each back, that is not of the history; 0: there is none. Each is gone by once. */
function lastingUpTo(roots: KeptRoots): (root: KeptRoot | undefined) => Generation {
  const known = new Map<number, Generation>();
  return (root) => {
    const path: number[] = [];
    let one = root;
    for (; one?.kind === rootKind.history && !known.has(one.id); one = roots.get(one.parent)) path.push(one.id);
    const generation = known.get(one?.id ?? 0) ?? one?.generation ?? 0;
    for (const id of path) known.set(id, generation);
    return generation;
  };
}

/** Count some chunks from `from` to `end` (not included); the number to go on with, or -1. May throw Suspend before it counts. */
function countChunks(
  state: VolumeState,
  line: number,
  from: number,
  end: number,
  count: (number: number, one: Dropped) => void,
): number {
  const found: [number, Dropped[]][] = [];
  const cursor = state.system.seek(line, itemKind.dropped, from);
  for (; cursor.valid && cursor.inode === line && cursor.kind === itemKind.dropped; cursor.next()) {
    if (found.length === chunksInStep || cursor.offset >= end) break;
    found.push([cursor.offset, readChunk(cursor.value)]);
  }
  for (const [number, runs] of found) for (const one of runs) count(number, one);
  return found.length < chunksInStep ? -1 : found[found.length - 1][0] + 1;
}
