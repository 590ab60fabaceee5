/**
 * Pages of files from a stream into a line: plain ones and units as they were stored, holes, reserved ranges. Each replaces
 * what the file has there.
 *
 * The log may still be writing what was applied: when too much of that is on its way, the next record waits.
 */
import { checksum } from '../format/checksum.js';
import { inodeFlag, itemKind } from '../format/item.js';
import type { Sealer } from '../format/seal.js';
import { StreamRange, StreamUnit, streamType } from '../format/stream.js';
import { ExtentCursor, ExtentCut } from '../posix/inode/extent-map.js';
import {
  extentChecksum,
  extentPageCount,
  extentTransform,
  pageBits,
  partOfUnit,
  plainExtent,
  reservedExtent,
  reservedExtentPages,
  unitExtent,
  unitPlainBytes,
  unitProblem,
} from '../posix/inode/extent-value.js';
import { decodeInode, encodeInode } from '../posix/inode/inode-record.js';
import { sealedPages } from '../posix/inode/unit-write.js';
import { run } from '../suspend.js';
import type { Chain } from '../transform/chain.js';
import { decodeUnit, sealUnit } from '../transform/unit.js';
import { Batch } from '../tree/batch.js';
import { extentPages, type InodeNumber, type PageNumber, pageSize } from '../units.js';
import type { PageRun, VolumeApi } from '../volume/api.js';
import { badStream, type ReadRecord } from './record-reader.js';
import type { StreamChains } from './stream-chains.js';
import { plainUnit, presentRuns } from './unit-pages.js';

/** Bytes that may be on their way to the store. */
const mostUnderWay = 8 * 2 ** 20;
/** Extents that one batch cuts. */
const extentsInStep = 200;

/** A unit as it is stored. */
interface StoredUnit {
  /** Whole pages. */
  readonly pages: Uint8Array;
  /** Of which so many bytes mean something. */
  readonly bytes: number;
  readonly seal: Uint8Array | undefined;
  readonly plainPages: number;
  /** Bit i: the file has page i of the decoded unit. */
  readonly present: number;
}

/** New extents of a file, and their pages. */
interface Laid {
  readonly page: PageNumber;
  readonly value: Uint8Array;
  readonly run: PageRun;
}

export class PageWriter {
  private underWay = 0;
  private landed: (() => void) | undefined;

  constructor(
    private readonly line: VolumeApi,
    private readonly chains: StreamChains,
  ) {}

  /** Nothing is on its way to the store. */
  settled(): Promise<void> {
    return this.fewer(0);
  }

  private async fewer(most: number): Promise<void> {
    while (this.underWay > most) {
      await new Promise<void>((resolve) => {
        this.landed = resolve;
      });
    }
  }

  /** `end`: page after the last that a file can have. Rejects as LineWriter.write does. */
  async write(record: ReadRecord, end: PageNumber): Promise<void> {
    if (record.type === streamType.unit) return this.unit(record, end);
    const { body, inode } = record;
    if (body.length < StreamRange.size) throw senseless(record);
    const { first, pages } = StreamRange.read(viewOf(body));
    if (pages < 1 || pages > end || first > end - pages) throw senseless(record);
    if (record.type === streamType.pages) {
      const bytes = body.subarray(StreamRange.size);
      if (pages > extentPages || bytes.length !== pages * pageSize) throw senseless(record);
      return this.plain(record, first, bytes);
    }
    if (body.length !== StreamRange.size) throw senseless(record);
    await this.cut(inode, first, first + pages);
    if (record.type === streamType.reserved) await this.reserve(record, first, pages);
  }

  /** Make a hole, step by step. */
  private async cut(inode: InodeNumber, first: PageNumber, end: PageNumber): Promise<void> {
    for (let at = first; at < end; ) {
      at = await run(() => {
        const batch = new Batch();
        const cut = new ExtentCut(this.line, inode, batch);
        const reached = cut.cut(at, end, extentsInStep);
        cut.finish();
        for (const page of cut.removed) batch.delete(inode, itemKind.extent, page);
        if (batch.entries > 0) this.apply(batch, inode, -cut.pages, false);
        return reached;
      });
    }
  }

  private async reserve(record: ReadRecord, first: PageNumber, pages: number): Promise<void> {
    const { inode } = record;
    if (pages > reservedExtentPages) throw senseless(record);
    await this.loosen(record, first, first + pages);
    await run(() => {
      const batch = new Batch();
      const birth = this.line.generation;
      batch.put(inode, itemKind.extent, first, reservedExtent(birth, pages)).claim(0, pages, birth, 0);
      this.apply(batch, inode, pages, false);
    });
  }

