/**
 * One reply under construction: 16 bytes of header and the body after it, in one buffer and sent by one write().
 * Small replies use the buffer that belongs to the exchange; READ, READDIR and long xattrs take a larger one for
 * as long as they need it. Data is read from the volume straight into the reply.
 */
import type { Attributes, VolumeStatistics } from '../../posix/api.js';
import {
  attr,
  attrOut,
  entryOut,
  initOut,
  maxWrite,
  outBody,
  outHeader,
  outHeaderBytes,
  statfsOut,
  statxMask,
  statxOut,
} from './abi.js';
import { writeNodeId, writeU64 } from './node-id.js';
import { Pool } from './pool.js';

/** All changes go through the kernel that caches, or are announced to it: names and attributes stay valid. */
const validSeconds = 86400;
/** What leads to another root comes and goes by other ways than through the kernel: it asks each time. */
const validityOf = (a: Attributes): number => (a.root === undefined ? validSeconds : 0);
const smallBytes = 1024;
const mediumBytes = outHeaderBytes + 128 * 1024;
const largeBytes = outHeaderBytes + maxWrite;

const buffer = (bytes: number) => () => new ReplyBuffer(bytes);
const mediumBuffers = new Pool(buffer(mediumBytes), 32);
const largeBuffers = new Pool(buffer(largeBytes), 6);

/** Memory of a reply, with the view of its body that was asked for last: readers ask for the same size again. */
class ReplyBuffer {
  readonly bytes: Uint8Array;
  readonly words: Uint32Array;
  private body: Uint8Array;

  constructor(size: number) {
    this.bytes = new Uint8Array(size);
    this.words = new Uint32Array(this.bytes.buffer);
    this.body = this.bytes.subarray(outHeaderBytes);
  }

  view(length: number): Uint8Array {
    if (this.body.length !== length) this.body = this.bytes.subarray(outHeaderBytes, outHeaderBytes + length);
    return this.body;
  }
}

export class Reply {
  private readonly own = new ReplyBuffer(smallBytes);
  private current = this.own;

  get bytes(): Uint8Array {
    return this.current.bytes;
  }
  get words(): Uint32Array {
    return this.current.words;
  }

  /** Have room for a body of `length` bytes (at most 1 MiB) and return it: a view to fill. */
  body(length: number): Uint8Array {
    if (length > this.current.bytes.length - outHeaderBytes) {
      this.release();
      this.current = length <= mediumBytes - outHeaderBytes ? mediumBuffers.take() : largeBuffers.take();
    }
    return this.current.view(length);
  }

  /** Give back the larger buffer, if one was taken. */
  release(): void {
    if (this.current === this.own) return;
    (this.current.bytes.length === mediumBytes ? mediumBuffers : largeBuffers).give(this.current);
    this.current = this.own;
  }

  /** Write the header for a body of `length` bytes; `unique` is copied as it came. Returns the whole length. */
  finish(length: number, error: number, request: Uint32Array): number {
    const words = this.words;
    words[outHeader.length] = outHeaderBytes + length;
    words[outHeader.error] = -error >>> 0;
    words[outHeader.unique] = request[outHeader.unique];
    words[outHeader.unique + 1] = request[outHeader.unique + 1];
    return outHeaderBytes + length;
  }

  /** struct fuse_entry_out. Returns the bytes of the body so far. */
  entry(rootId: number, a: Attributes): number {
    writeEntry(this.words, outBody, rootId, a);
    return entryOut.words * 4;
  }

  /** The kernel may remember that there is no such name. */
  absent(): number {
    this.words.fill(0, outBody, outBody + entryOut.words);
    this.words[outBody + entryOut.entryValid] = validSeconds;
    return entryOut.words * 4;
  }

  /** struct fuse_attr_out. */
  attributes(rootId: number, a: Attributes): number {
    const words = this.words;
    words[outBody + attrOut.valid] = validityOf(a);
    words[outBody + attrOut.valid + 1] = 0;
    words[outBody + attrOut.validNanos] = 0;
    words[outBody + attrOut.validNanos + 1] = 0;
    writeAttributes(words, outBody + attrOut.attr, rootId, a);
    return attrOut.words * 4;
  }

  /** struct fuse_statx_out. */
  statx(rootId: number, a: Attributes): number {
    const words = this.words;
    words.fill(0, outBody, outBody + statxOut.words);
    words[outBody + statxOut.attrValid] = validSeconds;
    words[outBody + statxOut.mask] = statxMask;
    words[outBody + statxOut.blockSize] = 4096;
    words[outBody + statxOut.links] = a.links;
    words[outBody + statxOut.uid] = a.uid;
    words[outBody + statxOut.gid] = a.gid;
    words[outBody + statxOut.mode] = a.mode;
    writeNodeId(words, outBody + statxOut.inode, rootId, a.inode);
    writeU64(words, outBody + statxOut.size, a.size);
    writeU64(words, outBody + statxOut.blocks, a.blocks);
    for (const [at, time] of [
      [statxOut.atime, a.atime],
      [statxOut.btime, a.btime],
      [statxOut.ctime, a.ctime],
      [statxOut.mtime, a.mtime],
    ] as const) {
      writeU64(words, outBody + at, time.seconds);
      words[outBody + at + 2] = time.nanos;
    }
    words[outBody + statxOut.deviceMajor] = (a.device >>> 8) & 0xfff;
    words[outBody + statxOut.deviceMinor] = (a.device & 0xff) | ((a.device >>> 12) & 0xfff00);
    return statxOut.words * 4;
  }

