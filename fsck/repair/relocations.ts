/**
 * The relocation map, found again and written anew. A summary says under which address pointers know the pages that
 * the cleaner wrote, so the map can be rebuilt from the segments themselves; of several moves of a page the last one
 * counts. What is written is what pointers need, page for page.
 */
import { put } from '../../fs/cleaner/relocation-map.js';
import { Graft } from '../../fs/tree/graft.js';
import type { Address, Generation } from '../../fs/units.js';
import type { VolumeState } from '../../fs/volume/state.js';
import { numbers } from '../column.js';
import type { Image } from '../image.js';
import { RelocationList } from '../relocations.js';
import type { Item } from '../system-items.js';
import type { MovedPages } from './moves.js';

/**
 * Add the moves to the image's map, for pages whose segment is gone, and that it does not know, that no longer lie where it
 * says, or that were moved later than `since`: the map of an older checkpoint is behind the cleaner. False if there is
 * nothing to add.
 */
export function addMoves(image: Image, moved: MovedPages, since: Generation): boolean {
  const { relocations: map, perSegment } = image;
  const lies = (target: Address): boolean => image.placeOf(Math.floor(target / perSegment)) >= 0;
  const isKnown = (address: Address): boolean => {
    const target = map.target(address);
    return target >= 0 && lies(target);
  };
  const from = numbers();
  const to = numbers();
  for (let i = 0; i < moved.from.length; i++) {
    const isNewer = moved.generation.values[i] > since;
    for (let page = 0; page < moved.pages.values[i]; page++) {
      const address = moved.from.values[i] + page;
      if (lies(address) || (!isNewer && isKnown(address))) continue;
      from.push(address);
      to.push(moved.to.values[i] + page);
    }
  }
  if (from.length === 0) return false;
  for (let i = 0; i < map.from.length; i++) {
    for (let page = 0; page < map.pages.values[i]; page++) {
      if (!lies(map.to.values[i] + page)) continue;
      from.push(map.from.values[i] + page);
      to.push(map.to.values[i] + page);
    }
  }
  image.relocations = joined(from.values, to.values, from.length);
  return true;
}

/** Runs of pages that moved together; of several moves of a page the last one. */
function joined(from: Float64Array, to: Float64Array, count: number): RelocationList {
  const order = Uint32Array.from({ length: count }, (_, i) => i).sort((a, b) => from[a] - from[b] || to[b] - to[a]);
  const list = new RelocationList();
  let run: { from: Address; to: Address; pages: number } | undefined;
  let last = -1;
  for (const i of order) {
    if (from[i] === last) continue;
    last = from[i];
    if (run !== undefined && from[i] === run.from + run.pages && to[i] === run.to + run.pages) {
      run.pages++;
      continue;
    }
    if (run !== undefined) list.add(run.from, run.to, run.pages);
    run = { from: from[i], to: to[i], pages: 1 };
  }
  if (run !== undefined) list.add(run.from, run.to, run.pages);
  return list;
}

/**
 * Make the system tree anew: `kept` items as they were, and a relocation for each page that a pointer was found to
 * need. The nodes of the old one are left to the next recount. `unused`: keep those that no pointer was seen to use, as not all
 * pointers were followed.
 */
export function rewriteSystemTree(state: VolumeState, image: Image, kept: readonly Item[], unused: boolean): void {
  const { system, cache, log } = state;
  const graft = new Graft(system, cache, log.generation);
  graft.replace({ inode: 0, kind: 1, offset: 0 }, system.height - 1, undefined);
  for (const { inode, kind, offset, value } of kept) system.change([{ type: 'put', inode, kind, offset, value }]);
  for (const run of neededRuns(image, unused)) system.change([put(run)]);
  state.changed = true;
}

/** The relocations cut down to pages that pointers were found for. */
function* neededRuns(image: Image, unused: boolean): Iterable<{ address: Address; target: Address; pages: number }> {
  const { from, to, pages, used } = image.relocations;
  for (let i = 0; i < from.length; i++) {
    // Its target may be in use all the same, under another address.
    if (!unused && used.values[i] === 0) continue;
    const needed = (page: number) => image.claims.has(image.locate(from.values[i] + page, true));
    for (let page = 0; page < pages.values[i]; ) {
      let end = page;
      while (end < pages.values[i] && needed(end)) end++;
      if (end > page) yield { address: from.values[i] + page, target: to.values[i] + page, pages: end - page };
      page = end + 1;
    }
  }
}
