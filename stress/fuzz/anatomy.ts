/**
 * Where the metadata of an image lie, record by record and field by field, as the format declares them, and how the
 * checksums above each are made right after a change: what somebody needs who wants to damage an image so that only
 * the sense of it is wrong.
 */

import { Checkpoint, checkpointMagic } from '../../fs/format/checkpoint.js';
import { checksum, selfChecksum } from '../../fs/format/checksum.js';
import {
  indexEntriesPerPage,
  nodeBytes,
  placeOffset,
  slotOffset,
  tableOffset,
  tablePages,
} from '../../fs/format/geometry.js';
import { Dirent, ExtentHeader, InodeRecord, itemKind, Orphan, Relocation, Xattr } from '../../fs/format/item.js';
import {
  BatchHeader,
  entryType,
  ItemEntry,
  JournalRecord,
  journalMagic,
  OpenedSegment,
  PagesEntry,
} from '../../fs/format/journal-record.js';
import { Pointer } from '../../fs/format/pointer.js';
import { Summary, SummaryRun, summaryMagic } from '../../fs/format/segment-summary.js';
import { IndexEntry, TablePage } from '../../fs/format/segment-table.js';
import { records, type Struct } from '../../fs/format/struct.js';
import { Superblock } from '../../fs/format/superblock.js';
import { NodeHeader, NodeSlot, openNode } from '../../fs/format/tree-node.js';
import { currentCopy } from '../../fs/log/table-pages.js';
import type { MemoryStore } from '../../fs/store/memory.js';
import { below, seededRandom } from '../../fs/store/random.js';
import type { SparseBytes } from '../../fs/store/sparse-bytes.js';
import { pageSize } from '../../fs/units.js';
import { type Survey, survey } from '../../fsck/check.js';

/** A field of a record, by its place in the image. */
export interface FieldAt {
  readonly at: number;
  readonly size: number;
  readonly part: Part;
}

/** What there is to know of a declared record, whatever its values are. */
type Declared = Pick<Struct<never>, 'name' | 'size' | 'fields'>;

/** A piece of metadata with a checksum. */
export interface Part {
  readonly what: string;
  readonly offset: number;
  readonly length: number;
  /** Make its checksum right, and those above it. */
  seal(image: SparseBytes): void;
}

export interface Anatomy {
  readonly parts: readonly Part[];
  /** By record and name, such as `inode.size`. */
  readonly fields: ReadonlyMap<string, readonly FieldAt[]>;
}

/** Fields of one name that are kept: a large heap would slow down all that follows. */
const mostAlike = 60;

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

/** What values of items are. */
const recordOfKind = new Map<number, Declared>([
  [itemKind.inode, InodeRecord],
  [itemKind.dirent, Dirent],
  [itemKind.extent, ExtentHeader],
  [itemKind.xattr, Xattr],
  [itemKind.orphan, Orphan],
  [itemKind.relocation, Relocation],
]);

/** Take a sound image apart. */
export async function dissect(store: MemoryStore): Promise<Anatomy> {
  const surgeon = new Surgeon(store.bytes, await survey(store));
  surgeon.superblocks();
  surgeon.tables();
  surgeon.nodes();
  surgeon.journal();
  surgeon.summaries();
  return surgeon;
}

class Surgeon implements Anatomy {
  readonly parts: Part[] = [];
  readonly fields = new Map<string, FieldAt[]>();
  private readonly counts = new Map<string, number>();
  private readonly random = seededRandom(1);
  private readonly slots: Part[];

  constructor(
    private readonly image: SparseBytes,
    private readonly seen: Survey,
  ) {
    const { superblock } = seen;
    this.slots = [0, 1].map((slot) => {
      const [offset, length] = [slotOffset(superblock, slot), superblock.checkpointPages * pageSize];
      const part = this.part(`checkpoint ${slot}`, offset, length, Checkpoint.offsetOf.checksum);
      this.record(part, offset, Checkpoint);
      for (let at = pageSize; at < pageSize + tablePages(superblock) / 4; at++)
        this.field('table-map', part, offset + at, 1);
      return part;
    });
  }

  private read(offset: number, length: number): DataView {
    const bytes = new Uint8Array(length);
    this.image.read(offset, bytes);
    return viewOf(bytes);
  }

