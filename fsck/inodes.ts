/**
 * Pass 5: the items of the file tree, inode by inode as the walk meets them: the record first, then what belongs
 * to it. What needs all inodes (names, links, reachability) is kept in columns for pass 6 (namespace.ts).
 */
import { InodeRecord, inodeFlag, itemKind } from '../fs/format/item.js';
import { readU64 } from '../fs/format/struct.js';
import { type InodeNumber, maxFileSize, volumeInode } from '../fs/units.js';
import { Dirents } from './dirents.js';
import { ExtentCheck } from './extents.js';
import type { Image } from './image.js';
import { fileType, InodeTable, typeNames } from './inode-table.js';
import type { NodeFrame } from './node.js';
import { OrphanList } from './orphans.js';
import type { Findings } from './problem.js';
import type { ItemVisitor } from './tree.js';
import { UsageCheck } from './usage.js';
import { XattrCheck } from './xattrs.js';

const at = InodeRecord.offsetOf;
const knownFlags = Object.values(inodeFlag).reduce((sum, bit) => sum | bit, 0);

/** The inode whose items are being visited. */
export interface CurrentInode {
  readonly number: InodeNumber;
  /** Index in the inode table, or -1 if it has no sane record. */
  readonly index: number;
  readonly type: number;
  readonly size: number;
  readonly pages: number;
  readonly flags: number;
  readonly isOrphan: boolean;
  /** Bytes of its inline item, or -1. */
  inlineBytes: number;
}

const none: CurrentInode = {
  number: -1,
  index: -1,
  type: 0,
  size: 0,
  pages: 0,
  flags: 0,
  isOrphan: false,
  inlineBytes: -1,
};

export class FileItems implements ItemVisitor {
  readonly inodes = new InodeTable();
  readonly orphans = new OrphanList();
  readonly dirents: Dirents;
  readonly extents: ExtentCheck;
  readonly usage: UsageCheck;
  private readonly xattrs: XattrCheck;
  private current = none;

  constructor(
    private readonly image: Image,
    private readonly findings: Findings,
    data: boolean,
  ) {
    this.dirents = new Dirents(image.superblock.nameSeed, findings);
    this.extents = new ExtentCheck(image, findings, data);
    this.xattrs = new XattrCheck(image.superblock.nameSeed, findings);
    this.usage = new UsageCheck(findings);
  }

  item(frame: NodeFrame, index: number): void {
    const inode = frame.inode(index);
    const kind = frame.kind(index);
    if (inode === volumeInode) {
      this.volumeItem(frame, index, kind);
      return;
    }
    if (kind === itemKind.inode) {
      this.begin(frame, index, inode);
      return;
    }
    if (inode !== this.current.number) {
      this.finish();
      this.findings.add('item-without-inode', `there are items of inode ${inode}, but no such inode`, inode);
      this.current = { ...none, number: inode };
      this.startParts();
    }
    this.part(frame, index, kind);
  }

  leafDone(): Promise<void> | undefined {
    return this.extents.leafDone();
  }

  /** After the last item. */
  end(): void {
    this.finish();
    this.current = none;
  }

  private volumeItem(frame: NodeFrame, index: number, kind: number): void {
    if (kind === itemKind.orphan) this.orphans.add(frame, index, this.findings);
    else if (!this.usage.item(frame, index, kind)) {
      this.findings.add('item-unknown', `the tree has a volume item of kind ${kind}`, volumeInode);
    }
  }

  private begin(frame: NodeFrame, index: number, inode: InodeNumber): void {
    this.finish();
    const wrong = recordProblem(frame, index);
    if (wrong) this.findings.add('inode-record', `inode ${inode} ${wrong}`, inode);
    if (inode >= this.image.checkpoint.nextInode) {
      this.findings.add(
        'inode-number',
        `inode ${inode} is not below the next one, ${this.image.checkpoint.nextInode}`,
        inode,
      );
    }
    this.startParts();
    if (frame.valueLength(index) !== InodeRecord.size) {
      this.current = { ...none, number: inode };
      return;
    }
    const { view } = frame;
    const base = frame.valueStart(index);
    const mode = view.getUint32(base + at.mode, true);
    this.usage.count(frame, index);
    this.current = {
      number: inode,
      index: this.inodes.add(
        inode,
        mode & 0xffff,
        view.getUint32(base + at.links, true),
        readU64(view, base + at.parent),
        view.getUint32(base + at.subdirectories, true),
      ),
      type: (mode & 0xffff) >>> 12,
      size: readU64(view, base + at.size),
      pages: readU64(view, base + at.pages),
      flags: view.getUint32(base + at.flags, true),
      isOrphan: this.orphans.has(inode),
      inlineBytes: -1,
    };
  }

