/**
 * What the live pages of a segment are: for the cleaner, which moves them, and must know under which addresses
 * pointers know them and which are nodes of the system tree.
 *
 * The live bits say which pages. What they are stands in the segment's summaries, which form a chain from the last
 * one back: each names the first page that it describes, and before that lies the one before it. Only the chain
 * counts: a page of a file that has died may hold anything, also what looks like a summary.
 *
 * Invariants
 * 1. Pages of the data head lie where their address says and are no nodes, whatever a summary says; after a crash the
 *    last of them may have none. Nodes and moved pages become live only when a summary describes them.
 * 2. If a live node or moved page is not described, as a summary has rotted, there is no answer: under a wrong address
 *    its page would be lost, and a node of the system tree must not enter the map that lies in it.
 */
import { selfChecksum } from '../format/checksum.js';
import type { Sealer } from '../format/seal.js';
import { openSummary, runKind, runsPerSummary, Summary, SummaryRun, summaryMagic } from '../format/segment-summary.js';
import type { RunMeaning } from '../log/head.js';
import { headKind, type SegmentTable } from '../log/segment-table.js';
import { type Address, type Place, pageSize, type Serial } from '../units.js';

/** Consecutive live pages of a segment with one meaning. */
export interface LiveRun extends RunMeaning {
  readonly page: number;
  readonly pages: number;
  readonly address: Address;
  readonly system: boolean;
}

/** Consecutive pages, live or dead, as a summary describes them. */
interface Described extends RunMeaning {
  readonly page: number;
  readonly pages: number;
  readonly address: Address;
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
  for (const run of describedRuns(bytes, table.serial[place], table.geometry.sealer)) {
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
function describedRuns(bytes: Uint8Array, serial: Serial, sealer: Sealer | undefined): Described[] {
  let page = bytes.length / pageSize - 1;
  while (page >= 0 && summaryAt(bytes, page, serial, sealer) === undefined) page--;
  const chain: Described[][] = [];
  while (page >= 0) {
    const summary = summaryAt(bytes, page, serial, sealer);
    if (summary === undefined) break;
    chain.unshift(summary.runs);
    page = summary.first - 1;
  }
  return chain.flat();
}

/** The summary on a page, if there is one of this segment that describes the pages before it. */
function summaryAt(
  bytes: Uint8Array,
  page: number,
  serial: Serial,
  sealer: Sealer | undefined,
): { first: number; runs: Described[] } | undefined {
  const stored = bytes.subarray(page * pageSize, (page + 1) * pageSize);
  // What lies here is moved as it is: it is opened in a copy.
  const own = sealer === undefined ? stored : new Uint8Array(stored);
  const view = new DataView(own.buffer, own.byteOffset, pageSize);
  if (view.getUint32(0, true) !== summaryMagic) return undefined;
  const head = Summary.read(view, 0);
  if (head.serial !== serial || head.page !== page || head.first > page || head.runs > runsPerSummary(sealer))
    return undefined;
  if (head.checksum !== selfChecksum(own, Summary.offsetOf.checksum)) return undefined;
  if (sealer !== undefined && !openSummary(sealer, own)) return undefined;
  const runs: Described[] = [];
  let at = head.first;
  for (let i = 0, from = Summary.size; i < head.runs; i++, from += SummaryRun.size) {
    const { kind, address, inode, offset, pages, level, itemKind } = SummaryRun.read(view, from);
    const isNode = kind === runKind.node || kind === runKind.systemNode;
    runs.push({ kind, address, inode, offset, page: at, pages, ...(isNode ? { level, itemKind } : {}) });
    at += pages;
  }
  return at === page ? { first: head.first, runs } : undefined;
}
