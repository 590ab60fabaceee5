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
import { JournalRecord, journalMagic, OpenedSegment, openRecord, recordStart } from '../format/journal-record.js';
import type { Sealer } from '../format/seal.js';
import type { Store } from '../store/store.js';
import { type Generation, type Place, pageSize, type Serial } from '../units.js';
import { type DecodedBatch, decodeBatch } from './batch-codec.js';
import { type JournalPosition, recordAlignment } from './journal.js';

export interface DecodedRecord {
  readonly header: JournalRecord;
  readonly opened: readonly OpenedSegment[];
  readonly batches: readonly DecodedBatch[];
}

export interface ReadRecord extends DecodedRecord {
  readonly place: Place;
  readonly serial: Serial;
}

/** Where a chain ends: the place and byte of a segment where its next record is looked for, and its number. */
export interface ChainEnd {
  readonly place: Place;
  readonly at: number;
  readonly nextPlace: Place;
  readonly sequence: number;
  /** The record is there, and builds on a checkpoint that is not. */
  readonly baseless: boolean;
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

/**
 * Yields the records after `from`, and returns where they end: at the first that is not the next of the chain. A read error
 * is thrown.
 */
export async function* readJournal(
  store: Store,
  geometry: Geometry,
  from: JournalStart,
  epoch: number,
): AsyncGenerator<ReadRecord, ChainEnd> {
  const perSegment = segmentPages(geometry);
  const segment = new Uint8Array(perSegment * pageSize);
  let place = from.journalPlace;
  let serial = from.journalSerial;
  let at = from.journalPage * pageSize;
  let next = { place: from.journalNextPlace, serial: from.journalNextSerial };
  let last = from.journalLast;
  let sequence = from.journalSequence;
  let expected = at;
  const end = (baseless = false): ChainEnd => ({ place, at: expected, nextPlace: next.place, sequence, baseless });
  if (place < 0 || place >= geometry.places) return end();
  await store.read(placeOffset(geometry, place, 0), segment);
  for (;;) {
    expected = at;
    let bytes = recordAt(segment, at, epoch, sequence, last);
    if (bytes === undefined && at % pageSize !== 0) {
      at = Math.ceil(at / pageSize) * pageSize;
      bytes = recordAt(segment, at, epoch, sequence, last);
    }
    if (bytes === undefined) {
      // It may have begun the next segment.
      if (at === 0 || next.place < 0 || next.place >= geometry.places) return end();
      await store.read(placeOffset(geometry, next.place, 0), segment);
      bytes = recordAt(segment, 0, epoch, sequence, last);
      if (bytes === undefined) return end();
      ({ place, serial } = next);
      at = 0;
    }
    const decoded = decodeRecord(bytes, geometry.sealer);
    if (decoded === undefined) return end();
    if (!leadsOn(decoded, from)) return end(true);
    const record = { ...decoded, place, serial };
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
function leadsOn({ header, batches }: DecodedRecord, { generation: held, rootId }: JournalStart): boolean {
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
  return verified(segment, start, header);
}

/** The bytes of a record whose header was read; undefined if they are not what was written. */
export function verified(segment: Uint8Array, start: number, header: JournalRecord): Uint8Array | undefined {
  if (header.length < JournalRecord.size || start + header.length > segment.length) return undefined;
  const bytes = segment.slice(start, start + header.length);
  const own = new DataView(bytes.buffer);
  own.setUint32(JournalRecord.offsetOf.checksum, 0, true);
  if (checksum(bytes) !== header.checksum) return undefined;
  own.setUint32(JournalRecord.offsetOf.checksum, header.checksum, true);
  return bytes;
}

/** What a record that verifies says, undefined if it makes no sense or is not authentic. Decrypts `bytes` where they are. */
export function decodeRecord(bytes: Uint8Array, sealer: Sealer | undefined): DecodedRecord | undefined {
  if (bytes.length < recordStart(sealer) || (sealer !== undefined && !openRecord(sealer, bytes))) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const header = JournalRecord.read(view, 0);
  const opened: OpenedSegment[] = [];
  let at = recordStart(sealer);
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
  return { header, opened, batches };
}