  private startParts(): void {
    this.extents.start();
    this.xattrs.start();
    this.dirents.start();
  }

  private part(frame: NodeFrame, index: number, kind: number): void {
    const { current } = this;
    if (kind === itemKind.inline) {
      if (frame.offset(index) === 0) current.inlineBytes = frame.valueLength(index);
      else
        this.findings.add(
          'inline',
          `inode ${current.number} has inline contents at offset ${frame.offset(index)}`,
          current.number,
        );
    } else if (kind === itemKind.xattr) this.xattrs.attribute(frame, index, current.number);
    else if (kind === itemKind.xattrPiece) this.xattrs.piece(frame, index, current);
    else if (kind === itemKind.dirent) {
      if (current.index < 0) return;
      if (current.type === fileType.directory) this.dirents.add(frame, index, current.index, current.number);
      else this.misplaced('directory entries');
    } else if (kind === itemKind.extent) {
      if (current.type === fileType.regular || current.type === fileType.symlink || current.index < 0) {
        this.extents.add(frame, index, current);
      } else this.misplaced('extents');
    } else this.findings.add('item-unknown', `inode ${current.number} has an item of kind ${kind}`, current.number);
  }

  private misplaced(what: string): void {
    const { number, type } = this.current;
    this.findings.add(
      'item-without-inode',
      `inode ${number} is a ${typeNames[type] ?? 'file of unknown type'} and has ${what}`,
      number,
    );
  }

  /** All items of the current inode were seen. */
  private finish(): void {
    const { current } = this;
    if (current.number < 0) return;
    if (!current.isOrphan) this.xattrs.finish(current);
    if (current.index < 0) return;
    if (current.type === fileType.directory && current.size !== this.dirents.bytes) {
      this.findings.add(
        'directory-size',
        `directory ${current.number} has the size ${current.size}, its names make ${this.dirents.bytes}`,
        current.number,
      );
    }
    this.extents.finish(current);
    if (current.inlineBytes >= 0) this.finishInline(current);
    else if (current.type === fileType.symlink && this.extents.storedPages === 0 && !current.isOrphan) {
      this.findings.add('inline', `symbolic link ${current.number} has no target`, current.number);
    }
  }

  private finishInline(current: CurrentInode): void {
    const { number, type, size, inlineBytes } = current;
    if (type !== fileType.regular && type !== fileType.symlink) this.misplaced('inline contents');
    else if (this.extents.storedPages > 0) {
      this.findings.add('inline', `inode ${number} has inline contents and extents`, number);
    } else if (inlineBytes > size || (type === fileType.symlink && inlineBytes !== size)) {
      this.findings.add('inline', `inode ${number} has ${inlineBytes} bytes inline and a size of ${size}`, number);
    }
  }
}

/** What is wrong with an inode record, in words that follow "inode N", or undefined. */
function recordProblem(frame: NodeFrame, index: number): string | undefined {
  const length = frame.valueLength(index);
  if (frame.offset(index) !== 0) return `has a record at offset ${frame.offset(index)}`;
  if (length !== InodeRecord.size) return `has a record of ${length} bytes instead of ${InodeRecord.size}`;
  const { view } = frame;
  const base = frame.valueStart(index);
  const mode = view.getUint32(base + at.mode, true);
  const type = mode >>> 12;
  if (mode > 0xffff || typeNames[type] === undefined) return `has the impossible mode 0${mode.toString(8)}`;
  if (readU64(view, base + at.size) > maxFileSize) return `has the size ${readU64(view, base + at.size)}`;
  for (const nanos of [at.atimeNanos, at.mtimeNanos, at.ctimeNanos, at.btimeNanos]) {
    if (view.getUint32(base + nanos, true) > 999_999_999) return 'has a time with 1,000,000,000 nanoseconds or more';
  }
  const flags = view.getUint32(base + at.flags, true);
  if ((flags & ~knownFlags) !== 0) return `has unknown flags (${flags})`;
  if (view.getUint16(base + at.reserved, true) !== 0) return 'has a reserved field that is not 0';
  if (type !== fileType.directory) {
    if (readU64(view, base + at.parent) !== 0) return 'is no directory and has a parent';
    if (view.getUint32(base + at.subdirectories, true) !== 0) return 'is no directory and has subdirectories';
  }
  return undefined;
}
