/**
 * Does what the records of a stream say to a line: each in one batch, or, where that is more than one takes, in several
 * that may be repeated. Whatever a record says is checked against what the line has, as nobody else has.
 *
 * Invariants
 * 1. A record is done at once or not at all, but for `gone`, which may be begun again.
 * 2. The pages of an inode are counted here, by what is stored here.
 * 3. No extent comes to lie within the window of a unit.
 */
import { FsError } from '../errors.js';
import { InodeRecord, inodeFlag, itemKind, Limits, maxItemBytes, Orphan } from '../format/item.js';
import { type StreamHeader, StreamNames, streamType } from '../format/stream.js';
import { extentAddress, extentBirth, extentStoredPages } from '../posix/inode/extent-value.js';
import { inlineBytes } from '../posix/inode/inode.js';
import { decodeInode, encodeInode } from '../posix/inode/inode-record.js';
import { fileType, isDirectory, isRegular, isSymlink } from '../posix/inode/mode.js';
import {
  encodeXattr,
  inlineXattrBytes,
  maxXattrBytes,
  newPiecesId,
  pieceBytes,
  pieceCount,
  pieceOffset,
  placeOf as placeOfXattr,
} from '../posix/inode/xattr-item.js';
import { checkXattrName } from '../posix/inode/xattr-name.js';
import { encodeDirent, placeOf as placeOfEntry } from '../posix/namespace/dirents.js';
import { checkEntryName } from '../posix/namespace/names.js';
import { run } from '../suspend.js';
import { Batch } from '../tree/batch.js';
import { type InodeNumber, maxFileSize, maxNameBytes, type PageNumber, pageSize, volumeInode } from '../units.js';
import type { VolumeApi } from '../volume/api.js';
import { PageWriter } from './page-writer.js';
import { badStream, type ReadRecord } from './record-reader.js';
import type { StreamChains } from './stream-chains.js';

/** Items of a file that goes in one batch. */
const itemsInStep = 200;
/** Bytes of items of the whole root that are taken as they are: files without names, and limits. */
const rootItems: ReadonlyMap<number, number> = new Map([
  [itemKind.orphan, Orphan.size],
  [itemKind.userLimits, Limits.size],
  [itemKind.groupLimits, Limits.size],
  [itemKind.projectLimits, Limits.size],
]);
const endOfPages: PageNumber = maxFileSize / pageSize;
const types: readonly number[] = Object.values(fileType).filter((type) => type !== fileType.mask);

export class LineWriter {
  private readonly pages: PageWriter;

  constructor(
    private readonly line: VolumeApi,
    private readonly header: StreamHeader,
    private readonly chains: StreamChains,
  ) {
    this.pages = new PageWriter(line, chains);
  }

  /** All pages are written. */
  settled(): Promise<void> {
    return this.pages.settled();
  }

  /** Do what a record says. Rejects with VolumeError 'stream' (it makes no sense here), FsError ENOSPC, EIO. */
  async write(record: ReadRecord): Promise<void> {
    const { type, inode } = record;
    if (inode === volumeInode ? type !== streamType.item : inode >= this.header.nextInode) throw this.senseless(record);
    switch (type) {
      case streamType.inode:
        return this.inode(record);
      case streamType.gone:
        return this.gone(record);
      case streamType.inline:
      case streamType.noInline:
        return run(() => this.inline(record));
      case streamType.xattr:
        return run(() => this.attribute(record));
      case streamType.entry:
        return run(() => this.entry(record));
      case streamType.item:
        return run(() => this.item(record));
      case streamType.pages:
      case streamType.unit:
      case streamType.hole:
      case streamType.reserved: {
        const known = await run(() => this.known(record));
        if (!isRegular(known.mode)) throw this.senseless(record);
        return this.pages.write(record, endOfPages);
      }
      default:
        throw this.senseless(record);
    }
  }

  private senseless({ type, inode, sequence }: ReadRecord): Error {
    return badStream(`does not fit: record ${sequence} of type ${type}, inode ${inode}`);
  }

