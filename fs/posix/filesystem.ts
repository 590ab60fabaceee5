/**
 * The filesystem: what a driver, a test or a tool can ask for, by inode. This file only joins the pieces: inode/
 * (what a file is and holds) and namespace/ (how it is called).
 *
 * Whether a caller may do something is the kernel's question (`default_permissions`); `who` only says to whom new inodes
 * belong and how an allowed change turns out. A driver for which the kernel can't ask goes through a check before this.
 *
 * Life: construct on an open volume, `recover`, serve, `close`, then close the volume. It registers itself as the
 * volume's flusher: a commit takes along what is dirty here.
 */
import { PageFrames } from '../cache/page-frames.js';
import { UnitCache } from '../cache/units.js';
import { type CorruptionError, FsError } from '../errors.js';
import { inodeFlag } from '../format/item.js';
import { nextTurn } from '../suspend.js';
import { type InodeNumber, pageSize, rootInode } from '../units.js';
import type { VolumeApi } from '../volume/api.js';
import type { Holder } from '../volume/usage.js';
import type {
  AttributeChanges,
  Attributes,
  Change,
  Credentials,
  EmitEntry,
  FileSystemApi,
  VolumeStatistics,
} from './api.js';
import { accessed, attributesOf, touchModified } from './inode/attributes.js';
import type { AccessTimes, Context, Memory } from './inode/context.js';
import { copyRange } from './inode/copy-range.js';
import { type DefragmentOptions, type DefragmentStep, defragment } from './inode/defragment.js';
import { fallocate } from './inode/fallocate.js';
import { readFile } from './inode/file-read.js';
import { writeFile } from './inode/file-write.js';
import { Gatherer } from './inode/gather.js';
import type { Inode } from './inode/inode.js';
import { checkOpen, refuseImmutable, setFlags } from './inode/inode-flags.js';
import { InodeTable } from './inode/inode-table.js';
import { fileType } from './inode/mode.js';
import { Reclaimer } from './inode/reclaim.js';
import { Resettling } from './inode/resettle.js';
import { seekFile } from './inode/seek.js';
import { killPrivileges, setattr } from './inode/setattr.js';
import { lyingApart } from './inode/span.js';
import { writeNow } from './inode/write-now.js';
import { Writeback } from './inode/writeback.js';
import { getxattr, listxattr, removexattr, setxattr } from './inode/xattrs.js';
import { create, createNameless, readlink } from './namespace/create.js';
import { link } from './namespace/link.js';
import { lookup } from './namespace/lookup.js';
import { ReadAhead } from './namespace/read-ahead.js';
import { readdir } from './namespace/readdir.js';
import { rename } from './namespace/rename.js';
import { rmdir, unlink } from './namespace/unlink.js';
import { Quotas } from './quota/quotas.js';
import { withinProject, withinQuota } from './quota/within.js';

export interface FileSystemOptions {
  readonly root?: InodeNumber;
  readonly accessTimes?: AccessTimes;
  /** Whether a listing of the root directory has `.snapshots`. */
  readonly listsSnapshots?: boolean;
  /** Which changes are durable before they are acknowledged: all, or those of names; none unless told. */
  readonly durable?: 'all' | 'names';
  /** What reads find scattered is laid anew: most bytes a second on average. Not unless told, nor in mode `data`. */
  readonly gatherBytes?: number;
  /** Whose quotas are enforced; nobody's unless told. */
  readonly quotas?: readonly Holder[];
  /** Told when somebody passes a limit: one line for the log. */
  readonly onQuota?: (line: string) => void;
  /** Memory for pages of files, in bytes; at least 4 MiB. */
  readonly cacheBytes?: number;
  /** Inodes to remember. */
  readonly cachedInodes?: number;
  readonly groupsOf?: (who: Credentials) => readonly number[];
  /** What was read is not what was written; `inode`: whose contents. */
  readonly onCorruption?: (error: CorruptionError, inode: InodeNumber) => void;
  /** Let requests be served between steps of long work; resolves soon. */
  readonly breathe?: () => Promise<void>;
}

const mebibyte = 1024 * 1024;
/** Bytes from which on a write is flushed at once. */
const largeWrite = 256 * 1024;

