/**
 * The binding's own structures, as fuse-native 2.2 lays them out on x86-64: one record a thread of libfuse with the
 * arguments of the operation it waits for, and one a mount. They are read where they lie, since what the binding
 * makes of them loses bytes: names that are not UTF-8, the second of two times, flags of open.
 */
import { bytesAt, textAt } from './memory.js';

/** sizeof(fuse_thread_t), and where in it what is needed lies. */
export const mountRecordBytes = 2640;
export const mountRecord = { thread: 8, fuse: 368, mutexOwner: 2576 } as const;

const at = {
  path: 24,
  destination: 32,
  linkTarget: 40,
  handle: 48,
  buffer: 56,
  offset: 64,
  length: 72,
  mode: 80,
  device: 88,
  uid: 96,
  gid: 100,
  accessed: 104,
  modified: 112,
  name: 128,
  size: 152,
  flags: 164,
  stat: 168,
  statvfs: 176,
  filler: 184,
} as const;

/** struct fuse_file_info: flags of open(2), and the number that the driver gave the handle. */
const handleAt = { flags: 0, number: 24 } as const;

/** The arguments of one operation, until it is answered. */
export class ThreadRecord {
  constructor(readonly buffer: Buffer) {}

  get path(): Buffer {
    return textAt(this.pointer('path'));
  }
  get destination(): Buffer {
    return textAt(this.pointer('destination'));
  }
  /** Name of an extended attribute. */
  get name(): Buffer {
    return textAt(this.pointer('name'));
  }
  get mode(): number {
    return this.buffer.readUInt32LE(at.mode);
  }
  get device(): number {
    return this.buffer.readUInt32LE(at.device);
  }
  /** 2^32 - 1: as it is. */
  get uid(): number {
    return this.buffer.readUInt32LE(at.uid);
  }
  get gid(): number {
    return this.buffer.readUInt32LE(at.gid);
  }
  /** Of read and write, and the new size of a truncation. */
  get offset(): number {
    return Number(this.buffer.readBigInt64LE(at.offset));
  }
  get length(): number {
    return Number(this.buffer.readBigUInt64LE(at.length));
  }
  /** Room for an attribute or a list of them. */
  get size(): number {
    return Number(this.buffer.readBigUInt64LE(at.size));
  }
  get flags(): number {
    return this.buffer.readInt32LE(at.flags);
  }
  /** Milliseconds since 1970. */
  get accessed(): number {
    return Number(this.buffer.readBigInt64LE(at.accessed));
  }
  get modified(): number {
    return Number(this.buffer.readBigInt64LE(at.modified));
  }

  /** Of the handle: the flags of open(2). */
  get openFlags(): number {
    return bytesAt(this.pointer('handle'), 4).readInt32LE(handleAt.flags);
  }
  /** The number that open gave; 0: the operation came without a handle. */
  get handle(): number {
    const info = this.pointer('handle');
    return info === 0n ? 0 : Number(bytesAt(info, 32).readBigUInt64LE(handleAt.number));
  }

  /** Where a result belongs. */
  pointer(member: keyof typeof at): bigint {
    return this.buffer.readBigUInt64LE(at[member]);
  }
}
