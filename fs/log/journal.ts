/**
 * The journal: the write-ahead log of the map. Batches wait in memory until someone asks for durability; then one
 * record with all of them is appended to the journal's open segment. Records form a chain: each carries the
 * checksum of its predecessor, the mount's epoch and a sequence number, so that recovery can't mistake an old or
 * misplaced record for the next one.
 *
 * Invariants
 * 1. Batches stand in records in the order in which they were applied, each once.
 * 2. Batches of generation g leave memory when a record holds them or checkpoint g is durable.
 * 3. Each segment's successor is named in a durable record (or the checkpoint) before a record lies in it: the
 *    successor is chosen when the segment is opened and named by every record in it.
 * 4. A page holds several records if they fit, until `seal`: a page on which a barrier or a checkpoint relies is not
 *    written again, and neither is one that is still on its way.
 * 5. A journal segment is freed by the commit that makes all its records superfluous, and so reused one
 *    checkpoint later.
 */
import { checksum } from '../format/checksum.js';
import { noPlace, placeOffset } from '../format/geometry.js';
import { JournalRecord, journalMagic, OpenedSegment, recordStart, sealRecord } from '../format/journal-record.js';
import type { Store } from '../store/store.js';
import { type Generation, type Place, pageSize, type Serial } from '../units.js';
import { encodeBatch, type LoggedBatch } from './batch-codec.js';
import { GrowingBuffer } from './growing-buffer.js';
import { headKind, type SegmentTable } from './segment-table.js';

/** Where the next record goes, and what it must follow: part of the checkpoint. */
export interface JournalPosition {
  readonly journalPlace: Place;
  readonly journalSerial: Serial;
  readonly journalPage: number;
  readonly journalLast: number;
  readonly journalSequence: number;
  readonly journalNextPlace: Place;
  readonly journalNextSerial: Serial;
}

/** What a record says beside its batches. */
export interface JournalCounters {
  readonly nextInode: number;
  readonly inodes: number;
}

/** Records begin at multiples of this many bytes. */
export const recordAlignment = 8;
const aligned = (length: number): number => Math.ceil(length / recordAlignment) * recordAlignment;

export class Journal {
  /** Bytes handed to the store since the volume was opened. */
  bytesWritten = 0;
  /** Sequence number of the next record. */
  sequence = 1;
  /** Highest sequence known durable. */
  durable = 0;
  /** Checksum of the newest record, as a signed number: to V8 those are of one kind, whatever their bits. */
  private last = 0;
  /** The next page that no record lies in. */
  private page = 0;
  /** Bytes in use of the page before, if another record may follow there; else 0. */
  private fill = 0;
  /** Writes on their way. */
  private readonly flying = new Set<Promise<void>>();
  private place: Place = -1;
  private serial: Serial = 0;
  private nextPlace: Place = -1;
  private nextSerial: Serial = 0;
  /** Segments with records of earlier generations, oldest first. */
  private full: Place[] = [];
  private readonly waiting = new GrowingBuffer();
  /** Where each waiting batch ends. */
  private ends: number[] = [];
  /** By how much each of them changes the number of inodes. */
  private born: number[] = [];
  private opened: OpenedSegment[] = [];
  private marked = { generation: 0, bytes: 0, batches: 0, opened: 0 };
  /** Newest checkpoint that holds what no record does. */
  private base: Generation = 0;

  constructor(
    private readonly store: Store,
    private readonly table: SegmentTable,
    readonly epoch: number,
    /** Fewer reusable places than this: the journal leaves them to commits. */
    private readonly leastPlaces: number,
  ) {}

  /** Bytes of batches that no record holds. */
  get waitingBytes(): number {
    return this.waiting.length;
  }

  add(batch: LoggedBatch & { readonly inodes: number }, generation: Generation, root: number): void {
    encodeBatch(this.waiting, batch, generation, root);
    this.ends.push(this.waiting.length);
    this.born.push(batch.inodes);
  }