/** A filesystem on a volume, by inode. Calls that read may throw Suspend: go through `run`. */
export class FileSystem implements FileSystemApi {
  private readonly context: Context;
  /** Most bytes that one write takes: half of the frames. */
  private readonly mostBytes: number;
  private readonly resettling: Resettling | undefined;
  readonly readAhead: ReadAhead;
  /** Which changes are durable before they are acknowledged. */
  durable: 'all' | 'names' | undefined;

  constructor(
    private readonly volume: VolumeApi,
    options: FileSystemOptions = {},
  ) {
    this.durable = options.durable;
    const context = {
      root: options.root ?? rootInode,
      volume,
      frames: new PageFrames(options.cacheBytes ?? 64 * mebibyte),
      units: new UnitCache((options.cacheBytes ?? 64 * mebibyte) / 8),
      inodes: new InodeTable(volume, options.cachedInodes ?? 32768),
      gatherer: undefined,
      quotas: undefined,
      listsSnapshots: options.listsSnapshots ?? false,
      accessTimes: options.accessTimes ?? 'relatime',
      groupsOf: options.groupsOf,
      onCorruption: options.onCorruption ?? (() => undefined),
      breathe: options.breathe ?? nextTurn,
    };
    this.context = joined(context, options);
    this.readAhead = new ReadAhead(this.context);
    this.mostBytes = (this.context.frames.limit >> 1) * pageSize;
    volume.flusher = this.context.writeback;
    if (volume.movedPages !== undefined && !volume.readOnly)
      this.resettling = new Resettling(this.context, volume.movedPages);
  }

  /** Finish what the last mount left half done: files without names, pages beyond a new end. Before serving. */
  recover(): Promise<void> {
    return this.context.reclaimer.recover();
  }

  /** Give back files without names, flush everything. The volume may be closed afterwards. */
  async close(): Promise<void> {
    const { inodes, reclaimer, writeback, gatherer } = this.context;
    await Promise.all([this.resettling?.stop(), gatherer?.stop(), this.readAhead.stop()]);
    if (!this.volume.readOnly) {
      for (const number of [...inodes.nameless]) reclaimer.add(number);
      await reclaimer.idle();
      await writeback.settled();
      await writeback.flushAll();
    }
    this.volume.flusher = undefined;
  }

  /** Nobody refers to any of its inodes. */
  get unused(): boolean {
    return !this.context.inodes.anyHeld;
  }

  lookup(parent: InodeNumber, name: Uint8Array): Attributes {
    return attributesOf(lookup(this.context, parent, name));
  }

  getattr(inode: InodeNumber): Attributes {
    return attributesOf(this.context.inodes.get(inode, 'getattr'));
  }

  setattr(inode: InodeNumber, changes: AttributeChanges, who: Credentials): Attributes {
    return setattr(this.context, inode, changes, who);
  }

  readlink(number: InodeNumber): Uint8Array {
    const inode = this.context.inodes.get(number, 'readlink');
    const target = readlink(this.context, inode);
    accessed(this.context, inode);
    return target;
  }

  mknod(
    parent: InodeNumber,
    name: Uint8Array,
    mode: number,
    device: number,
    umask: number,
    who: Credentials,
  ): Attributes {
    const type = mode & fileType.mask;
    if (type === fileType.directory || type === fileType.symlink) throw new FsError('EINVAL', 'mknod', parent);
    return attributesOf(create(this.context, parent, name, { mode, umask, device }, who, 'mknod'));
  }

  mkdir(parent: InodeNumber, name: Uint8Array, mode: number, umask: number, who: Credentials): Attributes {
    const entry = { mode: (mode & ~fileType.mask) | fileType.directory, umask, device: 0 };
    return attributesOf(create(this.context, parent, name, entry, who, 'mkdir'));
  }

  symlink(parent: InodeNumber, name: Uint8Array, target: Uint8Array, who: Credentials): Attributes {
    const entry = { mode: fileType.symlink | 0o777, umask: 0, device: 0, target };
    return attributesOf(create(this.context, parent, name, entry, who, 'symlink'));
  }

  link(inode: InodeNumber, parent: InodeNumber, name: Uint8Array, _who: Credentials): Attributes {
    return attributesOf(link(this.context, inode, parent, name));
  }