  /** The inode that a record is about. May throw Suspend. */
  private known(record: ReadRecord): InodeRecord {
    const value = this.line.get(record.inode, itemKind.inode, 0);
    if (value === undefined) throw this.senseless(record);
    return decodeInode(record.inode, value);
  }

  private async inode(record: ReadRecord): Promise<void> {
    const { inode, body } = record;
    if (body.length !== InodeRecord.size) throw this.senseless(record);
    const sent = decodeInode(inode, body);
    const { mode, size, flags } = sent;
    const nanos = Math.max(sent.atimeNanos, sent.mtimeNanos, sent.ctimeNanos, sent.btimeNanos);
    if (!types.includes(mode & fileType.mask) || size > maxFileSize || nanos >= 1e9) throw this.senseless(record);
    const transform = sent.transform === 0 ? 0 : await this.chains.numberOf(sent.transform);
    await run(() => {
      const value = this.line.get(inode, itemKind.inode, 0);
      const old = value === undefined ? undefined : decodeInode(inode, value);
      if (old !== undefined && (old.mode & fileType.mask) !== (mode & fileType.mask)) throw this.senseless(record);
      const units = (old?.flags ?? 0) & inodeFlag.units;
      const made = { ...sent, pages: old?.pages ?? 0, transform, flags: (flags & ~inodeFlag.units) | units };
      const batch = new Batch().put(inode, itemKind.inode, 0, encodeInode(made, size));
      if (old === undefined) batch.inodes++;
      this.line.apply(batch);
    });
  }

  /** The inode and all that belongs to it go, step by step. */
  private async gone(record: ReadRecord): Promise<void> {
    while (!(await run(() => this.removeSome(record))));
  }

  private removeSome(record: ReadRecord): boolean {
    const { inode } = record;
    // A stream that is gone on with may say what was done already.
    if (this.line.get(inode, itemKind.inode, 0) === undefined) return true;
    const known = this.known(record);
    const batch = new Batch();
    const items = this.line.seek(inode, itemKind.inline, 0);
    let pages = 0;
    for (; items.valid && items.inode === inode; items.next()) {
      if (batch.items.length === itemsInStep) {
        batch.put(inode, itemKind.inode, 0, encodeInode({ ...known, pages: known.pages - pages }, known.size));
        this.line.apply(batch);
        return false;
      }
      batch.delete(inode, items.kind, items.offset);
      if (items.kind !== itemKind.extent) continue;
      const stored = extentStoredPages(items.value);
      pages += stored;
      batch.release(extentAddress(items.value), stored, extentBirth(items.value));
    }
    batch.delete(inode, itemKind.inode, 0);
    batch.inodes--;
    this.line.apply(batch);
    return true;
  }

  private inline(record: ReadRecord): void {
    const { inode, type, body } = record;
    const { mode } = this.known(record);
    const most = isSymlink(mode) ? maxItemBytes : isRegular(mode) ? inlineBytes : -1;
    if (body.length > most) throw this.senseless(record);
    const batch = new Batch();
    if (type === streamType.noInline) batch.delete(inode, itemKind.inline, 0);
    else batch.put(inode, itemKind.inline, 0, body.slice());
    this.line.apply(batch);
  }

  private item(record: ReadRecord): void {
    const { kind, offset, body } = record;
    const bytes = rootItems.get(kind);
    if (bytes === undefined || (body.length !== 0 && body.length !== bytes)) throw this.senseless(record);
    const batch = new Batch();
    if (body.length === 0) batch.delete(volumeInode, kind, offset);
    else batch.put(volumeInode, kind, offset, body.slice());
    this.line.apply(batch);
  }