  noteOpened(place: Place, serial: Serial): void {
    this.opened.push({ place, serial });
  }

  /** Where the next record goes that needs a page, unless it is too long for the rest of the segment. */
  get next(): { place: Place; page: number } {
    return { place: this.place, page: this.page };
  }

  /** Choose the first segments. False when no places are left. */
  start(generation: Generation): boolean {
    this.nextPlace = this.table.take(headKind.journal, generation);
    if (this.nextPlace < 0) return false;
    this.nextSerial = this.table.serial[this.nextPlace];
    return this.advance(generation);
  }

  /** Whether it lies, or will, in a place from `limit` on. */
  reaches(limit: Place): boolean {
    return this.place >= limit || this.nextPlace >= limit;
  }

  /**
   * Go on in the next segment before this one is full. False when that can't be now: no record lies in this one (whoever
   * reads the chain would not look for the next), or there is no place for the one after.
   */
  moveOn(generation: Generation): boolean {
    return this.page > 0 && this.advance(generation);
  }

  /** Move to the successor and choose the one after it. Nothing changes when no place is left. */
  private advance(generation: Generation): boolean {
    if (this.place >= 0 && this.table.reusablePlaces <= this.leastPlaces) return false;
    const after = this.table.take(headKind.journal, generation);
    if (after < 0) return false;
    if (this.place >= 0) this.full.push(this.place);
    this.place = this.nextPlace;
    this.serial = this.nextSerial;
    this.page = 0;
    this.fill = 0;
    this.nextPlace = after;
    this.nextSerial = this.table.serial[after];
    return true;
  }

  /**
   * Write records with all waiting batches. Returns the store's promises; the records are durable after the next
   * barrier. Undefined when there is no place for them, or they fit no segment: the caller must commit instead.
   */
  write(generation: Generation, counters: JournalCounters): Promise<void>[] | undefined {
    if (this.place < 0) return undefined;
    const waits: Promise<void>[] = [];
    const most = this.table.pagesPerSegment * pageSize;
    let from = 0;
    let batch = 0;
    while (batch < this.ends.length || this.opened.length > 0) {
      const head = recordStart(this.table.geometry.sealer) + this.opened.length * OpenedSegment.size;
      let upTo = batch;
      while (upTo < this.ends.length && head + this.ends[upTo] - from <= most) upTo++;
      // Many small segments opened since the last record, say: no record has room for their names and a batch.
      if (upTo === batch && (batch < this.ends.length || head > most)) {
        this.forget(from, batch);
        return undefined;
      }
      const end = upTo === batch ? from : this.ends[upTo - 1];
      const length = head + end - from;
      const pages = Math.ceil(length / pageSize);
      const joins = this.joins(length);
      if (!joins && this.page + pages > this.table.pagesPerSegment && !this.advance(generation)) {
        this.forget(from, batch);
        return undefined;
      }
      const size = joins ? aligned(length) : pages * pageSize;
      const then = { nextInode: counters.nextInode, inodes: counters.inodes - this.bornAfter(upTo) };
      const record = this.record(this.waiting.bytes.subarray(from, end), upTo - batch, size, then);
      const wait = this.put(record, joins);
      if (wait !== undefined) waits.push(wait);
      if (!joins) this.page += pages;
      this.fill = (joins ? this.fill : 0) + (aligned(length) % pageSize);
      this.opened = [];
      this.marked.opened = 0;
      from = end;
      batch = upTo;
    }
    this.forget(from, batch);
    return waits;
  }

  /** Inodes that the waiting batches from `batch` on add: a record without them does not count them. */
  private bornAfter(batch: number): number {
    let count = 0;
    for (let i = batch; i < this.born.length; i++) count += this.born[i];
    return count;
  }

  /** Whether a record of `length` bytes goes behind the last one, into the same page. */
  private joins(length: number): boolean {
    return this.fill > 0 && this.flying.size === 0 && this.fill + length <= pageSize;
  }

