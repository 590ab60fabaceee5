/**
 * Whose pages a segment holds: by its summaries, as the cleaner would find out, and the live tree, which says what of
 * them the files still have and what is there for a snapshot alone. Bounded: the files with most pages in it are told.
 */
import { describedLiveRuns, type LiveRun } from '../cleaner/live-runs.js';
import { FsError } from '../errors.js';
import { itemKind } from '../format/item.js';
import { runKind } from '../format/segment-summary.js';
import { placeState } from '../format/segment-table.js';
import { extentAddress, extentStoredPages } from '../posix/inode/extent-value.js';
import { run } from '../suspend.js';
import { extentPages, type InodeNumber, type Place, pageSize } from '../units.js';
import type { Volume } from '../volume/volume.js';
import { pathsOf } from './file-names.js';
import type { CellKind } from './fragmentation-report.js';
import { kindOf } from './space-map.js';
import { Turns } from './turns.js';

export interface SegmentContents {
  readonly place: Place;
  readonly serial: number;
  readonly kind: CellKind;
  /** It is being filled. */
  readonly open: boolean;
  readonly pages: number;
  readonly live: number;
  readonly generation: number;
  /** Those with most pages in it. */
  readonly files: readonly FileShare[];
  readonly moreFiles: number;
  /** Pages of nodes of the file tree, and of the volume's own tree. */
  readonly nodePages: number;
  readonly systemPages: number;
  /** Live pages of which no summary tells yet, or that can't be read. */
  readonly undescribed: number;
}

export interface FileShare {
  readonly inode: InodeNumber;
  /** Undefined: it has no name in the live tree. */
  readonly path?: string;
  readonly pages: number;
  /** Those that only snapshots have any more, or that are about to be given back. */
  readonly heldPages: number;
}

const mostFiles = 40;
/** Pages read at once. */
const readPages = 64;
/** Runs looked up in the tree between two looks at the clock. */
const runsAtOnce = 50;
const mostMs = 5000;

export async function segmentContents(volume: Volume, place: Place): Promise<SegmentContents> {
  const { table, log } = volume.state;
  const kind = kindOf(table, place);
  const facts = {
    place,
    serial: table.serial[place],
    kind,
    open: table.state[place] === placeState.open,
    pages: log.perSegment,
    live: table.live[place],
    generation: table.generation[place],
  };
  if (kind === 'free' || kind === 'journal' || facts.live === 0)
    return { ...facts, files: [], moreFiles: 0, nodePages: 0, systemPages: 0, undescribed: 0 };
  const { runs } = describedLiveRuns(table, place, await notLive(volume, place));
  const pagesOf = (of: readonly LiveRun[]): number => of.reduce((sum, { pages }) => sum + pages, 0);
  const data = runs.filter((one) => one.kind === runKind.data && one.inode !== 0);
  const nodePages = pagesOf(runs.filter((one) => one.kind === runKind.node));
  const systemPages = pagesOf(runs.filter((one) => one.system));
  const files = await sharesOf(volume, data);
  return {
    ...facts,
    files: files.slice(0, mostFiles),
    moreFiles: Math.max(0, files.length - mostFiles),
    nodePages,
    systemPages,
    undescribed: Math.max(0, facts.live - nodePages - systemPages - pagesOf(data)),
  };
}

/** Its pages that are not live, summaries among them, at their places; what can't be read stays zero. */
async function notLive({ state }: Volume, place: Place): Promise<Uint8Array> {
  const { table, log } = state;
  const bytes = new Uint8Array(log.perSegment * pageSize);
  for (let page = 0; page < log.perSegment; page++) {
    let count = 0;
    while (count < readPages && page + count < log.perSegment && !table.isLive(place, page + count)) count++;
    if (count === 0) continue;
    try {
      await log.readPlace(place, page, count, bytes.subarray(page * pageSize, (page + count) * pageSize));
    } catch (e) {
      if (!(e instanceof FsError)) throw e;
    }
    page += count;
  }
  return bytes;
}

/** By pages, most first; named as far as they will be shown. */
async function sharesOf(volume: Volume, runs: readonly LiveRun[]): Promise<FileShare[]> {
  const shares = new Map<InodeNumber, { pages: number; current: number }>();
  const turns = new Turns(mostMs);
  for (let from = 0; from < runs.length; from += runsAtOnce) {
    for (const one of runs.slice(from, from + runsAtOnce)) {
      const share = shares.get(one.inode) ?? { pages: 0, current: 0 };
      share.pages += one.pages;
      // Out of time: what was not looked up passes for current.
      share.current += turns.late ? one.pages : await run(() => currentPages(volume, one));
      shares.set(one.inode, share);
    }
    await turns.pause();
  }
  const sorted = [...shares].sort(([, a], [, b]) => b.pages - a.pages);
  const paths = await pathsOf(volume, new Set(sorted.slice(0, mostFiles).map(([inode]) => inode)));
  return sorted.map(([inode, { pages, current }]) => {
    const path = paths.get(inode);
    return { inode, ...(path === undefined ? {} : { path }), pages, heldPages: pages - current };
  });
}

/** How many pages of a run extents of the live tree lead to. May throw Suspend. */
function currentPages(volume: Volume, { inode, offset, address, pages }: LiveRun): number {
  let current = 0;
  const item = volume.floor(inode, itemKind.extent, offset);
  // A unit covers more pages of its file than it has, and begins later once its first ones are cut off.
  const end = offset + Math.max(pages, extentPages);
  while (item.valid && (item.inode < inode || (item.inode === inode && item.kind < itemKind.extent))) item.next();
  for (; item.valid && item.inode === inode && item.kind === itemKind.extent && item.offset < end; item.next()) {
    const first = extentAddress(item.value);
    const after = first + extentStoredPages(item.value);
    current += Math.max(0, Math.min(after, address + pages) - Math.max(first, address));
  }
  return Math.min(current, pages);
}
