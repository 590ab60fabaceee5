/**
 * An image as fsck sees it: the superblock, one checkpoint, where each serial lies, and which pages were claimed
 * by a pointer so far. It reads the store on its own and shares no code with the log that wrote it, except for
 * the declarations of the records: an error in the writer must not hide itself.
 *
 * Nothing here is trusted before it is checked: every offset is bounded by the geometry, every count by the
 * image's size.
 */
import type { Checkpoint } from '../fs/format/checkpoint.js';
import { type Geometry, segmentPages } from '../fs/format/geometry.js';
import type { Superblock } from '../fs/format/superblock.js';
import type { Readable, Store } from '../fs/store/store.js';
import { type Address, type Place, pageSize, type Serial } from '../fs/units.js';
import { Claims } from './claims.js';
import { indexOf, numbers, words } from './column.js';
import { RelocationList } from './relocations.js';

/** Most missing serials that are noted. */
const mostMissing = 2 ** 20;

export class Image {
  readonly geometry: Geometry;
  readonly perSegment: number;
  readonly claims: Claims;
  /** Of these, those of nodes that were entered. */
  readonly nodes: Claims;
  relocations = new RelocationList();
  /** Serials that were looked for and lie nowhere, as they came. */
  readonly missing = numbers();
  /** Tells where a long check stands: pages claimed so far. */
  onProgress: (pages: number) => void = () => undefined;
  private serials = numbers();
  private places = words();
  private lastSerial: Serial = -1;
  private lastPlace = -1;

  constructor(
    readonly store: Store,
    readonly superblock: Superblock,
    readonly checkpoint: Checkpoint,
    /** For each page of the segment table 2 bits: 0 zeros, 1 copy A, 2 copy B. */
    readonly tableMap: Uint8Array,
  ) {
    this.geometry = superblock;
    this.perSegment = segmentPages(superblock);
    this.claims = new Claims(this.perSegment);
    this.nodes = new Claims(this.perSegment);
  }

  /** Enter the places of all serials. Of a serial that is entered twice, one place counts; the others are returned. */
  setPlaces(serials: Float64Array, places: Uint32Array): Place[] {
    const order = Uint32Array.from(serials.keys()).sort((a, b) => serials[a] - serials[b]);
    const twice: Place[] = [];
    this.serials = numbers();
    this.places = words();
    for (const i of order) {
      if (this.serials.length > 0 && this.serials.values[this.serials.length - 1] === serials[i]) twice.push(places[i]);
      else {
        this.serials.push(serials[i]);
        this.places.push(places[i]);
      }
    }
    this.lastSerial = -1;
    return twice;
  }

  /** Take over what another one found about where things lie. */
  usePlacesOf(other: Image): void {
    this.serials = other.serials;
    this.places = other.places;
    this.relocations = other.relocations;
  }

  /** Place that holds a serial, or -1. */
  placeOf(serial: Serial): Place | -1 {
    if (serial !== this.lastSerial) {
      const at = indexOf(this.serials, serial);
      this.lastSerial = serial;
      this.lastPlace = at < 0 ? -1 : this.places.values[at];
    }
    return this.lastPlace;
  }

  /**
   * Where a page lies today: place x pages per segment + page, or -1 if it lies nowhere. `follow`: through the
   * relocations.
   */
  locate(address: Address, follow: boolean): number {
    const place = this.placeOf(Math.floor(address / this.perSegment));
    if (place >= 0) return place * this.perSegment + (address % this.perSegment);
    const target = follow ? this.relocations.target(address) : -1;
    if (target < 0) return this.miss(address);
    const there = this.placeOf(Math.floor(target / this.perSegment));
    return there < 0 ? -1 : there * this.perSegment + (target % this.perSegment);
  }

  private miss(address: Address): -1 {
    const { missing } = this;
    const serial = Math.floor(address / this.perSegment);
    const known = missing.length > 0 && missing.values[missing.length - 1] === serial;
    if (!known && missing.length < mostMissing) missing.push(serial);
    return -1;
  }

  /** Byte in the image of a located page. */
  offsetOf(located: number): number {
    return (this.geometry.segmentStart + located) * pageSize;
  }

  /** Read `pages` pages that follow `address` into `into`. False if one of them lies nowhere. */
  async readPages(
    address: Address,
    pages: number,
    into: Uint8Array,
    follow: boolean,
    from: Readable = this.store,
  ): Promise<boolean> {
    let done = 0;
    while (done < pages) {
      const first = this.locate(address + done, follow);
      if (first < 0) return false;
      let count = 1;
      while (done + count < pages && this.locate(address + done + count, follow) === first + count) count++;
      const wait = from.read(this.offsetOf(first), into.subarray(done * pageSize, (done + count) * pageSize));
      if (wait !== undefined) await wait;
      done += count;
    }
    return true;
  }

  /** Words for a place in the log: `page 12 of segment 7 (place 3)`. */
  describe(located: number): string {
    const place = Math.floor(located / this.perSegment);
    return `page ${located % this.perSegment} of place ${place}`;
  }
}
