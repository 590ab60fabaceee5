/**
 * The relocation map, found again and written anew. A summary says under which address pointers know the pages that
 * the cleaner wrote, so the map can be rebuilt from the segments themselves; of several moves of a page the last one
 * counts. What is written is what pointers need, page for page.
 */
import { put } from '../../fs/cleaner/relocation-map.js';
import { Graft } from '../../fs/tree/graft.js';
import type { Address, Generation } from '../../fs/units.js';
import type { VolumeState } from '../../fs/volume/state.js';
import { bytes, numbers, words } from '../column.js';
import type { Image } from '../image.js';
import { RelocationList } from '../relocations.js';
import type { Item } from '../system-items.js';
import type { MovedPages } from './moves.js';

/** Which of several targets of a page counts: the last of the highest rank. */
const rank = { move: 0, map: 1, newerMove: 2 } as const;

/** Runs of pages with their targets; they may overlap. */
class Candidates {
  readonly from = numbers();
  private readonly to = numbers();
  private readonly pages = words();
  private readonly rank = bytes();

  add(from: Address, to: Address, pages: number, rank: number): void {
    this.from.push(from);
    this.to.push(to);
    this.pages.push(pages);
    this.rank.push(rank);
  }

  /** Runs without overlap. Pages are only looked at one by one where runs overlap: there may be more than memory holds. */
  merged(): RelocationList {
    const [from, pages] = [this.from.values, this.pages.values];
    const order = Uint32Array.from({ length: this.from.length }, (_, i) => i).sort((a, b) => from[a] - from[b]);
    const list = new RelocationList();
    for (let first = 0, next = 1; first < order.length; first = next++) {
      let end = from[order[first]] + pages[order[first]];
      for (; next < order.length && from[order[next]] < end; next++)
        end = Math.max(end, from[order[next]] + pages[order[next]]);
      if (next === first + 1) list.add(from[order[first]], this.to.values[order[first]], pages[order[first]]);
      else this.settle(order.slice(first, next), end, list);
    }
    return list;
  }

  /** Enter runs that overlap, up to `end`. */
  private settle(runs: Uint32Array, end: Address, list: RelocationList): void {
    const [from, to, pages] = [this.from.values, this.to.values, this.pages.values];
    const start = from[runs[0]];
    const targets = new Float64Array(end - start);
    runs.sort((a, b) => this.rank.values[a] - this.rank.values[b] || to[a] - to[b]);
    for (const run of runs)
      for (let page = 0; page < pages[run]; page++) targets[from[run] - start + page] = to[run] + page;
    for (let page = 0, next = 1; page < targets.length; page = next++) {
      while (next < targets.length && targets[next] === targets[next - 1] + 1) next++;
      list.add(start + page, targets[page], next - page);
    }
  }
}

/**
 * Add the moves to the image's map, for pages whose segment is gone, and that it does not know, that no longer lie where it
 * says, or that were moved later than `since`: the map of an older checkpoint is behind the cleaner. False if there is
 * nothing to add.
 */
export function addMoves(image: Image, moved: MovedPages, since: Generation): boolean {
  const { relocations: map, perSegment } = image;
  const lies = (target: Address): boolean => image.placeOf(Math.floor(target / perSegment)) >= 0;
  const staysInSegment = (address: Address, pages: number): boolean => (address % perSegment) + pages <= perSegment;
  const found = new Candidates();
  for (let i = 0; i < moved.from.length; i++) {
    const [from, to, pages] = [moved.from.values[i], moved.to.values[i], moved.pages.values[i]];
    if (pages < 1 || lies(from) || !lies(to) || !staysInSegment(from, pages)) continue;
    found.add(from, to, pages, moved.generation.values[i] > since ? rank.newerMove : rank.move);
  }
  if (found.from.length === 0) return false;
  for (let i = 0; i < map.from.length; i++) {
    if (lies(map.to.values[i])) found.add(map.from.values[i], map.to.values[i], map.pages.values[i], rank.map);
  }
  image.relocations = found.merged();
  return true;
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
