/**
 * Which pages a pointer was found for: one bit a page, kept only for places where there is one, so that memory
 * follows what is in use (32 KiB for 1 GiB).
 */
import type { Place } from '../fs/units.js';

export class Claims {
  /** Pages claimed. */
  total = 0;
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
    if ((map[page >> 3] & bit) !== 0) return false;
    map[page >> 3] |= bit;
    this.total++;
    return true;
  }

  /** The claimed pages of a place as the live map writes them; undefined: none. */
  ofPlace(place: Place): Uint8Array | undefined {
    return this.maps.get(place);
  }
}
