/** Pages of a file, and buffers that begin and end anywhere in them. */
import { pageSize } from '../../units.js';

/** The part of a page that a buffer of `length` bytes wants when the page begins at `target` in it. */
export function copyPart(page: Uint8Array, into: Uint8Array, target: number, length: number): void {
  if (target >= 0 && target + pageSize <= length) into.set(page, target);
  else if (target < 0) into.set(page.subarray(-target, Math.min(pageSize, length - target)), 0);
  else into.set(page.subarray(0, length - target), target);
}
