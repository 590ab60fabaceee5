/** Pages that describe the pages before them in their segment, written and read. */
import { selfChecksum } from '../format/checksum.js';
import type { Geometry } from '../format/geometry.js';
import {
  openSummary,
  runKind,
  runsPerSummary,
  Summary,
  SummaryRun,
  sealSummary,
  summaryMagic,
} from '../format/segment-summary.js';
import { type Address, type Generation, pageSize, type Serial } from '../units.js';

/** What the pages of an append are, for the summary. */
export interface RunMeaning {
  readonly kind: number;
  /** Address under which pointers know the first page; undefined: the one where it is appended. */
  readonly address?: number;
  readonly inode: number;
  readonly itemKind?: number;
  readonly offset: number;
  readonly level?: number;
}

/** Which summary of which segment it is: it lies on `page` and describes the pages from `first` on. */
export interface SummaryPosition {
  readonly serial: Serial;
  readonly generation: Generation;
  readonly page: number;
  readonly first: number;
}

/** Consecutive pages, live or dead, as a summary describes them. */
export interface Described extends RunMeaning {
  readonly page: number;
  readonly pages: number;
  readonly address: Address;
}

/** The bytes of a summary. The runs, at most `runsPerSummary`, follow each other from `first` to `page`. */
export function summaryPage(
  { brand, sealer }: Geometry,
  position: SummaryPosition,
  runs: readonly (RunMeaning & { readonly pages: number })[],
): Uint8Array {
  const page = new Uint8Array(pageSize);
  const view = new DataView(page.buffer);
  let at = Summary.size;
  for (const run of runs) {
    SummaryRun.write(view, at, {
      address: run.address ?? 0,
      inode: run.inode,
      offset: run.offset,
      pages: run.pages,
      kind: run.kind,
      itemKind: run.itemKind ?? 0,
      level: run.level ?? 0,
      reserved: 0,
    });
    at += SummaryRun.size;
  }
  Summary.write(view, 0, { ...position, brand, magic: summaryMagic, checksum: 0, runs: runs.length, reserved: 0 });
  if (sealer !== undefined) sealSummary(sealer, page);
  view.setUint32(Summary.offsetOf.checksum, selfChecksum(page, Summary.offsetOf.checksum), true);
  return page;
}

/** The summary on a page, if there is one of this segment that describes the pages before it. */
export function summaryAt(
  bytes: Uint8Array,
  page: number,
  serial: Serial,
  { brand, sealer }: Geometry,
): { first: number; runs: Described[] } | undefined {
  const stored = bytes.subarray(page * pageSize, (page + 1) * pageSize);
  // What lies here is moved as it is: it is opened in a copy.
  const own = sealer === undefined ? stored : new Uint8Array(stored);
  const view = new DataView(own.buffer, own.byteOffset, pageSize);
  if (view.getUint32(0, true) !== summaryMagic) return undefined;
  const head = Summary.read(view, 0);
  if (head.brand !== brand || head.serial !== serial || head.page !== page || head.first > page) return undefined;
  if (head.runs > runsPerSummary(sealer)) return undefined;
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
