/**
 * What of a file's pages differs, for one extent that only one of two snapshots has. Pages are compared by what they are
 * (a hole, reserved, an address), not by how extents are cut: overwriting a page in the middle of an extent changes one
 * page and makes three items.
 *
 * Each result only moves pages of the file on to what they are in the later snapshot, so the order of the results does
 * not matter, nor whether one is applied twice.
 */

import { ExtentCursor } from '../posix/inode/extent-map.js';
import { extentAddress, extentPageCount, extentTransform, unitPresent, unitSkip } from '../posix/inode/extent-value.js';
import { extentPages, type InodeNumber, type PageNumber } from '../units.js';
import type { VolumeApi } from '../volume/api.js';

export type ExtentChange =
  | { readonly type: 'pages'; readonly first: PageNumber; readonly from: number; readonly pages: number }
  | { readonly type: 'unit' }
  | { readonly type: 'hole' | 'reserved'; readonly first: PageNumber; readonly pages: number };

/** What the later snapshot has from page `first` on, in the extent `value`, and the earlier has not. May throw Suspend. */
export function newPages(
  before: VolumeApi | undefined,
  inode: InodeNumber,
  first: PageNumber,
  value: Uint8Array,
): ExtentChange[] {
  const count = extentPageCount(value);
  const address = extentAddress(value);
  if (before === undefined || count === 0) return [whole(first, value, count)].filter(() => count > 0);
  const cursor = new ExtentCursor(before, inode);
  if (extentTransform(value) !== 0) return hasUnit(cursor, first, value) ? [] : [{ type: 'unit' }];
  const changes: ExtentChange[] = [];
  const differs = (from: PageNumber, end: PageNumber): void => {
    if (from >= end) return;
    if (address === 0) changes.push({ type: 'reserved', first: from, pages: end - from });
    else changes.push({ type: 'pages', first: from, from: from - first, pages: end - from });
  };
  let at = first;
  for (let more = cursor.find(first); more && cursor.first < first + count; more = cursor.next()) {
    const same =
      cursor.transform === 0 &&
      (address === 0 || cursor.address === 0
        ? address === cursor.address
        : cursor.address - cursor.first === address - first);
    if (!same) continue;
    differs(at, Math.max(at, cursor.first));
    at = Math.max(at, Math.min(cursor.end, first + count));
  }
  differs(at, first + count);
  return changes;
}

function whole(first: PageNumber, value: Uint8Array, pages: number): ExtentChange {
  if (extentTransform(value) !== 0) return { type: 'unit' };
  return extentAddress(value) === 0 ? { type: 'reserved', first, pages } : { type: 'pages', first, from: 0, pages };
}

/** Whether the earlier snapshot has the unit, with all pages that the later one has of it. */
function hasUnit(cursor: ExtentCursor, first: PageNumber, value: Uint8Array): boolean {
  const address = extentAddress(value);
  const present = presentOfUnit(value);
  const begin = first - unitSkip(value);
  for (let more = cursor.find(first); more && cursor.first < first + extentPages; more = cursor.next()) {
    if (cursor.address !== address || cursor.transform === 0) continue;
    if (cursor.first - unitSkip(cursor.value) !== begin) return false;
    return (present & ~presentOfUnit(cursor.value)) === 0;
  }
  return false;
}

/** The pages that a file has of a unit, by their number in the unit. */
const presentOfUnit = (value: Uint8Array): number => (unitPresent(value) << unitSkip(value)) >>> 0;

/** Pages that the earlier snapshot has from page `first` on, in the extent `value`, and the later has not. May throw Suspend. */
export function lostPages(after: VolumeApi, inode: InodeNumber, first: PageNumber, value: Uint8Array): ExtentChange[] {
  const holes: ExtentChange[] = [];
  const end = first + extentPageCount(value);
  const lost = (from: PageNumber, to: PageNumber): void => {
    const last = holes[holes.length - 1];
    if (from >= to) return;
    if (last?.type === 'hole' && last.first + last.pages === from)
      holes[holes.length - 1] = { type: 'hole', first: last.first, pages: last.pages + to - from };
    else holes.push({ type: 'hole', first: from, pages: to - from });
  };
  const cursor = new ExtentCursor(after, inode);
  let at = first;
  for (let more = cursor.find(first); more && cursor.first < end; more = cursor.next()) {
    lost(at, cursor.first);
    const from = Math.max(at, cursor.first);
    at = Math.max(at, Math.min(cursor.end, end));
    if (cursor.transform === 0) continue;
    for (let page = from; page < at; page++) if (!cursor.holds(page)) lost(page, page + 1);
  }
  lost(at, end);
  return holes;
}
