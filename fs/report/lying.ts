/** Where the pages of a pointer lie in the image, also when the cleaner has moved them to several places. */
import type { Log } from '../log/log.js';
import type { Address } from '../units.js';

/** Pages that follow each other in the image: places x pages per segment + page. */
export interface Lying {
  readonly at: number;
  readonly pages: number;
}

/** In the order of the pages; empty if they lie nowhere (any more). May throw Suspend. */
export function whereLie(log: Log, address: Address, pages: number): readonly Lying[] {
  const { perSegment } = log;
  const place = log.table.placeOf(Math.floor(address / perSegment));
  if (place >= 0) return [{ at: place * perSegment + (address % perSegment), pages }];
  const found: Lying[] = [];
  for (let from = address, left = pages; left > 0; ) {
    const moved = log.relocations.find(from);
    const at = moved === undefined ? -1 : log.where(from);
    if (moved === undefined || at < 0) return [];
    const count = Math.min(left, moved.address + moved.pages - from);
    found.push({ at, pages: count });
    from += count;
    left -= count;
  }
  return found;
}
