/**
 * The segment table in memory: what each place holds, one live bit per page, and which places may be written.
 * Persistence is table-pages.ts; who writes into places are the heads.
 *
 * Invariants
 * 1. A bit is set exactly while some pointer of some root refers to that page (summaries and journal pages: never).
 * 2. `live[place]` is the number of its bits.
 * 3. A serial is used once. `placeOf` knows the serials of all places that are not free.
 * 4. A place freed in generation g is handed out again only after checkpoint g + 1 is durable, so that the older
 *    of the two checkpoints stays whole.
 */
import { type Geometry, indexEntriesPerPage, liveBytes, livePlacesPerPage, segmentPages } from '../format/geometry.js';
import { placeState, TablePage } from '../format/segment-table.js';
import { type Generation, type Place, pageSize, type Serial, wideZero } from '../units.js';
import { FreePlaces } from './free-places.js';

export const headKind = { node: 0, data: 1, cold: 2, journal: 3 } as const;

export class SegmentTable {
  serial: Float64Array;
  /** Generation of the last write; of a free place: in which it was freed. */
  generation: Float64Array;
  live: Uint32Array;
  state: Uint8Array;
  head: Uint8Array;
  nextSerial: Serial = 1;
  livePages = wideZero;
  /** Segments begun since the volume was opened. */
  taken = 0;
  /** Places freed since the volume was opened. */
  freed = 0;
  /** Table pages changed since the last checkpoint froze; index pages first, then live pages. */
  readonly dirty = new Set<number>();
  /** Pages of the live map, header included; absent ones are all zero. */
  readonly maps: (Uint8Array | undefined)[] = [];
  /** All places from here on are free, and were never written. */
  frontier: Place = 0;
  /** Places that may be written now. */
  private readonly reusable = new FreePlaces();
  /** Places from `limit` on that could be written, but shall not. */
  private readonly withheld: Place[] = [];
  private limit = Number.POSITIVE_INFINITY;
  /** Places freed, not yet to be written. */
  private readonly pending: Place[] = [];
  /** Sealed places that had no live pages when last looked at. */
  private empty: Place[] = [];
  /** Places with pages that will become live: not freed, even while they have none. */
  readonly pinned = new Set<Place>();
  /** Sealed places that the cleaner can't empty: they can't be read, or nothing says what they hold. */
  readonly stuck = new Set<Place>();
  private readonly places = new Map<Serial, Place>();
  private readonly bytesPerPlace: number;
  private readonly placesPerPage: number;
  readonly pagesPerSegment: number;

  constructor(readonly geometry: Geometry) {
    const n = geometry.places;
    this.serial = new Float64Array(n);
    this.generation = new Float64Array(n);
    this.live = new Uint32Array(n);
    this.state = new Uint8Array(n);
    this.head = new Uint8Array(n);
    this.bytesPerPlace = liveBytes(geometry);
    this.placesPerPage = livePlacesPerPage(geometry);
    this.pagesPerSegment = segmentPages(geometry);
  }

  /**
   * The geometry has got more places, all free, and its table pages have got places that were never written. The new
   * ones are not handed out before `reuse`. Returns them, the one to take first last.
   */
  grown(): Place[] {
    const before = this.state.length;
    const { places } = this.geometry;
    this.serial = longer(this.serial, places);
    this.generation = longer(this.generation, places);
    this.live = longer(this.live, places);
    this.state = longer(this.state, places);
    this.head = longer(this.head, places);
    this.allDirty();
    return Array.from({ length: places - before }, (_, i) => places - 1 - i);
  }

  /**
   * Rebuild what follows from the entries, after they were read from a checkpoint of `generation`. Nothing was ever written
   * about the places from `frontier` on.
   */
  index(generation: Generation, frontier: Place = this.geometry.places): void {
    this.frontier = frontier;
    this.reusable.reset(frontier, this.geometry.places);
    this.pending.length = 0;
    this.empty.length = 0;
    this.places.clear();
    this.livePages = 0;
    for (let place = frontier - 1; place >= 0; place--) {
      this.livePages += this.live[place];
      if (this.state[place] === placeState.free) {
        if (this.serial[place] === 0 || this.generation[place] < generation) this.reusable.push(place);
        else this.pending.push(place);
      } else {
        this.places.set(this.serial[place], place);
        // One that was pinned when the checkpoint froze: what was about to become live never did.
        if (this.state[place] === placeState.sealed && this.live[place] === 0) this.empty.push(place);
      }
    }
  }