  private plain(record: ReadRecord, first: PageNumber, bytes: Uint8Array): Promise<void> {
    const end = first + bytes.length / pageSize;
    const { chains, sealer } = this.line.transforms;
    const chain = chains.uncompressed;
    if (chain !== undefined && sealer !== undefined)
      return this.lay(record, first, end, bytes, () => this.appendSealed(record.inode, first, bytes, chain, sealer));
    const sums = sumsOf(bytes);
    return this.lay(record, first, end, bytes, () => this.appendPlain(record.inode, first, bytes, sums));
  }

  private appendPlain(inode: InodeNumber, first: PageNumber, bytes: Uint8Array, sums: Uint32Array): Laid[] {
    const { line } = this;
    const laid: Laid[] = [];
    let page = first;
    for (const one of line.appendData(inode, first, [bytes], this.began(bytes.length))) {
      for (let at = 0; at < one.pages; ) {
        const pages = Math.min(one.pages - at, extentPages - (page % extentPages));
        const address = one.address + at;
        const value = plainExtent(address, line.generation, pages, sums, page - first);
        laid.push({ page, value, run: { address, pages } });
        page += pages;
        at += pages;
      }
    }
    return laid;
  }

  /** Into an encrypted volume: units that are not compressed. */
  private appendSealed(inode: InodeNumber, first: PageNumber, bytes: Uint8Array, chain: Chain, sealer: Sealer): Laid[] {
    const laid: Laid[] = [];
    const end = first + bytes.length / pageSize;
    for (let page = first; page < end; ) {
      const stop = Math.min(end, (Math.floor(page / sealedPages) + 1) * sealedPages);
      const plain = bytes.subarray((page - first) * pageSize, (stop - first) * pageSize);
      const unit = sealUnit(sealer, plain);
      laid.push(this.appendUnit(inode, page, chain, { ...unit, plainPages: stop - page, present: -1 >>> 0 }));
      page = stop;
    }
    this.line.endUnits();
    return laid;
  }

  private appendUnit(inode: InodeNumber, page: PageNumber, chain: Chain, unit: StoredUnit): Laid {
    const { line } = this;
    const pages = unit.pages.length / pageSize;
    const address = line.appendUnit(inode, page, unit.pages, this.began(unit.pages.length));
    return { page, value: unitValue(address, line.generation, chain, unit), run: { address, pages } };
  }

  private async unit(record: ReadRecord, end: PageNumber): Promise<void> {
    const { body, inode } = record;
    if (body.length <= StreamUnit.size) throw senseless(record);
    const { first, chain: number, skip, present, plainPages } = StreamUnit.read(viewOf(body));
    const bytes = body.subarray(StreamUnit.size);
    const chain = await this.chains.decoderOf(number);
    const stored = Math.ceil(bytes.length / pageSize);
    if (plainPages > extentPages || stored >= extentPages || skip >= extentPages || first < skip || present % 2 === 0)
      throw senseless(record);
    const padded = Buffer.alloc(stored * pageSize);
    padded.set(bytes);
    const inUnit = (present << skip) >>> 0;
    const plainly = { pages: padded, bytes: bytes.length, seal: undefined, plainPages, present: inUnit };
    const draft = unitValue(1, 1, chain, plainly);
    const covered = extentPageCount(draft);
    if (unitProblem(draft) !== undefined || first + covered > end) throw senseless(record);
    const aligned = (first - skip) % extentPages <= extentPages - plainPages;
    if (!aligned || stored > this.line.mostPages - 2) return this.decoded(record, chain, bytes, draft, first);
    const { sealer } = this.line.transforms;
    await this.lay(record, first, first + covered, padded, () => {
      const unit = sealer === undefined ? plainly : { ...plainly, ...sealUnit(sealer, padded), bytes: bytes.length };
      const laid = this.appendUnit(inode, first, chain, unit);
      this.line.endUnits();
      return [laid];
    });
  }

  /** A unit that can't lie here as one. */
  private async decoded(
    record: ReadRecord,
    chain: Chain,
    bytes: Uint8Array,
    draft: Uint8Array,
    first: PageNumber,
  ): Promise<void> {
    const plain = new Uint8Array(unitPlainBytes(draft));
    try {
      decodeUnit(chain, bytes, plain);
    } catch {
      throw senseless(record);
    }
    await this.cut(record.inode, first, first + extentPageCount(draft));
    for (const one of presentRuns(first, draft))
      await this.plain(record, one.first, plain.subarray(one.at, one.at + one.pages * pageSize));
  }

