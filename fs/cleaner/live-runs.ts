/**
 * What the live pages of a segment are: for the cleaner, which moves them, and must know under which addresses
 * pointers know them and which are nodes of the system tree.
 *
 * The live bits say which pages. What they are stands in the segment's summaries, which form a chain from the last
 * one back: each names the first page that it describes, and before that lies the one before it. Only the chain
 * counts: a page of a file that has died may hold anything, also what looks like a summary.
 *
 * Invariants
 * 1. Pages of the data head lie where their address says and are no nodes, whatever a summary says; until the next
 *    commit the last of them have none. Nodes and moved pages become live only when a summary describes them.
 * 2. If a live node or moved page is not described, as a summary has rotted, there is no answer: under a wrong address
 *    its page would be lost, and a node of the system tree must not enter the map that lies in it.
 */
import type { Geometry } from '../format/geometry.js';
import { runKind } from '../format/segment-summary.js';
import { headKind, type SegmentTable } from '../log/segment-table.js';
import { type Described, type RunMeaning, summaryAt } from '../log/summary-page.js';
import { type Address, type Place, pageSize, type Serial } from '../units.js';

/** Consecutive live pages of a segment with one meaning. */
export interface LiveRun extends RunMeaning {
  readonly page: number;
  readonly pages: number;
  readonly address: Address;
  readonly system: boolean;
}

/** The live runs of the segment at `place`, in order; `bytes` holds its pages. Undefined if what they are can't be known. */
export function liveRuns(table: SegmentTable, place: Place, bytes: Uint8Array): LiveRun[] | undefined {
  const { runs, described } = describedLiveRuns(table, place, bytes);
  return described === table.live[place] ? runs : undefined;
}

/** Those of them that the summaries tell of, and their pages in all: the last ones of an open segment wait for theirs. */
export function describedLiveRuns(
  table: SegmentTable,
  place: Place,
  bytes: Uint8Array,
): { readonly runs: LiveRun[]; readonly described: number } {
  const data = table.head[place] === headKind.data;
  const moved = table.head[place] === headKind.cold;
  const base = table.serial[place] * table.pagesPerSegment;
  const found: LiveRun[] = [];
  let described = 0;
  const add = (run: Described) => {
    const isNode = run.level !== undefined;
    for (const [page, pages] of livePages(table, place, run.page, run.page + run.pages)) {
      found.push({
        ...run,
        page,
        pages,
        address: (moved ? run.address : base + run.page) + page - run.page,
        offset: isNode ? run.offset : run.offset + page - run.page,
        system: run.kind === runKind.systemNode,
      });
      described += pages;
    }
  };
  let next = 0;
  const addPlain = (end: number) => {
    if (data && next < end)
      add({ kind: runKind.data, inode: 0, offset: 0, page: next, pages: end - next, address: base + next });
  };
  for (const run of describedRuns(bytes, table.serial[place], table.geometry)) {
    addPlain(run.page);
    if (data)
      add({
        kind: runKind.data,
        inode: run.inode,
        offset: run.offset,
        page: run.page,
        pages: run.pages,
        address: run.address,
      });
    else add(run);
    next = run.page + run.pages;
  }
  addPlain(table.pagesPerSegment);
  return { runs: found, described };
}

function* livePages(
  table: SegmentTable,
  place: Place,
  first: number,
  end: number,
): Iterable<[page: number, pages: number]> {
  for (let page = first; page < end; page++) {
    if (!table.isLive(place, page)) continue;
    let after = page + 1;
    while (after < end && table.isLive(place, after)) after++;
    yield [page, after - page];
    page = after;
  }
}

/** What the chain of summaries describes, in order. */
function describedRuns(bytes: Uint8Array, serial: Serial, geometry: Geometry): Described[] {
  let page = bytes.length / pageSize - 1;
  while (page >= 0 && summaryAt(bytes, page, serial, geometry) === undefined) page--;
  const chain: Described[][] = [];
  while (page >= 0) {
    const summary = summaryAt(bytes, page, serial, geometry);
    if (summary === undefined) break;
    chain.unshift(summary.runs);
    page = summary.first - 1;
  }
  return chain.flat();
}
