/**
 * One request and its reply, from read() to write(). Exchanges are pooled; one that has to wait keeps its place
 * here and is started again, from the top, when what it misses has come.
 *
 * Invariants
 * 1. What the kernel counts (lookups, open handles) is held in the filesystem only when the reply was delivered,
 *    once per count: a restarted request leaves no trace of its earlier attempts.
 * 2. What a WRITE has handed to the filesystem stays: it goes on behind that, and after a restart does all the rest, as
 *    nobody would come back for another portion.
 */
import type { Attributes, FileSystemApi } from '../../posix/api.js';
import type { InodeNumber } from '../../units.js';
import type { MountOptions, Served } from '../driver.js';
import { requestBufferBytes } from './abi.js';
import { Pool } from './pool.js';
import { Reply } from './reply.js';
import { Request } from './request.js';

const requestBuffers = new Pool(() => new Uint8Array(requestBufferBytes), 8);

/** What all exchanges of a mount share. */
export interface Connection {
  readonly options: MountOptions;
  readonly served: Served;
  readonly counters: Counters;
  readonly clock: LastLook;
  /** Open handles that can write, per inode: the kernel may have bytes of these files that nobody here has seen. */
  readonly writers: Map<InodeNumber, number>;
  /** Have the kernel send all such bytes of the inode. */
  pull(rootId: number, inode: InodeNumber): Promise<void>;
  /** The kernel and the driver have agreed on what they can do. */
  initialized(): void;
}

export interface Counters {
  bytesRead: number;
  bytesWritten: number;
}

/**
 * What the clock said when somebody last looked: in ms, as performance.now(). Who looks does it for reasons of its own;
 * latencies are measured with what that finds, as a look costs 0.27 us (Node 20, 2026).
 */
export interface LastLook {
  ms: number;
}

export class Exchange {
  readonly request = new Request(requestBuffers);
  readonly reply = new Reply();
  /** The filesystem of the request's root. */
  filesystem!: FileSystemApi;
  /** Attempts so far. */
  attempts = 0;
  /** When the request was about to be read, in ms. */
  began = 0;
  /** Of a WRITE: bytes to write in one attempt, 0 for all; and how many have been written in earlier ones. */
  portion = 0;
  written = 0;
  /** Write-back that was held: nobody waits for its answer. */
  kept = false;
  /** To be held `holds` times once the reply is delivered. */
  private held: InodeNumber = 0;
  /** Of another root than the request's, if the entry leads there. */
  private holder: FileSystemApi | undefined;
  private holds = 0;
  /** One for each reply that lists attributes: arrays that were used once are of another kind to V8. */
  private heldOnce: InodeNumber[] | undefined;
  /** To be counted once the reply is delivered; 0: none. */
  private writer: InodeNumber = 0;

  constructor(readonly connection: Connection) {}

  /** Forget an earlier attempt, but for what it has `written`. */
  restart(): void {
    this.attempts++;
    this.portion = 0;
    this.holds = 0;
    this.holder = undefined;
    this.heldOnce = undefined;
    this.writer = 0;
    this.reply.release();
  }

  /** Once the reply is delivered, the kernel refers to the inode `count` times more. */
  holdLater(inode: InodeNumber, count: number): void {
    this.held = inode;
    this.holds = count;
  }

  /** The same for one of many inodes. */
  holdOneLater(inode: InodeNumber): void {
    this.heldOnce ??= [];
    this.heldOnce.push(inode);
  }

  /** Once the reply is delivered, the kernel has one more handle of the inode that can write. */
  writesLater(inode: InodeNumber): void {
    this.writer = inode;
  }

  /** A handle that can write comes (1) or goes (-1). */
  countWriter(inode: InodeNumber, change: number): void {
    const { writers } = this.connection;
    const count = (writers.get(inode) ?? 0) + change;
    if (count > 0) writers.set(inode, count);
    else writers.delete(inode);
  }

  /** Reply with an entry, to which the kernel then refers. Returns the bytes of the body so far. */
  entry(a: Attributes): number {
    this.holdLater(a.inode, 1);
    if (a.root === undefined) return this.reply.entry(this.request.rootId, a);
    this.holder = this.connection.served.filesystem(a.root);
    return this.reply.entry(a.root, a);
  }

  /** The kernel has the reply, or never will: a new file that it does not know may then have no user at all. */
  delivered(success: boolean): void {
    if (this.holds > 0) {
      const filesystem = this.holder ?? this.filesystem;
      for (let i = 0; i < this.holds; i++) filesystem.hold(this.held);
      if (!success) filesystem.letGo(this.held, this.holds);
      this.holds = 0;
    }
    if (success && this.heldOnce !== undefined) for (const inode of this.heldOnce) this.filesystem.hold(inode);
    this.heldOnce = undefined;
    if (success && this.writer !== 0) this.countWriter(this.writer, 1);
    this.writer = 0;
  }

  /** The request is done. */
  reset(): void {
    this.attempts = 0;
    this.portion = 0;
    this.written = 0;
    this.kept = false;
    this.holds = 0;
    this.holder = undefined;
    this.heldOnce = undefined;
    this.writer = 0;
    this.reply.release();
  }
}

/**
 * Does what a request asks for and fills the reply. Returns the bytes of the reply's body, `-errno`, or `silent`;
 * a promise of that after its last point of suspension.
 */
export type Handler = (exchange: Exchange) => number | Promise<number>;

/** There is no reply to this request. */
export const silent = -100_000;
/** A portion is done, the rest is for another attempt. */
export const unfinished = -100_001;
