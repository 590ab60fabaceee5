/**
 * What a place holds by what lies in it, whatever the segment table says: summaries of a segment, copies of the
 * checkpoint, journal records. Pages are read in order, a piece at a time.
 */
import { type Checkpoint, checkpointMagic } from '../../fs/format/checkpoint.js';
import { selfChecksum } from '../../fs/format/checksum.js';
import { type Geometry, placeOffset, segmentPages } from '../../fs/format/geometry.js';
import { journalMagic } from '../../fs/format/journal-record.js';
import {
  openSummary,
  runKind,
  runsPerSummary,
  Summary,
  SummaryRun,
  summaryMagic,
} from '../../fs/format/segment-summary.js';
import { headKind } from '../../fs/log/segment-table.js';
import type { Store } from '../../fs/store/store.js';
import { type Generation, type Place, pageSize, type Serial } from '../../fs/units.js';
import { parseHeader } from '../../fs/volume/checkpoint-slots.js';
import { endOfAddresses } from '../node.js';

const piecePages = 256;
const zeros = new Uint8Array(piecePages * pageSize);

/** With the page of the place where it lies, and the generation in which it was described: that of its pages, or a later one. */
export type FoundRun = SummaryRun & { readonly page: number; readonly generation: Generation };

/** A summary that verifies. */
export interface FoundSummary {
  readonly serial: Serial;
  readonly generation: Generation;
  readonly runs: readonly FoundRun[];
}

export interface PlaceContents {
  /** Of all serials. */
  readonly summaries: readonly FoundSummary[];
  /** Copies of the checkpoint that verify. */
  readonly checkpoints: readonly Checkpoint[];
  /** It begins with a journal record. */
  readonly journal: boolean;
  /** Nothing but zeros. */
  readonly blank: boolean;
}

/** Read a whole place. */
export async function readPlace(store: Store, geometry: Geometry, place: Place): Promise<PlaceContents> {
  const pages = segmentPages(geometry);
  const buffer = new Uint8Array(Math.min(pages, piecePages) * pageSize);
  const summaries: FoundSummary[] = [];
  const checkpoints: Checkpoint[] = [];
  let journal = false;
  let blank = true;
  for (let from = 0; from < pages; from += piecePages) {
    await store.read(placeOffset(geometry, place, from), buffer);
    // Most of a large image was never written.
    if (Buffer.compare(buffer, zeros.subarray(0, buffer.length)) === 0) continue;
    blank = false;
    for (let page = from; page < Math.min(pages, from + piecePages); page++) {
      const bytes = buffer.subarray((page - from) * pageSize, (page - from + 1) * pageSize);
      const magic = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
      if (magic === summaryMagic) {
        const found = summaryOf(bytes, page, geometry);
        if (found !== undefined) summaries.push(found);
      } else if (magic === checkpointMagic) {
        const found = checkpointOf(geometry, bytes);
        if (found !== undefined) checkpoints.push(found);
      } else if (magic === journalMagic && page === 0) journal = true;
    }
  }
  return { summaries, checkpoints, journal, blank };
}

function summaryOf(stored: Uint8Array, page: number, { brand, sealer }: Geometry): FoundSummary | undefined {
  const bytes = sealer === undefined ? stored : new Uint8Array(stored);
  const view = new DataView(bytes.buffer, bytes.byteOffset, pageSize);
  const head = Summary.read(view, 0);
  if (
    head.brand !== brand ||
    head.page !== page ||
    head.first > page ||
    head.runs > runsPerSummary(sealer) ||
    !Number.isSafeInteger(head.serial)
  ) {
    return undefined;
  }
  if (head.checksum !== selfChecksum(bytes, Summary.offsetOf.checksum)) return undefined;
  if (sealer !== undefined && !openSummary(sealer, bytes)) return undefined;
  const { generation } = head;
  const runs: FoundRun[] = [];
  let at = head.first;
  for (let i = 0; i < head.runs; i++) {
    const run = SummaryRun.read(view, Summary.size + i * SummaryRun.size);
    // Nothing lies under an address beyond the log; what looks like a node there would be taken for one in memory.
    if (run.address < endOfAddresses) runs.push({ ...run, page: at, generation });
    at += run.pages;
  }
  return at === page ? { serial: head.serial, generation, runs } : undefined;
}

/**
 * What the summaries of one segment say of its pages, each page once: a hostile image may have as many summaries as pages, of
 * which each describes all before it.
 */
export function* runsOf({ summaries }: PlaceContents, serial: Serial): Iterable<FoundRun> {
  let told = 0;
  for (const summary of summaries) {
    if (summary.serial !== serial) continue;
    for (const run of summary.runs) {
      if (run.page < told) continue;
      yield run;
      told = run.page + run.pages;
    }
  }
}

function checkpointOf(geometry: Geometry, bytes: Uint8Array): Checkpoint | undefined {
  const found = parseHeader(geometry, bytes);
  return found?.mapBytes === 0 ? found : undefined;
}

/**
 * The segment that a place holds: the newest of which there is a summary. Undefined: none.
 *
 * Only the cold head writes pages under addresses that are not their own: it matters, as the cleaner takes the pages of
 * others for what lies where its address says.
 */
export function newestSegment(
  { summaries }: PlaceContents,
  pagesPerSegment: number,
): { serial: Serial; generation: number; head: number } | undefined {
  if (summaries.length === 0) return undefined;
  let serial = 0;
  for (const found of summaries) serial = Math.max(serial, found.serial);
  const own = summaries.filter((found) => found.serial === serial);
  const runs = own.flatMap((found) => found.runs);
  const moved = runs.some(({ address, page }) => address !== serial * pagesPerSegment + page);
  const nodes = runs.some(({ kind }) => kind !== runKind.data);
  return {
    serial,
    generation: Math.max(...own.map(({ generation }) => generation)),
    head: moved ? headKind.cold : nodes ? headKind.node : headKind.data,
  };
}
