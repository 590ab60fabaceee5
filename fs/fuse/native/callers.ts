/**
 * Who asks. libfuse knows (fuse_get_context(3)), but only the thread that serves the request can ask it, and that
 * thread waits while ours works. The answer lies in memory that belongs to the thread, and where that is can be
 * found once, when the thread appears; from then on it is a read.
 *
 * The way there, each step with what it rests on:
 * 1. The thread that asks for its record holds the mount's mutex, whose owner glibc notes: its number.
 * 2. It waits in a system call; /proc/self/task/N/syscall tells its stack pointer.
 * 3. Above that, glibc keeps the thread's descriptor, which begins with its own address, twice (x86-64 psABI).
 * 4. In it, at the same place in every thread, lies the pointer that libfuse stored with pthread_setspecific(3); the
 *    place is known from our own thread, where libfuse can be asked.
 * 5. What it leads to must name this mount, twice. If anything does not fit there is no mount: an answer about who
 *    asks is right, or not given.
 */
import { readdirSync, readFileSync } from 'node:fs';
import koffi, { type LibraryHandle } from 'koffi';
import { FsError } from '../../errors.js';
import { libc } from '../../host/libc.js';
import type { Credentials } from '../../posix/api.js';
import { bytesAt } from './memory.js';
import { mountRecord } from './thread-record.js';

/** struct fuse_context. */
const contextBytes = 40;
const contextAt = { fuse: 0, uid: 8, gid: 12, pid: 16, mount: 24 } as const;
/** How far into a thread's descriptor libfuse's pointer may lie: the first 32 keys, which need no second table. */
const descriptorBytes = 0x600;
/** From the stack pointer of a waiting thread to its descriptor. */
const stackBytes = 256 * 1024;
const descriptorAlignment = 16;
/** How often to look at a thread that is on its way into its system call. */
const looks = 100_000;

const threadSelf = libc.func('uintptr_t pthread_self()') as () => bigint | number;

export class Callers {
  private readonly contexts = new Map<Buffer, bigint>();
  /** Where in a thread's descriptor libfuse's pointer lies. */
  private readonly place: number;

  /** `mount`: the binding's record of a mount that is there: libfuse asks for its key of pthreads with the first one. */
  constructor(
    libfuse: LibraryHandle,
    private readonly mount: Buffer,
  ) {
    const context = BigInt((libfuse.func('uintptr_t fuse_get_context()') as () => bigint | number)());
    this.place = wordAt(bytesAt(threadSelf(), descriptorBytes), context);
  }

  /** A thread asks for its record: now it is known which one it is. */
  meet(record: Buffer): void {
    const thread = this.mount.readInt32LE(mountRecord.mutexOwner);
    const descriptor = descriptorOf(thread);
    const context = bytesAt(descriptor + BigInt(this.place), 8).readBigUInt64LE();
    const found = context === 0n ? undefined : bytesAt(context, contextBytes);
    if (
      found?.readBigUInt64LE(contextAt.fuse) !== this.mount.readBigUInt64LE(mountRecord.fuse) ||
      found.readBigUInt64LE(contextAt.mount) !== BigInt(koffi.address(this.mount))
    ) {
      throw unknown(`thread ${thread} has no context of this mount`);
    }
    this.contexts.set(record, context);
  }

  /** Of the request that the thread of this record serves. Throws FsError EIO. */
  of(record: Buffer): Credentials {
    const address = this.contexts.get(record);
    if (address === undefined) throw unknown('a thread that was never met');
    const context = bytesAt(address, contextBytes);
    return {
      uid: context.readUInt32LE(contextAt.uid),
      gid: context.readUInt32LE(contextAt.gid),
      pid: context.readInt32LE(contextAt.pid),
    };
  }
}

const unknown = (detail: string): FsError => new FsError('EIO', 'looking for who asks', undefined, detail);

/** The address of a thread's descriptor. */
function descriptorOf(thread: number): bigint {
  const pointer = stackPointerOf(thread);
  const start = pointer & ~BigInt(descriptorAlignment - 1);
  const room = endOfMapping(pointer) - start;
  const stack = bytesAt(start, Number(room < stackBytes ? room : BigInt(stackBytes)));
  for (let at = 0; at + 24 <= stack.length; at += descriptorAlignment) {
    const address = start + BigInt(at);
    if (stack.readBigUInt64LE(at) === address && stack.readBigUInt64LE(at + 16) === address) return address;
  }
  throw unknown(`thread ${thread} has no descriptor on its stack`);
}

/** `202 0x... six arguments ... 0xSP 0xPC`, or `running`. */
function stackPointerOf(thread: number): bigint {
  for (let i = 0; i < looks; i++) {
    const fields = readFileSync(`/proc/self/task/${thread}/syscall`, 'utf8').trim().split(' ');
    if (fields.length >= 9) return BigInt(fields[fields.length - 2]);
  }
  throw unknown(`thread ${thread} of ${readdirSync('/proc/self/task').length} never waits`);
}

function endOfMapping(address: bigint): bigint {
  for (const line of readFileSync('/proc/self/maps', 'utf8').split('\n')) {
    const [range] = line.split(' ', 1);
    const [start, end] = range.split('-').map((hex) => BigInt(`0x${hex || '0'}`));
    if (start <= address && address < end) return end;
  }
  throw unknown(`nothing is mapped at ${address}`);
}

function wordAt(bytes: Buffer, word: bigint): number {
  for (let at = 0; at < bytes.length; at += 8) if (bytes.readBigUInt64LE(at) === word) return at;
  throw unknown('the context is not where glibc keeps it');
}
