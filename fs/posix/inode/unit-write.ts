/**
 * Transformed units on their way into the log. A run of dirty pages is cut where extents of the file are aligned, and
 * each piece is a unit if that saves a page; else its pages are stored as they are.
 *
 * A unit lies in one segment. One that does not fit the rest of the open segment lets plain pages fill that, so that no
 * page of the log is lost: 3 % of the data in segments of 4 MiB, at most, is stored plain for it.
 */
import { checksum } from '../../format/checksum.js';
import { inodeFlag } from '../../format/item.js';
import type { Chain } from '../../transform/chain.js';
import { maxUnitBytes } from '../../transform/transform.js';
import { type EncodedUnit, encodeUnit, sealUnit } from '../../transform/unit.js';
import { extentPages, type PageNumber, pageSize } from '../../units.js';
import { appendPages, type FlushedPages } from './append-pages.js';
import type { Context } from './context.js';
import { unitExtent } from './extent-value.js';
import type { Inode } from './inode.js';

/** After so many units in a row that saved nothing, units of the file are not tried for a while, and then for twice as long. */
const patience = 2;
const mostUntried = 1024;

/**
 * Pages that are encrypted as one where they are not compressed. A message of 4 KiB costs 2.6 us and one of 32 KiB 13 (Node 20,
 * 2026), and each has an extent; while a page that changes alone takes the others of its unit along.
 */
export const sealedPages = 8;

const sums = new Uint32Array(extentPages);
const scratch = new Uint8Array(maxUnitBytes);

/** What happens to new data of the file. Undefined: it is stored as it is. */
export function chainOf(context: Context, inode: Inode): Chain | undefined {
  const { flags, transform } = inode.record;
  const { chains, flagged, usual } = context.volume.transforms;
  if ((flags & inodeFlag.noCompress) !== 0) return chains.uncompressed;
  const wanted = transform !== 0 ? transform : (flags & inodeFlag.compress) !== 0 ? flagged : usual;
  return chains.at(wanted) ?? chains.uncompressed;
}

/** Pages to ask for beside `places`: where a summary comes between, a unit leaves the rest of a segment. */
export const unitSpare = (places: number): number => (places > 4 * extentPages ? extentPages : 0);

/** Append the pages from `first` to `end` (not included). */
export function appendUnits(flushed: FlushedPages, chain: Chain, first: PageNumber, end: PageNumber): void {
  for (let page = first; page < end; ) {
    const stop = Math.min(end, (Math.floor(page / extentPages) + 1) * extentPages);
    page = appendPiece(flushed, chain, page, stop);
  }
  flushed.context.volume.endUnits();
}

/** Append a unit, or plain pages instead of it or ahead of it. Returns the page after those that were appended. */
function appendPiece(flushed: FlushedPages, chain: Chain, first: PageNumber, end: PageNumber): PageNumber {
  const { context, inode } = flushed;
  const { volume } = context;
  const count = end - first;
  const compresses = chain.compression !== undefined && count > 1;
  const unit =
    compresses && worthTrying(inode)
      ? encodeUnit(chain, plainBytes(context, inode, first, end), volume.transforms.sealer)
      : undefined;
  if (compresses) tried(inode, unit !== undefined);
  if (unit === undefined) {
    appendUncompressed(flushed, first, end);
    return end;
  }
  const room = volume.unitRoom;
  if (unit.pages.length / pageSize > room) {
    unit.release();
    appendUncompressed(flushed, first, first + room);
    return first + room;
  }
  appendEncoded(flushed, chain, unit, first, end);
  return end;
}

/** Append pages as they are, or in an encrypted volume encrypted alone. */
function appendUncompressed(flushed: FlushedPages, first: PageNumber, end: PageNumber): void {
  const { context, inode } = flushed;
  const { chains, sealer } = context.volume.transforms;
  const chain = chains.uncompressed;
  if (chain === undefined || sealer === undefined) {
    appendPages(flushed, first, end);
    return;
  }
  for (let page = first; page < end; ) {
    const aligned = (Math.floor(page / sealedPages) + 1) * sealedPages;
    const stop = Math.min(end, aligned, page + context.volume.unitRoom);
    appendEncoded(flushed, chain, sealUnit(sealer, plainBytes(context, inode, page, stop)), page, stop);
    page = stop;
  }
}

function appendEncoded(
  flushed: FlushedPages,
  chain: Chain,
  unit: EncodedUnit,
  first: PageNumber,
  end: PageNumber,
): void {
  const { volume } = flushed.context;
  const pages = unit.pages.length / pageSize;
  for (let i = 0; i < pages; i++) sums[i] = checksum(unit.pages.subarray(i * pageSize, (i + 1) * pageSize));
  const address = volume.appendUnit(flushed.inode.number, first, unit.pages, unit.release);
  const value = unitExtent(address, volume.generation, chain.number, pages, unit.bytes, end - first, sums, unit.seal);
  flushed.put(first, value, { address, pages });
  flushed.take(first, end);
  flushed.edit.record(flushed.inode).flags |= inodeFlag.units;
}

/** The pages in one piece of memory: where they lie, if they do in a row. */
function plainBytes({ frames }: Context, inode: Inode, first: PageNumber, end: PageNumber): Uint8Array {
  const { pages } = inode;
  const start = pages?.frame(first) ?? -1;
  let row = 1;
  while (row < end - first && pages?.frame(first + row) === start + row) row++;
  if (row === end - first && frames.sameSlab(start, start + row - 1)) return frames.slice(start, row);
  for (let page = first; page < end; page++) {
    scratch.set(frames.view(pages?.frame(page) ?? -1), (page - first) * pageSize);
  }
  return scratch.subarray(0, (end - first) * pageSize);
}

function worthTrying(inode: Inode): boolean {
  return inode.untried === 0;
}

function tried(inode: Inode, saved: boolean): void {
  if (inode.untried > 0) {
    inode.untried--;
  } else if (saved) {
    inode.unitsInVain = 0;
  } else if (++inode.unitsInVain >= patience) {
    inode.untried = Math.min(mostUntried, 2 ** (inode.unitsInVain + 1));
  }
}