  /** A part with its own checksum at `field`. */
  private part(
    what: string,
    offset: number,
    length: number,
    field: number,
    above?: (image: SparseBytes) => void,
  ): Part {
    const seal = (image: SparseBytes): void => {
      const bytes = new Uint8Array(length);
      image.read(offset, bytes);
      writeU32(image, offset + field, selfChecksum(bytes, field));
      above?.(image);
    };
    const part = { what, offset, length, seal };
    this.parts.push(part);
    return part;
  }

  /** Of the many that there are of some, a sample. */
  private field(name: string, part: Part, at: number, size: number): void {
    const list = this.fields.get(name) ?? [];
    this.fields.set(name, list);
    const count = (this.counts.get(name) ?? 0) + 1;
    this.counts.set(name, count);
    const index = list.length < mostAlike ? list.length : below(this.random, count);
    if (index < mostAlike) list[index] = { at, size, part };
  }

  private record(part: Part, at: number, { name, fields }: Declared): void {
    let from = at;
    for (const [key, { type, size }] of Object.entries(fields)) {
      const inner = records.get(type);
      if (inner) this.record(part, from, inner);
      else this.field(`${name}.${key}`, part, from, size);
      from += size;
    }
  }

  superblocks(): void {
    for (const offset of [0, this.image.size - pageSize]) {
      const part = this.part('superblock', offset, pageSize, Superblock.offsetOf.checksum);
      this.record(part, offset, Superblock);
    }
  }

  /** The current copies of the pages of the segment table. */
  tables(): void {
    const { superblock, image } = this.seen;
    for (let index = 0; index < tablePages(superblock); index++) {
      const copy = currentCopy(image.tableMap, index);
      if (copy === 0) continue;
      const offset = tableOffset(superblock, index, copy - 1);
      const part = this.part(`table page ${index}`, offset, pageSize, TablePage.offsetOf.checksum);
      this.record(part, offset, TablePage);
      if (index >= superblock.indexPages) {
        for (let at = TablePage.size; at < TablePage.size + superblock.places * 4; at += 4)
          this.field('live', part, offset + at, 4);
        continue;
      }
      for (let entry = 0; entry < Math.min(superblock.places, indexEntriesPerPage); entry++)
        this.record(part, offset + TablePage.size + entry * IndexEntry.size, IndexEntry);
    }
  }

  nodes(): void {
    const { checkpoint } = this.seen;
    const slot = this.slots[checkpoint.slot];
    const { mainRoot, systemRoot } = Checkpoint.offsetOf;
    this.node(checkpoint.mainRoot, true, slot, slot.offset + mainRoot + Pointer.offsetOf.checksum);
    this.node(checkpoint.systemRoot, false, slot, slot.offset + systemRoot + Pointer.offsetOf.checksum);
  }

  /** A node and all below it; `sum`: where the checksum lies that its pointer has, in `above`. */
  private node(pointer: Pointer, follow: boolean, above: Part, sum: number): void {
    const { superblock, image } = this.seen;
    const [offset, length] = [image.offsetOf(image.locate(pointer.address, follow)), nodeBytes(superblock)];
    const view = this.read(offset, length);
    const header = NodeHeader.read(view);
    const { sealer } = superblock;
    if (sealer !== undefined) openNode(sealer, pointer.address, new Uint8Array(view.buffer));
    const seal = (target: SparseBytes): void => {
      // The checksum above is encrypted: without the key nobody makes it right.
      if (sealer !== undefined) return;
      const bytes = new Uint8Array(length);
      target.read(offset, bytes);
      writeU32(target, sum, checksum(bytes));
      above.seal(target);
    };
    const part = {
      what: `${header.tree === 0 ? 'node' : 'system node'} of level ${header.level}`,
      offset,
      length,
      seal,
    };
    this.parts.push(part);
    this.record(part, offset, NodeHeader);
    for (let i = 0; i < header.count; i++) {
      const at = NodeHeader.size + i * NodeSlot.size;
      const slot = NodeSlot.read(view, at);
      if (sealer === undefined) this.record(part, offset + at, NodeSlot);
      if (header.level > 0) {
        if (sealer === undefined) this.record(part, offset + slot.value, Pointer);
        this.node(Pointer.read(view, slot.value), follow, part, offset + slot.value + Pointer.offsetOf.checksum);
      } else if (sealer === undefined)
        this.value(part, offset + slot.value, slot.inodeLowAndKind & 0xffff, slot.length);
    }
  }

