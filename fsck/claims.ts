/**
 * Which pages a pointer was found for: one bit a page, kept only for places where there is one, so that memory
 * follows what is in use (32 KiB for 1 GiB).
 */
import type { Place } from '../fs/units.js';
import { numbers } from './column.js';

/** Most pages that are remembered as claimed twice. */
const mostTwice = 2 ** 20;

export class Claims {
  /** Pages claimed. */
  total = 0;
  /** Pages that were claimed again, located; some more than once. */
  readonly twice = numbers();
  private readonly maps = new Map<Place, Uint8Array>();

  constructor(private readonly perSegment: number) {}

  /** Claim a located page (place x pages per segment + page). False if it was claimed before. */
  claim(located: number): boolean {
    const place = Math.floor(located / this.perSegment);
    const page = located % this.perSegment;
    let map = this.maps.get(place);
    if (map === undefined) {
      map = new Uint8Array(this.perSegment / 8);
      this.maps.set(place, map);
    }
    const bit = 1 << (page & 7);
    if ((map[page >> 3] & bit) !== 0) {
      if (this.twice.length < mostTwice) this.twice.push(located);
      return false;
    }
    map[page >> 3] |= bit;
    this.total++;
    return true;
  }

  /** Claim the pages of a place that are set in a bitmap, if they are not claimed. */
  merge(place: Place, bitmap: Uint8Array): void {
    for (let page = 0; page < this.perSegment; page++) {
      const located = place * this.perSegment + page;
      if ((bitmap[page >> 3] & (1 << (page & 7))) !== 0 && !this.has(located)) this.claim(located);
    }
  }

  has(located: number): boolean {
    const page = located % this.perSegment;
    const map = this.maps.get(Math.floor(located / this.perSegment));
    return map !== undefined && (map[page >> 3] & (1 << (page & 7))) !== 0;
  }

  /** The claimed pages of a place as the live map writes them; undefined: none. */
  ofPlace(place: Place): Uint8Array | undefined {
    return this.maps.get(place);
  }
}
