/**
 * Requests of the kernel, or of a rehearsal, are read, answered and counted in turns of Node's event loop.
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
 * 3. Exactly one immediate is pending while requests may come. It is unref'd when there is nothing to do: then
 *    libuv sleeps, and runs it after it wakes.
 */
import { availableParallelism } from 'node:os';
import { errno } from '../../errors.js';
import { lastErrno } from '../../host/libc.js';
import { deferred } from '../deferred.js';
import { outHeader, requestBufferBytes } from './abi.js';
import type { BackgroundLimit } from './background-limit.js';
import { Dispatch, type Outlet } from './dispatch.js';
import { somethingHappened } from './event-loop.js';
import type { Connection, Exchange } from './exchange.js';
import { HeldWrites, longestHeldMs } from './held-writes.js';
import { Stretches } from './stretches.js';

/** Longest turn, in milliseconds; a request that was begun is finished. */
const turnLimit = 1;
/** `spinMs` where nothing else is said. */
const spinLimit = availableParallelism() > 1 ? 0.2 : 0;
/** Who waits for those at the door (GroupSync) waits no longer than so many ms: requests may come without end. */
const doorLimit = 2;
/** How many looks at the channel there are to one at everything else. */
const looksPerCheck = 4;

/** What read() says when the mount is gone: unmounted, or its connection aborted. */
const endings: readonly number[] = [errno.ENODEV, 103 /* ECONNABORTED */];

/**
 * Where requests come from and replies go: all of one shape, as V8 makes the code of a call anew when it meets another kind of
 * object there.
 */
export class Channel {
  /** Whoever makes one wakes libuv when a request comes (event-loop.ts), or calls `look` of the loop. */
  constructor(
    /** The next request: its bytes; 0: there is none; -1: see errno, where EAGAIN means none as well. */
    readonly read: (into: Uint8Array, most: number) => number,
    /** A reply. Returns its bytes, or -1 and errno. */
    readonly write: (from: Uint8Array, length: number) => number,
    /** No requests come any more, and no reply is wanted. Called once, with errno if that is a failure. */
    readonly over: (failure?: number) => void,
  ) {}
}

export interface Waits {
  /** Write-back is held no longer than that, in ms. */
  readonly heldMs?: number;
  /**
   * How long after the last answer the next request is waited for without sleeping, in ms. Write-back waits half as long for the
   * next request of a caller who was just answered: who opens a file is about to read it.
   */
  readonly spinMs?: number;
}

/** For an exception that no handler's caller has caught. Nothing is served any more. */
export type OnFault = (error: unknown) => void;

export class RequestLoop implements Outlet {
  requests = 0;
  turns = 0;
  sleeps = 0;
  gone = false;
  /** When the last answer was given, or the last portion of a held WRITE was done. */
  lastAnswer = Number.NEGATIVE_INFINITY;
  readonly dispatch: Dispatch;
  readonly stretches = new Stretches();
  private readonly clock = { ms: performance.now() };
  private next: Exchange | undefined;
  /** When the last answer was given to a request that had not been held. */
  private lastCaller = Number.NEGATIVE_INFINITY;
  /** The next turn. */
  private pending: NodeJS.Immediate | undefined;
  /** Who waits until no request is left to be read. */
  private gathering: (() => void)[] = [];
  private gatheringSince = Number.NEGATIVE_INFINITY;
  private readonly held: HeldWrites;
  private readonly spinMs: number;
  private readonly finished = deferred();
  private readonly turn: () => void;

  constructor(
    private readonly channel: Channel,
    private readonly connection: Omit<Connection, 'clock'>,
    private readonly background: BackgroundLimit,
    { heldMs = longestHeldMs, spinMs = spinLimit }: Waits = {},
    onFault?: OnFault,
  ) {
    this.turn = onFault === undefined ? () => this.serveTurn() : () => this.tryTurn(onFault);
    this.held = new HeldWrites(background, heldMs);
    this.spinMs = spinMs;
    this.dispatch = new Dispatch({ ...connection, clock: this.clock }, this);
  }

  /** Serve until the channel has ended and all that waited is done. */
  serve(): Promise<void> {
    this.pending = setImmediate(this.turn);
    return this.finished.promise;
  }

  /** Look for requests soon, without being woken. */
  look(): void {
    this.pending?.ref();
  }

  /** Resolves when the requests that have come so far are answered, or wait for something. */
  gather(): Promise<void> {
    if (this.gone) return Promise.resolve();
    // The thread may be about to sleep: the turn that answers this must come without a request.
    this.look();
    if (this.gathering.length === 0) this.gatheringSince = performance.now();
    return new Promise((resolve) => this.gathering.push(resolve));
  }

  /** Nothing more comes, for the reason `code`. What waits is finished all the same. */
  leave(code: number): void {
    if (this.gone) return;
    this.gone = true;
    this.gathered();
    this.background.close();
    this.channel.over(endings.includes(code) ? undefined : code);
    if (this.dispatch.waiting === 0) this.finished.resolve();
  }

  send(bytes: Uint8Array, length: number, kept: boolean): boolean {
    // Where it would go may be another's by now.
    if (this.gone) return false;
    const sent = this.channel.write(bytes, length);
    this.lastAnswer = performance.now();
    this.clock.ms = this.lastAnswer;
    if (!kept) this.lastCaller = this.lastAnswer;
    if (sent === length) return true;
    const code = lastErrno();
    // ENOENT: the caller was killed and waits no more. The others: the mount is gone.
    if (code !== errno.ENOENT && !endings.includes(code) && code !== errno.EPERM) {
      const error = -new Int32Array(bytes.buffer, bytes.byteOffset, 4)[outHeader.error];
      this.connection.options.log(`the kernel refused a reply of ${length} bytes with error ${error}: errno ${code}`);
    }
    return false;
  }

  idle(): void {
    if (this.gone) this.finished.resolve();
  }

  private tryTurn(onFault: OnFault): void {
    try {
      this.serveTurn();
    } catch (e) {
      onFault(e);
    }
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
      const length = pressing ? 0 : this.channel.read(x.request.bytes, requestBufferBytes);
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
      if (pressing || (this.held.any && now - this.lastCaller > this.spinMs / 2)) {
        served = true;
        if (!this.serveHeld(now) || this.lastAnswer - start > turnLimit) break;
        this.stretches.ends(this.lastAnswer);
        continue;
      }
      this.clock.ms = now;
      this.stretches.foundNothing(now);
      if (now - this.lastAnswer > this.spinMs) {
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
}
