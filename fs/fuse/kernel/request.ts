/**
 * A view of one request of the kernel. The loop reads requests into large buffers (a WRITE brings 1 MiB); a
 * request that has to wait moves into a buffer of its own size, unless it is large itself, so that a thousand
 * waiting lookups take a thousand small buffers.
 */
import type { Credentials } from '../../posix/api.js';
import type { InodeNumber } from '../../units.js';
import { body, inHeader, inHeaderBytes } from './abi.js';
import { inodeOf, rootIdOf } from './node-id.js';
import type { Pool } from './pool.js';

const two32 = 2 ** 32;
/** Below this size a request that waits is copied out of the large buffer. */
const smallBytes = 64 * 1024;

export class Request implements Credentials {
  bytes: Uint8Array;
  words: Uint32Array;
  private large: boolean;

  constructor(private readonly buffers: Pool<Uint8Array>) {
    this.bytes = buffers.take();
    this.words = new Uint32Array(this.bytes.buffer, this.bytes.byteOffset, this.bytes.length >>> 2);
    this.large = true;
  }

  get length(): number {
    return this.words[inHeader.length];
  }
  get opcode(): number {
    return this.words[inHeader.opcode];
  }
  get inode(): InodeNumber {
    return inodeOf(this.words[inHeader.nodeId], this.words[inHeader.nodeId + 1]);
  }
  get rootId(): number {
    return rootIdOf(this.words[inHeader.nodeId + 1]);
  }
  get uid(): number {
    return this.words[inHeader.uid];
  }
  get gid(): number {
    return this.words[inHeader.gid];
  }
  get pid(): number {
    return this.words[inHeader.pid];
  }

  /** A u32 of the body. */
  u32(at: number): number {
    return this.words[body + at];
  }

  /** An unsigned u64 of the body; above 2^53 it is rounded, which still is more than any limit of ours. */
  u64(at: number): number {
    return this.words[body + at + 1] * two32 + this.words[body + at];
  }

  /** A signed 64-bit member of the body: seconds. */
  i64(at: number): number {
    return (this.words[body + at + 1] | 0) * two32 + this.words[body + at];
  }

  inodeAt(at: number): InodeNumber {
    return inodeOf(this.words[body + at], this.words[body + at + 1]);
  }
  rootIdAt(at: number): number {
    return rootIdOf(this.words[body + at + 1]);
  }

  /** Bytes up to the NUL that ends them, from `at` bytes into the body: a view, without the NUL. */
  name(at: number): Uint8Array {
    const from = inHeaderBytes + at;
    const to = this.bytes.indexOf(0, from);
    return this.bytes.subarray(from, to);
  }

  /** Bytes of the body: a view. */
  data(at: number, length: number): Uint8Array {
    return this.bytes.subarray(inHeaderBytes + at, inHeaderBytes + at + length);
  }

  /** The request will wait: give the large buffer back if it is not needed. */
  settle(): void {
    if (!this.large || this.length > smallBytes) return;
    const own = new Uint8Array((this.length + 3) & ~3);
    own.set(this.bytes.subarray(0, this.length));
    this.buffers.give(this.bytes);
    this.bytes = own;
    this.words = new Uint32Array(own.buffer);
    this.large = false;
  }

  /** Have a large buffer again. */
  refresh(): void {
    if (this.large) return;
    this.bytes = this.buffers.take();
    this.words = new Uint32Array(this.bytes.buffer, this.bytes.byteOffset, this.bytes.length >>> 2);
    this.large = true;
  }
}