  unlink(parent: InodeNumber, name: Uint8Array, _who: Credentials): void {
    unlink(this.context, parent, name);
  }

  rmdir(parent: InodeNumber, name: Uint8Array, _who: Credentials): void {
    rmdir(this.context, parent, name);
  }

  rename(
    parent: InodeNumber,
    name: Uint8Array,
    newParent: InodeNumber,
    newName: Uint8Array,
    flags: number,
    who: Credentials,
  ): void {
    rename(this.context, parent, name, newParent, newName, flags, who);
  }

  tmpfile(parent: InodeNumber, mode: number, umask: number, who: Credentials): Attributes {
    return attributesOf(createNameless(this.context, parent, mode, umask, who));
  }

  hold(inode: InodeNumber): void {
    this.context.inodes.hold(inode);
  }

  letGo(inode: InodeNumber, count: number): void {
    const { inodes, reclaimer } = this.context;
    if (inodes.letGo(inode, count) && inodes.nameless.has(inode)) reclaimer.add(inode);
  }

  read(number: InodeNumber, offset: number, into: Uint8Array): number | Promise<number> {
    const inode = this.regular(number, 'read');
    const count = readFile(this.context, inode, offset, into);
    if (offset === 0) this.readAhead.began(inode);
    accessed(this.context, inode);
    return count;
  }

  write(number: InodeNumber, offset: number, data: Uint8Array, who: Credentials, clearPrivileges = false): number {
    this.volume.mustBeWritable('write');
    const inode = this.regular(number, 'write');
    refuseImmutable(inode, 'write');
    if (data.length === 0) return 0;
    const part = data.length > this.mostBytes ? data.subarray(0, this.mostBytes) : data;
    if (clearPrivileges) killPrivileges(this.context, inode, who);
    if (this.context.quotas === undefined) return this.take(inode, offset, part, who);
    return withinQuota(this.context.quotas, inode, offset, part, (some) => this.take(inode, offset, some, who));
  }

  private take(inode: Inode, offset: number, data: Uint8Array, who: Credentials): number {
    if (this.volume.journal === 'data') return writeNow(this.context, inode, offset, data, true, who);
    writeFile(this.context, inode, offset, data, who);
    touchModified(inode, this.volume.now());
    if (data.length >= largeWrite) this.context.writeback.wroteMuch(inode);
    this.context.writeback.wrote();
    return data.length;
  }

  fallocate(inode: InodeNumber, mode: number, offset: number, length: number, who?: Credentials): Promise<void> {
    return fallocate(this.context, inode, mode, offset, length, who);
  }

  seek(inode: InodeNumber, offset: number, whence: number): number {
    return seekFile(this.context, inode, offset, whence);
  }

  copyRange(
    from: InodeNumber,
    fromOffset: number,
    to: InodeNumber,
    toOffset: number,
    length: number,
    who: Credentials,
  ): Promise<number> {
    return copyRange(this.context, from, fromOffset, to, toOffset, length, who);
  }

  /** Lay anew what of a file lies in short pieces: one bounded step. ESTALE, EROFS, EIO; ENOSPC on a volume too full. */
  defragment(inode: InodeNumber, options: DefragmentOptions): Promise<DefragmentStep> {
    return defragment(this.context, inode, options);
  }

  /** Of files that are read in this order, those of less than `leastPages` that lie apart and may be laid together. */
  lyingApart(files: readonly InodeNumber[], leastPages: number): Promise<InodeNumber[]> {
    return lyingApart(this.context, files, leastPages);
  }

  /** Lays anew what reads found scattered; undefined: that is not done. */
  get gatherer(): Gatherer | undefined {
    return this.context.gatherer;
  }

  get memory(): Memory {
    const { writeback, frames } = this.context;
    return { dirtyPages: writeback.dirtyPages, pages: frames.used, mostPages: frames.limit };
  }

  settled(change: Change): Promise<void> | undefined {
    const { durable, volume } = this;
    return durable === 'all' || (durable === 'names' && change === 'names') ? this.sync() : volume.handOver();
  }