  /** struct fuse_statfs_out. */
  statfs(s: VolumeStatistics): number {
    const words = this.words;
    words.fill(0, outBody, outBody + statfsOut.words);
    writeU64(words, outBody + statfsOut.blocks, s.pages);
    writeU64(words, outBody + statfsOut.free, s.freePages);
    writeU64(words, outBody + statfsOut.available, s.availablePages);
    writeU64(words, outBody + statfsOut.files, s.inodes);
    writeU64(words, outBody + statfsOut.freeFiles, s.freeInodes);
    words[outBody + statfsOut.blockSize] = 4096;
    words[outBody + statfsOut.nameLength] = 255;
    words[outBody + statfsOut.fragmentSize] = 4096;
    return statfsOut.words * 4;
  }

  /** struct fuse_open_out at word `at` of the body. The handle is 0: an open file is known by its inode. */
  open(at: number, handle: number, flags: number): number {
    const words = this.words;
    words[outBody + at] = handle;
    words[outBody + at + 1] = 0;
    words[outBody + at + 2] = flags;
    words[outBody + at + 3] = 0;
    return (at + 4) * 4;
  }

  /** A reply of one u32 and padding: WRITE, and xattrs of which only the size was asked. */
  count(value: number): number {
    this.words[outBody] = value;
    this.words[outBody + 1] = 0;
    return 8;
  }

  /** A reply of one u64: LSEEK and COPY_FILE_RANGE_64. */
  offset(value: number): number {
    writeU64(this.words, outBody, value);
    return 8;
  }

  /** Bytes as they are: a link's target, an xattr. */
  copy(data: Uint8Array): number {
    this.body(data.length).set(data);
    return data.length;
  }

  /** struct fuse_init_out. */
  init(minor: number, maxReadahead: number, flags: number, flags2: number, background: number): number {
    const words = this.words;
    words.fill(0, outBody, outBody + initOut.words);
    words[outBody + initOut.major] = 7;
    words[outBody + initOut.minor] = minor;
    words[outBody + initOut.maxReadahead] = maxReadahead;
    words[outBody + initOut.flags] = flags;
    words[outBody + initOut.maxBackgroundAndCongestion] = background | ((background * 0.75) << 16);
    words[outBody + initOut.maxWrite] = maxWrite;
    words[outBody + initOut.timeGranularity] = 1;
    words[outBody + initOut.maxPagesAndAlignment] = maxWrite / 4096;
    words[outBody + initOut.flags2] = flags2;
    return initOut.words * 4;
  }
}

/** Inode numbers are those of the node ids: programs take two files of one number for the same. */
const writeAttributes = (words: Uint32Array, at: number, rootId: number, a: Attributes): void => {
  writeNodeId(words, at + attr.inode, rootId, a.inode);
  writeU64(words, at + attr.size, a.size);
  writeU64(words, at + attr.blocks, a.blocks);
  writeU64(words, at + attr.atime, a.atime.seconds);
  writeU64(words, at + attr.mtime, a.mtime.seconds);
  writeU64(words, at + attr.ctime, a.ctime.seconds);
  words[at + attr.atimeNanos] = a.atime.nanos;
  words[at + attr.mtimeNanos] = a.mtime.nanos;
  words[at + attr.ctimeNanos] = a.ctime.nanos;
  words[at + attr.mode] = a.mode;
  words[at + attr.links] = a.links;
  words[at + attr.uid] = a.uid;
  words[at + attr.gid] = a.gid;
  words[at + attr.device] = a.device;
  words[at + attr.blockSize] = 4096;
  words[at + attr.flags] = 0;
};

/** struct fuse_entry_out at word `at` of `words`. */
export const writeEntry = (words: Uint32Array, at: number, rootId: number, a: Attributes): void => {
  writeNodeId(words, at + entryOut.nodeId, rootId, a.inode);
  writeU64(words, at + entryOut.generation, a.generation);
  words[at + entryOut.entryValid] = validityOf(a);
  words[at + entryOut.entryValid + 1] = 0;
  words[at + entryOut.attrValid] = validityOf(a);
  words[at + entryOut.attrValid + 1] = 0;
  words[at + entryOut.entryValidNanos] = 0;
  words[at + entryOut.attrValidNanos] = 0;
  writeAttributes(words, at + entryOut.attr, rootId, a);
};