  /** Place of a serial, or -1 when no place holds it (its pages were moved, or it is gone). */
  placeOf(serial: Serial): Place | -1 {
    return this.places.get(serial) ?? -1;
  }

  /** Places that may be written now. */
  get reusablePlaces(): number {
    return this.reusable.length;
  }

  /** Places that are free but wait for a checkpoint. */
  get pendingPlaces(): number {
    return this.pending.length;
  }

  /** Take a place for a new segment of a head, or -1 when none is left. */
  take(head: number, generation: Generation): Place | -1 {
    const place = this.reusable.pop();
    if (place === undefined) return -1;
    this.open(place, this.nextSerial, head, generation);
    this.taken++;
    return place;
  }

  /** Enter a segment at a free place: taken now, or learnt from the journal. */
  open(place: Place, serial: Serial, head: number, generation: Generation): void {
    this.serial[place] = serial;
    this.generation[place] = generation;
    this.state[place] = head === headKind.journal ? placeState.journal : placeState.open;
    this.head[place] = head;
    this.places.set(serial, place);
    if (serial >= this.nextSerial) this.nextSerial = serial + 1;
    if (place >= this.frontier) this.frontier = place + 1;
    this.touch(place);
  }

  /** Enter a segment that the journal names: its place leaves the free ones. Returns false if the place holds another one. */
  claimPlace(place: Place, serial: Serial, head: number, generation: Generation): boolean {
    if (place < 0 || place >= this.geometry.places || serial < 1) return false;
    if (this.state[place] !== placeState.free) return this.serial[place] === serial;
    this.reusable.remove(place);
    remove(this.pending, place);
    this.open(place, serial, head, generation);
    return true;
  }

  /** The head will not write it any more. */
  seal(place: Place, generation: Generation): void {
    this.state[place] = placeState.sealed;
    this.generation[place] = generation;
    this.touch(place);
    // What was appended last may be about to become live: whether it is empty is decided at the next commit.
    if (this.live[place] === 0) this.empty.push(place);
  }

  /** Free the sealed places that have turned out empty. Part of each commit. */
  sweep(generation: Generation): void {
    const candidates = this.empty;
    this.empty = [];
    for (const place of candidates) {
      if (this.state[place] !== placeState.sealed || this.live[place] !== 0) continue;
      if (this.pinned.has(place)) this.empty.push(place);
      else this.free(place, generation);
    }
  }

  free(place: Place, generation: Generation): void {
    this.places.delete(this.serial[place]);
    this.state[place] = placeState.free;
    this.generation[place] = generation;
    this.pending.push(place);
    this.stuck.delete(place);
    this.freed++;
    this.touch(place);
  }

  /**
   * Checkpoint `durable` is durable: places freed before it may be written, once they are handed to `reuse`. Returns
   * them, no longer pending.
   */
  ripen(durable: Generation): Place[] {
    const ripe: Place[] = [];
    let kept = 0;
    for (const place of this.pending) {
      if (this.generation[place] < durable) ripe.push(place);
      else this.pending[kept++] = place;
    }
    this.pending.length = kept;
    return ripe;
  }

  /** The lowest limit for `withhold` that leaves `least` places to be written. */
  lowestLimit(least: number): Place {
    const free = [...this.reusable.all(), ...this.withheld].sort((a, b) => a - b);
    return free.length < least ? this.geometry.places : free[least - 1] + 1;
  }

  /**
   * Hand out no place from `limit` on; Infinity: all again. What is free there, or becomes free, is withheld. Returns
   * whether all places from there on are free and nothing needs them any more.
   */
  withhold(limit: number): boolean {
    this.limit = limit;
    const free = [...this.reusable.all(), ...this.withheld];
    this.reusable.reset(0, 0);
    this.withheld.length = 0;
    this.reuse(free);
    return this.withheld.length === Math.max(0, this.geometry.places - limit);
  }

