/**
 * Where a file lies: how many of its pages each cell of the map holds, so that the answer is bounded whatever the
 * file. Compressed pages count as they are stored; what is inline lies in the node of its inode.
 */
import { FsError } from '../errors.js';
import { itemKind } from '../format/item.js';
import { extentAddress, extentStoredPages } from '../posix/inode/extent-value.js';
import { decodeInode } from '../posix/inode/inode-record.js';
import { run } from '../suspend.js';
import type { InodeNumber } from '../units.js';
import type { Volume } from '../volume/volume.js';
import { type Lying, whereLie } from './lying.js';
import { mostCells } from './space-map.js';
import { Turns } from './turns.js';

export interface FilePlaces {
  readonly inode: InodeNumber;
  /** Bytes, as stat tells. */
  readonly size: number;
  /** Pages as stored, and the pieces in which they lie. */
  readonly pages: number;
  readonly pieces: number;
  /** Cell of the map, and the pages in it. */
  readonly cells: readonly (readonly [cell: number, pages: number])[];
  /** False: it is a very large file, and this is how it begins. */
  readonly complete: boolean;
}

const extentsAtOnce = 500;
const mostMs = 5000;

/** Throws FsError ENOENT, EIO, EUCLEAN. */
export async function filePlaces(volume: Volume, inode: InodeNumber): Promise<FilePlaces> {
  const { log, geometry } = volume.state;
  const record = await run(() => volume.get(inode, itemKind.inode, 0)?.slice());
  if (record === undefined) throw new FsError('ENOENT', 'map', inode);
  const placesPerCell = Math.ceil(geometry.places / mostCells);
  const cells = new Map<number, number>();
  const turns = new Turns(mostMs);
  let [pages, pieces, end] = [0, 0, -1];
  let next = 0;
  while (next >= 0 && !turns.late) {
    const found = await run(() => extentsFrom(volume, inode, next));
    for (const { at, pages: count } of found.lying) {
      if (at !== end) pieces++;
      end = at + count;
      pages += count;
      const cell = Math.floor(at / log.perSegment / placesPerCell);
      cells.set(cell, (cells.get(cell) ?? 0) + count);
    }
    next = found.next;
    await turns.pause();
  }
  const { size } = decodeInode(inode, record);
  return { inode, size, pages, pieces, cells: [...cells].sort(([a], [b]) => a - b), complete: next < 0 };
}

/** Where some extents lie, from that page of the file on; `next`: page where to go on, or -1. May throw Suspend. */
function extentsFrom(volume: Volume, inode: InodeNumber, page: number): { lying: Lying[]; next: number } {
  const lying: Lying[] = [];
  let taken = 0;
  for (const item = volume.seek(inode, itemKind.extent, page); item.valid; item.next()) {
    if (item.inode !== inode || item.kind !== itemKind.extent) break;
    if (taken++ === extentsAtOnce) return { lying, next: item.offset };
    const address = extentAddress(item.value);
    if (address !== 0) lying.push(...whereLie(volume.state.log, address, extentStoredPages(item.value)));
  }
  return { lying, next: -1 };
}