  /**
   * No extent begins within the window of a unit: one that lies around the pages from `first` to `end` gives those behind
   * them up, to others. So it is where what was not encrypted goes into units here.
   */
  private async loosen(record: ReadRecord, first: PageNumber, end: PageNumber): Promise<void> {
    const { line } = this;
    const { inode } = record;
    const around = await run(() => {
      const cursor = new ExtentCursor(line, inode);
      const found = cursor.find(first) && cursor.transform !== 0 && cursor.first < first && cursor.end > end;
      return found ? { first: cursor.first, value: cursor.value.slice() } : undefined;
    });
    if (around === undefined) return;
    // It may be on its way to the store still.
    await this.settled();
    const plain = await plainUnit(line, inode, around.first, around.value);
    const behind = presentRuns(around.first, around.value).flatMap((one) => {
      const skipped = Math.max(0, Math.min(one.pages, end - one.first));
      return { first: one.first + skipped, pages: one.pages - skipped, at: one.at + skipped * pageSize };
    });
    // The last one first: it ends where the unit does.
    for (const one of behind.reverse())
      if (one.pages > 0) await this.plain(record, one.first, plain.subarray(one.at, one.at + one.pages * pageSize));
  }

  /** Replace the pages from `first` to `end` by what `append` lays: in one batch, all keys of which are in memory then. */
  private async lay(
    record: ReadRecord,
    first: PageNumber,
    end: PageNumber,
    bytes: Uint8Array,
    append: () => Laid[],
  ): Promise<void> {
    const { line } = this;
    const { inode } = record;
    const pages = bytes.length / pageSize;
    await this.fewer(mostUnderWay);
    await this.loosen(record, first, end);
    await run(() => line.reserve(pages));
    try {
      await run(() => {
        const batch = new Batch();
        const cut = new ExtentCut(line, inode, batch);
        cut.cut(first, end);
        cut.finish();
        const offsets = [first, end - 1, ...cut.removed, ...batch.items.map(({ offset }) => offset)];
        const keys = offsets.map((offset) => ({ inode, kind: itemKind.extent as number, offset }));
        // A unit that does not fit the open segment leaves the rest of it.
        line.prepare([...keys, { inode, kind: itemKind.inode, offset: 0 }], pages + extentPages, false);
        const laid = append();
        const starts = new Set(laid.map(({ page }) => page));
        for (const page of cut.removed) if (!starts.has(page)) batch.delete(inode, itemKind.extent, page);
        for (const { page, value, run } of laid) {
          batch.put(inode, itemKind.extent, page, value);
          batch.claim(run.address, run.pages, line.generation, extentChecksum(value));
        }
        const units = laid.some(({ value }) => extentTransform(value) !== 0);
        this.apply(batch, inode, pages - cut.pages, units);
      });
    } finally {
      line.unreserve(pages);
    }
  }

  private apply(batch: Batch, inode: InodeNumber, pages: number, units: boolean): void {
    const value = this.line.get(inode, itemKind.inode, 0);
    if (value === undefined) throw new Error(`inode ${inode} has pages and no record`);
    const record = decodeInode(inode, value);
    record.pages += pages;
    if (units) record.flags |= inodeFlag.units;
    batch.put(inode, itemKind.inode, 0, encodeInode(record, record.size));
    this.line.apply(batch);
  }

  private began(bytes: number): () => void {
    this.underWay += bytes;
    return () => {
      this.underWay -= bytes;
      this.landed?.();
      this.landed = undefined;
    };
  }
}

/** The value of a unit's extent: the window begins at the first page that is present. */
function unitValue(address: number, birth: number, chain: Chain, unit: StoredUnit): Uint8Array {
  const { pages, bytes, seal, plainPages, present } = unit;
  const sums = sumsOf(pages);
  const value = unitExtent(address, birth, chain.number, sums.length, bytes, plainPages, sums, seal);
  return partOfUnit(value, (present & pageBits(0, Math.max(1, plainPages))) >>> 0 || 1).value;
}

function sumsOf(bytes: Uint8Array): Uint32Array {
  const sums = new Uint32Array(bytes.length / pageSize);
  for (let i = 0; i < sums.length; i++) sums[i] = checksum(bytes.subarray(i * pageSize, (i + 1) * pageSize));
  return sums;
}

const senseless = ({ inode, sequence }: ReadRecord): Error =>
  badStream(`does not fit: record ${sequence}, pages of inode ${inode}`);

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