  private put(record: Uint8Array, joins: boolean): Promise<void> | undefined {
    this.bytesWritten += record.length;
    const start = placeOffset(this.table.geometry, this.place, this.page);
    const wait = this.store.write(joins ? start - pageSize + this.fill : start, [record]);
    if (wait === undefined) return undefined;
    this.flying.add(wait);
    const landed = () => {
      this.flying.delete(wait);
    };
    // A caller who gets no promises commits instead, and meets a failure there: the store takes no more.
    wait.then(landed, landed);
    return wait;
  }

  /** All records written so far have arrived (not: are durable). Undefined when they have already. */
  landed(): Promise<unknown> | undefined {
    return this.flying.size === 0 ? undefined : Promise.all(this.flying);
  }

  /** What was written so far is about to be relied on: the next record begins on another page. */
  seal(): void {
    this.fill = 0;
  }

  private record(batches: Uint8Array, count: number, size: number, counters: JournalCounters): Uint8Array {
    const bytes = new Uint8Array(size);
    const view = new DataView(bytes.buffer);
    const { sealer } = this.table.geometry;
    let at = recordStart(sealer);
    for (const entry of this.opened) {
      OpenedSegment.write(view, at, entry);
      at += OpenedSegment.size;
    }
    bytes.set(batches, at);
    const length = at + batches.length;
    JournalRecord.write(view, 0, {
      magic: journalMagic,
      checksum: 0,
      epoch: this.epoch,
      sequence: this.sequence,
      previous: this.last >>> 0,
      length,
      durable: this.durable,
      nextPlace: this.nextPlace,
      nextSerial: this.nextSerial,
      nextInode: counters.nextInode,
      inodes: counters.inodes,
      base: this.base,
      opened: this.opened.length,
      batches: count,
    });
    if (sealer !== undefined) sealRecord(sealer, bytes.subarray(0, length));
    this.last = checksum(bytes.subarray(0, length)) | 0;
    view.setInt32(JournalRecord.offsetOf.checksum, this.last, true);
    this.sequence++;
    return bytes;
  }

  /** Drop the first batches, which are in a record or under a checkpoint. */
  private forget(bytes: number, batches: number): void {
    if (bytes === 0 && batches === 0) return;
    this.waiting.dropFront(bytes);
    this.ends.splice(0, batches);
    this.born.splice(0, batches);
    for (let i = 0; i < this.ends.length; i++) this.ends[i] -= bytes;
    this.marked.bytes = Math.max(0, this.marked.bytes - bytes);
    this.marked.batches = Math.max(0, this.marked.batches - batches);
  }

  /** A generation is frozen: what waits now belongs to it or to those before. Its full segments are freed in it. */
  freeze(generation: Generation): JournalPosition {
    this.marked = { generation, bytes: this.waiting.length, batches: this.ends.length, opened: this.opened.length };
    this.seal();
    for (const place of this.full) this.table.free(place, generation);
    this.full = [];
    return {
      journalPlace: this.place < 0 ? noPlace : this.place,
      journalSerial: this.serial,
      journalPage: this.page,
      journalLast: this.last >>> 0,
      journalSequence: this.sequence,
      journalNextPlace: this.nextPlace < 0 ? noPlace : this.nextPlace,
      journalNextSerial: this.nextSerial,
    };
  }

  /** The checkpoint of the last freeze is durable: batches under it need no record. */
  checkpointed(): void {
    const { bytes, batches, opened } = this.marked;
    if (batches > 0 || opened > 0) this.base = this.marked.generation;
    this.forget(bytes, batches);
    this.opened.splice(0, opened);
    this.marked = { generation: 0, bytes: 0, batches: 0, opened: 0 };
  }

  /** Free all segments: a clean close, where the next mount begins afresh, or after recovery of an older journal. */
  retire(generation: Generation): void {
    for (const place of [...this.full, this.place, this.nextPlace]) if (place >= 0) this.table.free(place, generation);
    this.full = [];
    this.place = -1;
    this.nextPlace = -1;
  }
}