  private value(part: Part, at: number, kind: number, length: number): void {
    const record = recordOfKind.get(kind);
    if (record && record.size <= length) this.record(part, at, record);
    const from = record ? record.size : 0;
    if (length > from) this.field(`bytes of items of kind ${kind}`, part, at + from, Math.min(8, length - from));
  }

  /** The records that a recovery would replay. */
  journal(): void {
    const { superblock, checkpoint } = this.seen;
    if (checkpoint.clean === 1) return;
    const found: { offset: number; length: number }[] = [];
    let { journalPlace: place, journalNextPlace: next, journalSequence: sequence } = checkpoint;
    const perSegment = 2 ** superblock.segmentShift * pageSize;
    for (let at = checkpoint.journalPage * pageSize; ; ) {
      let header = this.recordAt(place, at, sequence);
      if (!header) {
        at = Math.ceil(at / pageSize) * pageSize;
        header = this.recordAt(place, at, sequence);
      }
      if (header) {
        found.push({ offset: placeOffset(superblock, place, 0) + at, length: header.length });
        at += Math.ceil(header.length / 8) * 8;
        next = header.nextPlace;
        sequence++;
      } else if (at > 0 && next < superblock.places && place !== next && at <= perSegment) {
        place = next;
        at = 0;
      } else break;
    }
    for (const [i, { offset, length }] of found.entries())
      this.journalRecord(offset, length, () => this.parts.find((p) => p.offset === found[i + 1]?.offset));
  }

  private recordAt(place: number, at: number, sequence: number): JournalRecord | undefined {
    const offset = placeOffset(this.seen.superblock, place, 0) + at;
    const header = JournalRecord.read(this.read(offset, JournalRecord.size));
    return header.magic === journalMagic && header.sequence === sequence ? header : undefined;
  }

  private journalRecord(offset: number, length: number, next: () => Part | undefined): void {
    const field = JournalRecord.offsetOf.checksum;
    const part = this.part('journal record', offset, length, field, (image) => {
      const following = next();
      if (!following) return;
      const sum = new Uint8Array(4);
      image.read(offset + field, sum);
      image.write(following.offset + JournalRecord.offsetOf.previous, sum);
      following.seal(image);
    });
    const view = this.read(offset, length);
    const { opened, batches } = JournalRecord.read(view);
    this.record(part, offset, JournalRecord);
    if (this.seen.superblock.sealer !== undefined) return;
    let at = JournalRecord.size;
    for (let i = 0; i < opened; i++, at += OpenedSegment.size) this.record(part, offset + at, OpenedSegment);
    for (let i = 0; i < batches; i++) {
      const { entries } = BatchHeader.read(view, at);
      this.record(part, offset + at, BatchHeader);
      at += BatchHeader.size;
      for (let n = 0; n < entries; n++) {
        const type = view.getUint8(at);
        if (type === entryType.claim || type === entryType.release) {
          this.record(part, offset + at, PagesEntry);
          at += PagesEntry.size;
          continue;
        }
        const entry = ItemEntry.read(view, at);
        this.record(part, offset + at, ItemEntry);
        at += ItemEntry.size;
        if (type === entryType.put) this.value(part, offset + at, entry.kind, entry.length);
        at += entry.length;
      }
    }
  }

  /** Summaries of segments, and copies of checkpoints, wherever they lie. */
  summaries(): void {
    const { superblock } = this.seen;
    const pages = superblock.places * 2 ** superblock.segmentShift;
    for (let page = 0; page < pages; page++) {
      const offset = placeOffset(superblock, 0, page);
      const view = this.read(offset, pageSize);
      const magic = view.getUint32(0, true);
      if (magic === summaryMagic) {
        const part = this.part('summary', offset, pageSize, Summary.offsetOf.checksum);
        this.record(part, offset, Summary);
        const runs = superblock.sealer === undefined ? Math.min(Summary.read(view).runs, 100) : 0;
        for (let i = 0; i < runs; i++) this.record(part, offset + Summary.size + i * SummaryRun.size, SummaryRun);
      } else if (magic === checkpointMagic)
        this.part('copy of a checkpoint', offset, pageSize, Checkpoint.offsetOf.checksum);
    }
  }
}

function writeU32(image: SparseBytes, at: number, value: number): void {
  const bytes = new Uint8Array(4);
  viewOf(bytes).setUint32(0, value, true);
  image.write(at, bytes);
}