  private entry(record: ReadRecord): void {
    const { inode } = record;
    const { old, name, target, type, rest } = this.names(record);
    if (!isDirectory(this.known(record).mode) || rest.length > 0) throw this.senseless(record);
    const batch = new Batch();
    if (old.length > 0) {
      const { offset, inode: there } = placeOfEntry(this.line, inode, old);
      if (there !== 0) batch.delete(inode, itemKind.dirent, offset);
    }
    if (name.length > 0) {
      const proper = target > 0 && target < this.header.nextInode && types.includes(type * 2 ** 12);
      const { offset } = placeOfEntry(this.line, inode, name);
      if (!proper || !isName(name, inode) || offset < 0) throw this.senseless(record);
      this.replace(batch, inode, itemKind.dirent, offset, encodeDirent(target, type, name));
    }
    this.line.apply(batch);
  }

  private attribute(record: ReadRecord): void {
    const { inode } = record;
    this.known(record);
    const { old, name, type, rest } = this.names(record);
    if (rest.length > (type === 1 && name.length > 0 ? maxXattrBytes : 0)) throw this.senseless(record);
    const batch = new Batch();
    if (old.length > 0) {
      const { found } = placeOfXattr(this.line, inode, old);
      if (found !== undefined) {
        for (let i = 0; found.pieces !== 0 && i < pieceCount(found.valueBytes); i++)
          batch.delete(inode, itemKind.xattrPiece, pieceOffset(found.pieces, i));
        batch.delete(inode, itemKind.xattr, found.offset);
      }
    }
    if (name.length > 0) this.putAttribute(batch, record, name, rest);
    this.line.apply(batch);
  }

  private putAttribute(batch: Batch, record: ReadRecord, name: Uint8Array, value: Uint8Array): void {
    const { inode } = record;
    const { found, free } = placeOfXattr(this.line, inode, name);
    const offset = found?.offset ?? free;
    if (offset < 0 || !isXattrName(name, inode)) throw this.senseless(record);
    for (let i = 0; found !== undefined && found.pieces !== 0 && i < pieceCount(found.valueBytes); i++)
      batch.delete(inode, itemKind.xattrPiece, pieceOffset(found.pieces, i));
    const pieces = value.length > inlineXattrBytes ? newPiecesId(this.line, inode) : 0;
    for (let i = 0; pieces > 0 && i * pieceBytes < value.length; i++) {
      const piece = value.slice(i * pieceBytes, (i + 1) * pieceBytes);
      batch.put(inode, itemKind.xattrPiece, pieceOffset(pieces, i), piece);
    }
    this.replace(batch, inode, itemKind.xattr, offset, encodeXattr(name, value, pieces));
  }

  /** A batch names a key once: what goes from there and what comes are one change. */
  private replace(batch: Batch, inode: InodeNumber, kind: number, offset: number, value: Uint8Array): void {
    const at = batch.items.findIndex((item) => item.kind === kind && item.offset === offset);
    if (at >= 0) batch.items.splice(at, 1);
    batch.put(inode, kind, offset, value);
  }

  private names(record: ReadRecord): Names {
    const { body } = record;
    if (body.length < StreamNames.size) throw this.senseless(record);
    const header = StreamNames.read(new DataView(body.buffer, body.byteOffset, body.length));
    const { target, type, old, name } = header;
    if (old > maxNameBytes || name > maxNameBytes || body.length < StreamNames.size + old + name)
      throw this.senseless(record);
    const at = StreamNames.size + old;
    const was = body.subarray(StreamNames.size, at);
    return { target, type, old: was, name: body.subarray(at, at + name), rest: body.subarray(at + name) };
  }
}

interface Names {
  readonly target: InodeNumber;
  readonly type: number;
  readonly old: Uint8Array;
  readonly name: Uint8Array;
  /** What follows the names. */
  readonly rest: Uint8Array;
}

const isName = (name: Uint8Array, directory: InodeNumber): boolean =>
  passes(() => checkEntryName(name, 'receive', directory));

/** Of an attribute that the filesystem would have taken; a NUL would end it in a list. */
const isXattrName = (name: Uint8Array, inode: InodeNumber): boolean =>
  !name.includes(0) && passes(() => checkXattrName(name, inode));

function passes(check: () => void): boolean {
  try {
    check();
    return true;
  } catch (e) {
    if (e instanceof FsError) return false;
    throw e;
  }
}
