/**
 * Pass 7: space, recounted from all pointers. A page is live in the segment table exactly if a pointer was found
 * for it, and the checkpoint's counters are the sums.
 */
import { placeState } from '../fs/format/segment-table.js';
import type { Image } from './image.js';
import { type Problem, problem } from './problem.js';
import { countBits, LiveMaps, type PlaceEntry, placeEntries } from './segment-table.js';

/** Compare the live map with the claims, page by page. */
export async function* checkLiveMap(image: Image): AsyncIterable<Problem> {
  const maps = new LiveMaps(image);
  for await (const entries of placeEntries(image)) {
    for (const entry of entries) {
      const looked = maps.moveTo(entry.place);
      if (looked) await looked;
      if (maps.readable) yield* comparePlace(image, entry, maps.of(entry.place));
    }
  }
}

function* comparePlace(image: Image, { place, state, serial }: PlaceEntry, live: Uint8Array): Iterable<Problem> {
  const claimed = image.claims.ofPlace(place);
  const lost = difference(claimed, live, image.perSegment);
  const leaked = difference(live, claimed, image.perSegment);
  const name = `place ${place} (segment ${serial})`;
  if (lost.count > 0) yield problem('live-map', `${name}: ${pagesFrom(lost)} in use but not live in the map`);
  if (leaked.count > 0) yield problem('live-map', `${name}: ${pagesFrom(leaked)} live in the map but not in use`);
  if (state === placeState.free && claimed !== undefined)
    yield problem('live-map', `${name} is free and has pages in use`);
}

/** Claim what the maps record as live: where not everything that holds pages could be reached, nothing counts as free. */
export async function claimRecorded(image: Image): Promise<void> {
  const maps = new LiveMaps(image);
  for await (const entries of placeEntries(image)) {
    for (const { place, state } of entries) {
      if (state === placeState.free || state === placeState.journal) continue;
      await maps.moveTo(place);
      if (maps.readable) image.claims.merge(place, maps.of(place));
    }
  }
}

interface Difference {
  readonly count: number;
  readonly first: number;
}

/** Pages set in `a` and not in `b`. */
function difference(a: Uint8Array | undefined, b: Uint8Array | undefined, pages: number): Difference {
  let count = 0;
  let first = -1;
  if (a === undefined) return { count, first };
  for (let i = 0; i < pages / 8; i++) {
    const only = a[i] & ~(b?.[i] ?? 0);
    if (only === 0) continue;
    if (first < 0) first = i * 8 + Math.log2(only & -only);
    count += countBits(Uint8Array.of(only));
  }
  return { count, first };
}

const pagesFrom = ({ count, first }: Difference): string =>
  count === 1 ? `page ${first} is` : `${count} pages, the first of them page ${first}, are`;

/** Compare the checkpoint's counters with what was counted. */
export async function* checkCounters(
  image: Image,
  found: { inodes: number; promised: number },
): AsyncIterable<Problem> {
  const { checkpoint } = image;
  let live = 0;
  for await (const entries of placeEntries(image)) for (const entry of entries) live += entry.live;
  const counters: readonly (readonly [string, number, number])[] = [
    ['inodes', checkpoint.inodes, found.inodes],
    ['live pages in the segment table', checkpoint.livePages, live],
    ['live pages by pointers', checkpoint.livePages, image.claims.total],
    ['promised pages', checkpoint.promisedPages, found.promised],
  ];
  for (const [name, counted, real] of counters) {
    if (counted !== real) yield problem('counters', `the checkpoint counts ${counted} ${name}, there are ${real}`);
  }
}
