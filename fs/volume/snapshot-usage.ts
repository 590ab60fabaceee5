/**
 * What snapshots cost, in pages: how much each holds alone, and all of them together. One pass over the chunks of dropped
 * runs (dropped-runs.ts): a run belongs to the first root of its line whose mark is behind its chunk, and is held by the
 * snapshot which that one follows; alone, if it was born after the snapshot before.
 */
import { itemKind, rootState } from '../format/item.js';
import { run } from '../suspend.js';
import { type Dropped, readChunk } from './dropped-runs.js';
import type { KeptRoot } from './kept-roots.js';
import type { VolumeState } from './state.js';

/** Chunks that are read in one stretch. */
const chunksInStep = 64;

/** A root that follows a snapshot: what its line dropped in between is what the snapshot has and it has not. */
interface Follower {
  readonly mark: number;
  readonly parent: KeptRoot | undefined;
}

/** For each snapshot id: pages that its deletion alone would give back. */
export async function uniquePages(state: VolumeState): Promise<Map<number, number>> {
  const { roots } = state;
  const unique = new Map<number, number>();
  for (const root of roots.snapshots()) unique.set(root.id, 0);
  for (const [line, followers] of linesOf(state)) {
    const count = (number: number, { birth, pages }: Dropped): void => {
      const parent = followers.find(({ mark }) => number < mark)?.parent;
      if (parent === undefined || followersOf(state, parent.id) > 1) return;
      const held = unique.get(parent.id);
      if (held !== undefined && birth > (roots.get(parent.parent)?.generation ?? 0))
        unique.set(parent.id, held + pages);
    };
    if (line === state.rootId) for (const one of state.dropped.waiting) count(state.dropped.next, one);
    for (let next = 0; next >= 0; ) next = await run(() => countChunks(state, line, next, count));
  }
  return unique;
}

/** Roots of each line that follow a snapshot, in the order of their marks. */
function linesOf(state: VolumeState): Map<number, Follower[]> {
  const { roots } = state;
  const lines = new Map<number, Follower[]>();
  const add = (line: number, mark: number, parent: number): void => {
    const list = lines.get(line) ?? [];
    list.push({ mark, parent: roots.get(parent) });
    lines.set(line, list);
  };
  for (const root of roots.all()) if (root.state !== rootState.leaving) add(root.line, root.mark, root.parent);
  add(state.rootId, Number.POSITIVE_INFINITY, state.newestRoot);
  for (const list of lines.values()) list.sort((a, b) => a.mark - b.mark);
  return lines;
}

const followersOf = ({ roots, newestRoot }: VolumeState, id: number): number =>
  roots.followers(id).length + (newestRoot === id ? 1 : 0);

/** Count some chunks from number `from` on; the number to go on with, or -1. May throw Suspend before it counts. */
function countChunks(
  state: VolumeState,
  line: number,
  from: number,
  count: (number: number, one: Dropped) => void,
): number {
  const found: [number, Dropped[]][] = [];
  const cursor = state.system.seek(line, itemKind.dropped, from);
  for (; cursor.valid && cursor.inode === line && cursor.kind === itemKind.dropped; cursor.next()) {
    if (found.length === chunksInStep) break;
    found.push([cursor.offset, readChunk(cursor.value)]);
  }
  for (const [number, runs] of found) for (const one of runs) count(number, one);
  return found.length < chunksInStep ? -1 : found[found.length - 1][0] + 1;
}