  /** The geometry has fewer places; those beyond were withheld. Its table pages have places that were never written. */
  shrunk(): void {
    const { places } = this.geometry;
    this.withheld.length = 0;
    this.limit = Number.POSITIVE_INFINITY;
    this.frontier = Math.min(this.frontier, places);
    this.serial = this.serial.slice(0, places);
    this.generation = this.generation.slice(0, places);
    this.live = this.live.slice(0, places);
    this.state = this.state.slice(0, places);
    this.head = this.head.slice(0, places);
    this.maps.length = Math.min(this.maps.length, Math.ceil(places / this.placesPerPage));
    this.allDirty();
  }

  private allDirty(): void {
    const { indexPages } = this.geometry;
    this.dirty.clear();
    for (let index = 0; index < indexPages; index++) this.dirty.add(index);
    for (let index = 0; index < this.maps.length; index++)
      if (this.maps[index] !== undefined) this.dirty.add(indexPages + index);
  }

  /** Take up to `most` reusable places, those that would be taken last, leaving `left`; `reuse` gives them back. */
  lend(most: number, left: number): Place[] {
    return this.reusable.takeLowest(Math.max(0, Math.min(most, this.reusable.length - left)));
  }

  /** From now on these places may be taken, after all others. */
  reuseLast(places: readonly Place[]): void {
    this.reusable.putLowest(places.filter((place) => place < this.limit));
    this.withheld.push(...places.filter((place) => place >= this.limit));
  }

  /**
   * From now on these places may be taken, before all others and in the order in which they lie: what is written in a row
   * then lies in a row, as hosts read ahead in that direction only.
   */
  reuse(places: readonly Place[]): void {
    for (const place of places.toSorted((a, b) => b - a))
      (place < this.limit ? this.reusable : this.withheld).push(place);
  }

  isLive(place: Place, page: number): boolean {
    const map = this.maps[Math.floor(place / this.placesPerPage)];
    return map !== undefined && (map[this.bitmapStart(place) + (page >> 3)] & (1 << (page & 7))) !== 0;
  }

  /** Make a run of pages live. They are not. */
  setLive(place: Place, page: number, pages: number): void {
    const map = this.mapOf(place);
    const start = this.bitmapStart(place);
    for (let p = page; p < page + pages; p++) {
      const bit = 1 << (p & 7);
      if ((map[start + (p >> 3)] & bit) !== 0) throw new Error(`page ${p} of place ${place} is live already`);
      map[start + (p >> 3)] |= bit;
    }
    this.live[place] += pages;
    this.livePages += pages;
    this.touch(place);
    this.dirty.add(this.geometry.indexPages + Math.floor(place / this.placesPerPage));
  }

  /** Make a run of live pages dead; a sealed segment without live pages is free from generation `generation` on. */
  clearLive(place: Place, page: number, pages: number, generation: Generation): void {
    const map = this.mapOf(place);
    const start = this.bitmapStart(place);
    for (let p = page; p < page + pages; p++) {
      const bit = 1 << (p & 7);
      if ((map[start + (p >> 3)] & bit) === 0) throw new Error(`page ${p} of place ${place} is dead already`);
      map[start + (p >> 3)] &= ~bit;
    }
    this.live[place] -= pages;
    this.livePages -= pages;
    this.touch(place);
    this.dirty.add(this.geometry.indexPages + Math.floor(place / this.placesPerPage));
    if (this.live[place] > 0 || this.state[place] !== placeState.sealed) return;
    if (this.pinned.has(place)) this.empty.push(place);
    else this.free(place, generation);
  }

  private touch(place: Place): void {
    this.dirty.add(Math.floor(place / indexEntriesPerPage));
  }

  private mapOf(place: Place): Uint8Array {
    const index = Math.floor(place / this.placesPerPage);
    let map = this.maps[index];
    if (map === undefined) {
      map = new Uint8Array(pageSize);
      this.maps[index] = map;
    }
    return map;
  }

  private bitmapStart(place: Place): number {
    return TablePage.size + (place % this.placesPerPage) * this.bytesPerPlace;
  }
}

function longer<T extends Float64Array | Uint32Array | Uint8Array>(array: T, length: number): T {
  const made = new (array.constructor as new (length: number) => T)(length);
  made.set(array);
  return made;
}

function remove(list: Place[], place: Place): void {
  const at = list.indexOf(place);
  if (at >= 0) list.splice(at, 1);
}
