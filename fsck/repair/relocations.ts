/**
 * The relocation map, found again and written anew. A summary says under which address pointers know the pages that
 * the cleaner wrote, so the map can be rebuilt from the segments themselves; of several moves of a page the last one
 * counts. What is written is what pointers need, page for page.
 */
import { put } from '../../fs/cleaner/relocation-map.js';
import { placeState } from '../../fs/format/segment-table.js';
import { Graft } from '../../fs/tree/graft.js';
import type { Address } from '../../fs/units.js';
import type { VolumeState } from '../../fs/volume/state.js';
import { numbers } from '../column.js';
import type { Image } from '../image.js';
import { RelocationList } from '../relocations.js';
import type { Item } from '../system-items.js';
import type { Places } from './places.js';
import { readPlace } from './summaries.js';

/** All relocations that the summaries tell of, for segments that are gone; those in `known` come first. */
export async function findRelocations(image: Image, places: Places): Promise<RelocationList> {
  const from = numbers();
  const to = numbers();
  const { relocations, perSegment } = image;
  for (let i = 0; i < relocations.from.length; i++) {
    for (let page = 0; page < relocations.pages.values[i]; page++) {
      from.push(relocations.from.values[i] + page);
      to.push(relocations.to.values[i] + page);
    }
  }
  const known = from.length;
  for (let place = 0; place < places.state.length; place++) {
    if (places.state[place] === placeState.free) continue;
    const serial = places.serial[place];
    const { summaries } = await readPlace(image.store, image.geometry, place);
    for (const summary of summaries) {
      if (summary.serial !== serial) continue;
      for (const run of summary.runs) {
        const own = serial * perSegment + run.page;
        if (run.address === own || image.placeOf(Math.floor(run.address / perSegment)) >= 0) continue;
        for (let page = 0; page < run.pages; page++) {
          from.push(run.address + page);
          to.push(own + page);
        }
      }
    }
  }
  return joined(from.values, to.values, from.length, known);
}

/** Runs of pages that moved together; of each page the known target, else the one written last. */
function joined(from: Float64Array, to: Float64Array, count: number, known: number): RelocationList {
  const priority = (i: number): number => (i < known ? Number.POSITIVE_INFINITY : to[i]);
  const order = Uint32Array.from({ length: count }, (_, i) => i).sort(
    (a, b) => from[a] - from[b] || priority(b) - priority(a),
  );
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