  async fsync(number: InodeNumber, dataOnly: boolean): Promise<void> {
    const { inodes, writeback } = this.context;
    const inode = inodes.peek(number);
    if (inode !== undefined && (dataOnly ? inode.dataDirty : inode.dirty)) await writeback.flush(inode);
    await this.volume.sync();
  }

  /** A record makes durable what a commit would, with one barrier instead of two and no nodes written. */
  async sync(): Promise<void> {
    try {
      await this.context.writeback.flushAll();
    } finally {
      // As with a commit: a file that can't be flushed keeps nothing else from being durable.
      await this.volume.sync();
    }
  }

  readdir(inode: InodeNumber, cookie: number, emit: EmitEntry): void {
    if (readdir(this.context, inode, cookie, emit)) this.readAhead.listed(inode);
  }

  getxattr(inode: InodeNumber, name: Uint8Array): Uint8Array {
    return getxattr(this.context, inode, name);
  }

  setxattr(
    inode: InodeNumber,
    name: Uint8Array,
    value: Uint8Array,
    flags: number,
    _who: Credentials,
    killSgid = false,
  ): void {
    setxattr(this.context, inode, name, value, flags, killSgid);
  }

  listxattr(inode: InodeNumber, who?: Credentials): Uint8Array {
    return listxattr(this.context, inode, who === undefined || who.uid === 0);
  }

  removexattr(inode: InodeNumber, name: Uint8Array, _who: Credentials): void {
    removexattr(this.context, inode, name);
  }

  checkOpen(inode: InodeNumber, appends: boolean): void {
    if (this.volume.readOnly) this.volume.mustBeWritable('open');
    checkOpen(this.context.inodes.get(inode, 'open'), appends);
  }

  setFlags(inode: InodeNumber, flags: number, project: number | undefined, who: Credentials): void {
    setFlags(this.context, inode, flags, project, who);
  }

  /** Whether writes to the inode may soon meet a quota: then write(2) shall hear of it. May throw Suspend. */
  nearQuota(number: InodeNumber): boolean {
    const { quotas, inodes } = this.context;
    return quotas?.isNear(inodes.get(number, 'open')) ?? false;
  }

  /** Limits were set by other ways than through here. */
  quotasChanged(): void {
    this.context.quotas?.reload();
  }

  statfs(number?: InodeNumber): VolumeStatistics {
    const whole = this.statistics();
    const { quotas, inodes } = this.context;
    if (quotas === undefined || number === undefined) return whole;
    const { record } = inodes.get(number, 'statfs');
    const space = (record.flags & inodeFlag.projectInherit) === 0 ? undefined : quotas.ofProject(record.project);
    return space === undefined ? whole : withinProject(whole, space);
  }

  private statistics(): VolumeStatistics {
    const { capacity: pages, live, reserved, available: availablePages } = this.volume.statistics();
    const freePages = Math.max(availablePages, pages - live - reserved);
    const freeInodes = inodesPerPage * availablePages;
    return { pages, freePages, availablePages, inodes: this.volume.inodes + freeInodes, freeInodes };
  }

  private regular(number: InodeNumber, operation: string): Inode {
    const inode = this.context.inodes.get(number, operation);
    if (!inode.isRegular) throw new FsError(inode.isDirectory ? 'EISDIR' : 'EINVAL', operation, number);
    return inode;
  }
}

/** Inodes are made on demand: a page of the tree holds about this many, with their names. */
const inodesPerPage = 16;

/** Writeback, reclaimer, gatherer and quotas know the context of which they are a part. */
function joined(
  parts: Omit<Context, 'writeback' | 'reclaimer'>,
  { gatherBytes, quotas = [], onQuota = () => undefined }: FileSystemOptions,
): Context {
  const context: { -readonly [K in keyof Context]?: Context[K] } & typeof parts = { ...parts };
  const complete = context as Context & typeof context;
  context.writeback = new Writeback(complete);
  context.reclaimer = new Reclaimer(complete);
  const { readOnly, journal } = parts.volume;
  if (gatherBytes !== undefined && !readOnly && journal !== 'data')
    context.gatherer = new Gatherer(complete, gatherBytes);
  if (quotas.length > 0 && !readOnly) context.quotas = new Quotas(complete, new Set(quotas), onQuota);
  return complete;
}
