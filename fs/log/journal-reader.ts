/**
 * Reading the journal back after a crash: the records that follow a checkpoint, in order, until the chain ends.
 * A record belongs to the chain if its checksum, epoch, sequence number and predecessor's checksum are right;
 * anything else is the torn or never written tail.
 *
 * Cost: what was journalled since the checkpoint, whatever the size of the volume.
 */
import { CorruptionError } from '../errors.js';
import { checksum } from '../format/checksum.js';
import { type Geometry, placeOffset, segmentPages } from '../format/geometry.js';
import { JournalRecord, journalMagic, OpenedSegment } from '../format/journal-record.js';
import type { Store } from '../store/store.js';
import { type Generation, type Place, pageSize, type Serial } from '../units.js';
import { type DecodedBatch, decodeBatch } from './batch-codec.js';
import { type JournalPosition, recordAlignment } from './journal.js';

export interface ReadRecord {
  readonly header: JournalRecord;
  readonly place: Place;
  readonly serial: Serial;
  readonly opened: readonly OpenedSegment[];
  readonly batches: readonly DecodedBatch[];
}

/** What is read from: a checkpoint, or in tests a position alone. */
export interface JournalStart extends JournalPosition {
  readonly generation?: Generation;
  /** Id of the line that is live. */
  readonly rootId?: number;
}

/**
 * Batches that follow the checkpoint of generation g are of g + 1, and of g + 2 while checkpoint g + 1 is being written;
 * where that one has rotted, those after it count from g too. Larger numbers are nobody's, and would leave none to go on.
 */
const mostAhead = 4;

/** Yields the records after `from`. Stops at the first that is not the next of the chain; a read error is thrown. */
export async function* readJournal(
  store: Store,
  geometry: Geometry,
  from: JournalStart,
  epoch: number,
): AsyncGenerator<ReadRecord> {
  const perSegment = segmentPages(geometry);
  const segment = new Uint8Array(perSegment * pageSize);
  let place = from.journalPlace;
  let serial = from.journalSerial;
  let at = from.journalPage * pageSize;
  let next = { place: from.journalNextPlace, serial: from.journalNextSerial };
  let last = from.journalLast;
  let sequence = from.journalSequence;
  if (place < 0 || place >= geometry.places) return;
  await store.read(placeOffset(geometry, place, 0), segment);
  for (;;) {
    let bytes = recordAt(segment, at, epoch, sequence, last);
    if (bytes === undefined && at % pageSize !== 0) {
      at = Math.ceil(at / pageSize) * pageSize;
      bytes = recordAt(segment, at, epoch, sequence, last);
    }
    if (bytes === undefined) {
      // It may have begun the next segment.
      if (at === 0 || next.place < 0 || next.place >= geometry.places) return;
      await store.read(placeOffset(geometry, next.place, 0), segment);
      ({ place, serial } = next);
      at = 0;
      bytes = recordAt(segment, at, epoch, sequence, last);
      if (bytes === undefined) return;
    }
    const record = decode(bytes, place, serial);
    if (record === undefined || !leadsOn(record, from)) return;
    last = record.header.checksum;
    sequence++;
    at += Math.ceil(bytes.length / recordAlignment) * recordAlignment;
    next = { place: record.header.nextPlace, serial: record.header.nextSerial };
    yield record;
  }
}

/**
 * Whether a record can be added to the state of this checkpoint. It can't if it relies on a newer one that is lost: with
 * that went batches that no record holds, or the live line became another one.
 */
function leadsOn({ header, batches }: ReadRecord, { generation: held, rootId }: JournalStart): boolean {
  if (held === undefined) return true;
  return (
    header.base <= held &&
    batches.every(({ generation, root }) => generation <= held || (generation <= held + mostAhead && root === rootId))
  );
}

/** The bytes of a record if it is the next of the chain. */
function recordAt(
  segment: Uint8Array,
  start: number,
  epoch: number,
  sequence: number,
  previous: number,
): Uint8Array | undefined {
  if (start + JournalRecord.size > segment.length) return undefined;
  const view = new DataView(segment.buffer, segment.byteOffset + start, segment.length - start);
  const header = JournalRecord.read(view, 0);
  if (
    header.magic !== journalMagic ||
    header.epoch !== epoch ||
    header.sequence !== sequence ||
    header.previous !== previous
  ) {
    return undefined;
  }
  if (header.length < JournalRecord.size || start + header.length > segment.length) return undefined;
  const bytes = segment.slice(start, start + header.length);
  const own = new DataView(bytes.buffer);
  own.setUint32(JournalRecord.offsetOf.checksum, 0, true);
  if (checksum(bytes) !== header.checksum) return undefined;
  own.setUint32(JournalRecord.offsetOf.checksum, header.checksum, true);
  return bytes;
}

function decode(bytes: Uint8Array, place: Place, serial: Serial): ReadRecord | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const header = JournalRecord.read(view, 0);
  const opened: OpenedSegment[] = [];
  let at = JournalRecord.size;
  if (at + header.opened * OpenedSegment.size > bytes.length) return undefined;
  for (let i = 0; i < header.opened; i++, at += OpenedSegment.size) opened.push(OpenedSegment.read(view, at));
  const batches: DecodedBatch[] = [];
  try {
    for (let i = 0; i < header.batches; i++) {
      const { batch, next } = decodeBatch(bytes, at);
      batches.push(batch);
      at = next;
    }
  } catch (e) {
    if (e instanceof CorruptionError) return undefined;
    throw e;
  }
  return { header, place, serial, opened, batches };
}
