/**
 * One mount, served: requests are read, answered and counted in turns of Node's event loop.
 *
 * A turn reads requests as long as there are some, up to a bound, so that timers, signals, completed reads and
 * the continuations of promises come in between. Without requests it looks again for a moment (waking a
 * sleeping thread costs 50 us and more, an answered client is back within 10), but only after recent traffic and
 * only until something else happens; then the thread sleeps in libuv's epoll, which /dev/fuse has joined.
 *
 * Invariants
 * 1. Between turns all microtasks have run. A turn ends as soon as a request waits for a promise.
 * 2. Write-back that is held (held-writes.ts) is served when no other request is left to be read, no more fit, or one has
 *    waited long enough.
 * 3. Exactly one immediate is pending while the session lives. It is unref'd when there is nothing to do: then
 *    libuv sleeps, and runs it after it wakes.
 */
import { closeSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { errno, FsError } from '../../errors.js';
import { lastErrno } from '../../host/libc.js';
import type { InodeNumber } from '../../units.js';
import { deferred } from '../deferred.js';
import type { Mounted, MountOptions, Served } from '../driver.js';
import type { KindLatency } from '../latencies.js';
import { mountAt } from '../mount-table.js';
import { unmountKernel } from '../unmount.js';
import { opcode, opcodeName, outHeader, requestBufferBytes } from './abi.js';
import { BackgroundLimit } from './background-limit.js';
import { Dispatch } from './dispatch.js';
import { somethingHappened, Wakeup } from './event-loop.js';
import type { Exchange } from './exchange.js';
import { HeldWrites, longestHeldMs, mostOpen } from './held-writes.js';
import type { KernelMount } from './mount.js';
import { Notifier } from './notify.js';
import { Stretches } from './stretches.js';
import { read, write } from './system-calls.js';

/** Longest turn, in milliseconds; a request that was begun is finished. */
const turnLimit = 1;
/** How long after the last answer the next request is waited for without sleeping, in milliseconds. */
const spinLimit = availableParallelism() > 1 ? 0.2 : 0;
/**
 * How long the next request of a caller who was just answered is waited for before write-back goes on, in milliseconds: who
 * opens a file is about to read it.
 */
const callerLimit = spinLimit / 2;
/** Who waits for those at the door (GroupSync) waits no longer than so many ms: requests may come without end. */
const doorLimit = 2;
/** How many looks at /dev/fuse there are to one at everything else. */
const looksPerCheck = 4;

/** What read() says when the mount is gone: unmounted, or its connection aborted. */
const ended: readonly number[] = [errno.ENODEV, 103 /* ECONNABORTED */];

export class Session implements Mounted {
  readonly device: string;
  readonly notifier: Notifier;
  private readonly fd: number;
  private wakeup: Wakeup | undefined;
  private dispatch!: Dispatch;
  private next: Exchange | undefined;
  /** When the last answer was given, or the last portion of a held WRITE was done. */
  private lastAnswer = 0;
  /** When the last answer was given to a request that had not been held. */
  private lastCaller = 0;
  private requests = 0;
  private turns = 0;
  private sleeps = 0;
  private gone = false;
  /** The next turn. */
  private pending: NodeJS.Immediate | undefined;
  /** Who waits until no request is left to be read. */
  private gathering: (() => void)[] = [];
  private gatheringSince = 0;
  private readonly background: BackgroundLimit;
  private readonly held: HeldWrites;
  private readonly stretches = new Stretches();
  private readonly writers = new Map<InodeNumber, number>();
  private readonly counters = { bytesRead: 0, bytesWritten: 0 };
  private readonly clock = { ms: performance.now() };
  private readonly started = deferred();
  private readonly finished = deferred();
  private readonly turn = (): void => this.serveTurn();

  constructor(
    readonly target: string,
    kernel: KernelMount,
    private readonly options: MountOptions,
    heldMs = longestHeldMs,
  ) {
    this.fd = kernel.fd;
    this.device = kernel.device;
    this.notifier = new Notifier(kernel.fd);
    this.background = new BackgroundLimit(kernel.device, mostOpen);
    this.held = new HeldWrites(this.background, heldMs);
  }

  ready(): Promise<void> {
    return this.started.promise;
  }

  serve(served: Served): Promise<void> {
    const connection = {
      options: this.options,
      served,
      counters: this.counters,
      clock: this.clock,
      writers: this.writers,
      pull: (rootId: number, inode: InodeNumber) => this.notifier.pull(rootId, inode),
      initialized: () => this.started.resolve(),
    };
    this.dispatch = new Dispatch(connection, this.send, () => this.finishIfGone());
    this.wakeup = new Wakeup(this.fd);
    this.pending = setImmediate(this.turn);
    return this.finished.promise;
  }

  statistics(): Readonly<Record<string, number>> {
    const { requests, turns, sleeps, dispatch } = this;
    const { waiting, suspended, faults, perOpcode } = dispatch;
    const statistics: Record<string, number> = {
      requests,
      turns,
      sleeps,
      waiting,
      suspended,
      faults,
      ...this.counters,
    };
    for (const code of Object.values(opcode)) {
      if (perOpcode[code] > 0) statistics[opcodeName(code)] = perOpcode[code];
    }
    return statistics;
  }

  latencies(): ReturnType<Mounted['latencies']> {
    return this.dispatch.latencies.read((code) => opcodeName(code).toLowerCase());
  }

  away(): KindLatency {
    return this.stretches.read();
  }

  recentCallers(most: number): Map<number, number> {
    return this.dispatch.callers.counts(most);
  }

  traffic(): ReturnType<Mounted['traffic']> {
    const { requests, dispatch, gone: ended } = this;
    return { requests, waiting: dispatch.waiting, idleMs: performance.now() - this.lastAnswer, ended };
  }

  gather(): Promise<void> {
    if (this.gone) return Promise.resolve();
    // The session may sleep: the turn that answers this must come without a request.
    this.pending?.ref();
    if (this.gathering.length === 0) this.gatheringSince = performance.now();
    return new Promise((resolve) => this.gathering.push(resolve));
  }

  async pull(): Promise<void> {
    await Promise.all([...this.writers.keys()].map((inode) => this.notifier.pull(0, inode)));
  }

  /** Where it was, or over it, something else may be mounted by now: that stays. */
  async unmount(lazy: boolean): Promise<void> {
    if (this.gone) return;
    const seen = mountAt(this.target);
    if (seen !== undefined && seen.device !== this.device) throw new FsError('EBUSY', `unmount of ${this.target}`);
    await unmountKernel(this.target, lazy);
  }

  abort(): void {
    if (!this.gone) this.leave(errno.ENODEV);
  }

  private serveTurn(): void {
    if (this.gone) return;
    this.turns++;
    const start = performance.now();
    this.clock.ms = start;
    this.stretches.ends(start);
    this.background.relax(start);
    let x = this.next ?? this.dispatch.take();
    let served = false;
    let looked = false;
    for (let looks = 1; ; looks++) {
      if (looked && this.gathering.length > 0 && this.clock.ms - this.gatheringSince > doorLimit) {
        this.gathered();
        break;
      }
      const pressing = this.held.pressing(this.clock.ms);
      looked ||= !pressing;
      const length = pressing ? 0 : read(this.fd, x.request.bytes, requestBufferBytes);
      if (length > 0) {
        this.requests++;
        served = true;
        if (this.held.keeps(x, this.clock.ms)) {
          this.stretches.ends(performance.now());
          x = this.dispatch.take();
          continue;
        }
        if (!this.dispatch.serve(x)) {
          x = this.dispatch.take();
          break;
        }
        this.stretches.ends(this.clock.ms);
        if (this.lastAnswer - start > turnLimit) break;
        continue;
      }
      const code = length === 0 ? errno.EAGAIN : lastErrno();
      // ENOENT: the caller was killed before its request was read.
      if (code === errno.EINTR || code === errno.ENOENT) continue;
      if (code !== errno.EAGAIN) {
        this.leave(code);
        return;
      }
      const now = performance.now();
      // Write-back that is held is nobody at the door: the kernel has what an fsync waits for answered before it asks.
      if (this.gathering.length > 0 && !pressing) {
        this.gathered();
        break;
      }
      if (pressing || (this.held.any && now - this.lastCaller > callerLimit)) {
        served = true;
        if (!this.serveHeld(now) || this.lastAnswer - start > turnLimit) break;
        this.stretches.ends(this.lastAnswer);
        continue;
      }
      this.clock.ms = now;
      this.stretches.foundNothing(now);
      if (now - this.lastAnswer > spinLimit) {
        this.next = x;
        if (served) this.pending = setImmediate(this.turn);
        else this.sleep();
        return;
      }
      if (now - start > turnLimit || (looks % looksPerCheck === 0 && somethingHappened())) break;
    }
    this.next = x;
    this.pending = setImmediate(this.turn);
  }

  /** Serve the first one, or a portion of it. False if it waits for something now. */
  private serveHeld(now: number): boolean {
    const x = this.held.first(now, this.lastCaller);
    const done = x.written === 0 ? this.dispatch.serve(x) : this.dispatch.goOn(x);
    if (done && x.written > 0) {
      this.lastAnswer = performance.now();
      this.clock.ms = this.lastAnswer;
      return true;
    }
    this.held.drop(now);
    if (done) this.dispatch.give(x);
    return done;
  }

  private gathered(): void {
    const { gathering } = this;
    this.gathering = [];
    for (const resolve of gathering) resolve();
  }

  /** libuv sleeps until a request or anything else comes, and runs the turn after that. */
  private sleep(): void {
    this.sleeps++;
    this.stretches.sleeps();
    this.pending = setImmediate(this.turn).unref();
  }

  private readonly send = (bytes: Uint8Array, length: number, kept: boolean): boolean => {
    // The descriptor's number may be another file's by now.
    if (this.gone) return false;
    const sent = write(this.fd, bytes, length);
    this.lastAnswer = performance.now();
    this.clock.ms = this.lastAnswer;
    if (!kept) this.lastCaller = this.lastAnswer;
    if (sent === length) return true;
    const code = lastErrno();
    // ENOENT: the caller was killed and waits no more. The others: the mount is gone.
    if (code !== errno.ENOENT && !ended.includes(code) && code !== errno.EPERM) {
      const error = -new Int32Array(bytes.buffer, bytes.byteOffset, 4)[outHeader.error];
      this.options.log(`the kernel refused a reply of ${length} bytes with error ${error}: errno ${code}`);
    }
    return false;
  };

  /** The kernel sends nothing more. What waits is finished all the same. */
  private leave(code: number): void {
    this.gone = true;
    this.gathered();
    if (!ended.includes(code)) this.options.log(`reading requests of ${this.target} failed: errno ${code}`);
    this.wakeup?.close();
    this.notifier.close();
    this.background.close();
    closeSync(this.fd);
    this.started.reject(new FsError('ENOTCONN', `mount of ${this.target}`));
    this.finishIfGone();
  }

  private finishIfGone(): void {
    if (this.gone && this.dispatch.waiting === 0) this.finished.resolve();
  }
}
