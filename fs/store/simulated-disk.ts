/**
 * A disk that can lose its power. It remembers what no barrier has made durable, and after a cut gives the
 * contents that a real disk might then hold. It fails, loses and misdirects writes when told to, rots, answers
 * late and out of order, and refuses writes over what the last durable checkpoint needs.
 *
 * Invariants
 * 1. `durable` holds exactly the writes issued before the last completed barrier was issued.
 * 2. Whatever happens follows from the seeds and faults given: a failing run can be done again.
 */
import { FsError } from '../errors.js';
import type { ImageOffset } from '../units.js';
import { applyWrite, cutPower, type PendingWrite } from './crash-states.js';
import { Faults } from './faults.js';
import { below, chance, type Random } from './random.js';
import { Shuffle } from './shuffle.js';
import { SparseBytes } from './sparse-bytes.js';
import type { Store } from './store.js';

export interface SlowAnswers {
  readonly random: Random;
  /** Share of calls answered in place, 0 to 1. */
  readonly inPlace: number;
  /** Most turns of the event loop that an answer takes. */
  readonly turns: number;
}

export interface DiskOptions {
  readonly readOnly?: boolean;
  /** What the disk holds at first; used, not copied. */
  readonly contents?: SparseBytes;
  /** Answer late, out of order; in place if absent. */
  readonly slow?: SlowAnswers;
  /** Keep a list of all calls. */
  readonly record?: boolean;
}

/** One line of the record of calls. */
export interface Call {
  readonly call: 'read' | 'write' | 'barrier' | 'discard';
  readonly offset: number;
  readonly length: number;
}

/** Why these bytes may not be written now, or undefined if they may. */
export type Guard = (offset: ImageOffset, length: number) => string | undefined;

export class SimulatedDisk implements Store {
  readonly name: string = 'simulated disk';
  readonly readOnly: boolean;
  readonly faults = new Faults();
  readonly calls: Call[] = [];
  /** Asked before each write and discard; a refusal is an error of the program, not of the disk. */
  guard: Guard | undefined;
  /** Writes that were refused by the guard: a test fails if there is any, even if someone swallowed the error. */
  readonly refusals: string[] = [];

  private readonly durable: SparseBytes;
  private readonly current: SparseBytes;
  private pending: PendingWrite[] = [];
  private readonly shuffle: Shuffle | undefined;
  /** Writes issued and not done. */
  private readonly flying = new Set<() => PendingWrite>();
  private readonly writing = new Set<Promise<void>>();
  private on = true;

  constructor(
    readonly size: number,
    private readonly options: DiskOptions = {},
  ) {
    this.readOnly = options.readOnly ?? false;
    this.current = options.contents ?? new SparseBytes(size);
    this.durable = this.current.copy();
    this.shuffle = options.slow ? new Shuffle(options.slow.random) : undefined;
  }

  get powered(): boolean {
    return this.on;
  }

  read(offset: ImageOffset, into: Uint8Array): Promise<void> | undefined {
    this.begin('read', offset, into.length);
    if (this.faults.meet('read')?.what === 'power') this.off('read');
    return this.perform('read', () => this.current.read(offset, into));
  }

  write(offset: ImageOffset, buffers: readonly Uint8Array[]): Promise<void> | undefined {
    let length = 0;
    for (const buffer of buffers) length += buffer.length;
    this.beginChange('write', offset, length);
    const fault = this.faults.meet('write');
    if (fault?.what === 'power') this.off('write');
    if (fault?.what === 'lost') return undefined;
    const target = fault?.what === 'misdirected' ? offset + fault.by : offset;
    const list = buffers.slice();
    // Copied when it is done, not when it is issued, so that a caller who reuses a buffer too early is found out.
    const take = (): PendingWrite => ({ offset: target, length, bytes: new Uint8Array(Buffer.concat(list)) });
    this.flying.add(take);
    const work = this.perform('write', () => {
      this.flying.delete(take);
      this.put(take());
    });
    if (work) {
      this.writing.add(work);
      const forget = (): void => {
        this.writing.delete(work);
      };
      work.then(forget, forget);
    }
    return work;
  }

  barrier(): Promise<void> | undefined {
    this.begin('barrier', 0, 0);
    if (this.faults.meet('barrier')?.what === 'power') this.off('barrier');
    if (this.writing.size === 0) return this.completeBarrier();
    return Promise.all(this.writing).then(() => this.completeBarrier());
  }

  private completeBarrier(): Promise<void> | undefined {
    const covered = this.pending.length;
    const last = covered === 0 ? undefined : this.pending[covered - 1];
    return this.perform('barrier', () => {
      if (!last) return;
      // A barrier that was issued later may have completed before.
      const end = this.pending.indexOf(last) + 1;
      for (let i = 0; i < end; i++) applyWrite(this.durable, this.pending[i]);
      this.pending = this.pending.slice(end);
    });
  }

  discard(offset: ImageOffset, length: number): Promise<void> | undefined {
    this.beginChange('discard', offset, length);
    this.put({ offset, length, bytes: undefined });
    return undefined;
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.writing);
  }

  /**
   * Cut the power now. This disk fails every call from here on; the result is what another disk finds when the
   * power is back. May be called again for another outcome of the same cut.
   */
  crash(random: Random): SparseBytes {
    this.on = false;
    const contents = this.durable.copy();
    cutPower(contents, [...this.pending, ...[...this.flying].map((take) => take())], random);
    return contents;
  }

  /** What a disk holds that was stopped in peace: all writes. */
  contents(): SparseBytes {
    return this.current.copy();
  }

  /** Let a bit of the medium rot, unnoticed until it is read. `bit`: 0 to 7. */
  flipBit(offset: ImageOffset, bit: number): void {
    const byte = new Uint8Array(1);
    for (const contents of [this.current, this.durable]) {
      contents.read(offset, byte);
      byte[0] ^= 1 << bit;
      contents.write(offset, byte);
    }
  }

  /** Writes that a cut could lose. */
  get unsettled(): number {
    return this.pending.length;
  }

  private put(write: PendingWrite): void {
    applyWrite(this.current, write);
    this.pending.push(write);
  }

  private off(operation: string): never {
    this.on = false;
    throw new FsError('EIO', operation, undefined, 'the power is off');
  }

  private begin(call: Call['call'], offset: number, length: number): void {
    if (!this.on) this.off(call);
    if (offset < 0 || offset + length > this.size) {
      throw new FsError('EIO', call, undefined, `bytes ${offset} to ${offset + length} of ${this.size}`);
    }
    if (this.options.record) this.calls.push({ call, offset, length });
  }

  private beginChange(call: 'write' | 'discard', offset: number, length: number): void {
    this.begin(call, offset, length);
    if (this.readOnly) throw new FsError('EROFS', call, undefined, this.name);
    const reason = this.guard?.(offset, length);
    if (reason === undefined) return;
    const refusal = `${call} of ${length} bytes at ${offset}: ${reason}`;
    this.refusals.push(refusal);
    throw new Error(refusal);
  }

  private perform(operation: string, work: () => void): Promise<void> | undefined {
    const slow = this.options.slow;
    if (!this.shuffle || !slow || chance(slow.random, slow.inPlace)) {
      work();
      return undefined;
    }
    return this.shuffle.later(1 + below(slow.random, slow.turns), () => {
      if (!this.on) this.off(operation);
      work();
    });
  }
}
