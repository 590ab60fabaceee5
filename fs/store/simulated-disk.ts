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
import { applyWrite, cutPower } from './crash-states.js';
import { type Fault, Faults } from './faults.js';
import { below, chance, type Random, seededRandom } from './random.js';
import { type Moment, Recording, type TimedWrite } from './recording.js';
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
  /** Keep all writes and barriers in `recording`. */
  readonly record?: boolean;
}

type CallName = 'read' | 'write' | 'barrier' | 'discard';

/** Why these bytes may not be written now, or undefined if they may. */
export type Guard = (offset: ImageOffset, length: number) => string | undefined;

export class SimulatedDisk implements Store {
  readonly name: string = 'simulated disk';
  readonly readOnly: boolean;
  readonly faults = new Faults();
  /** All writes and barriers, if they are kept; else only its clock runs. */
  readonly recording: Recording;
  /** Asked before each write and discard; a refusal is an error of the program, not of the disk. */
  guard: Guard | undefined;
  /** Writes that were refused by the guard: a test fails if there is any, even if someone swallowed the error. */
  readonly refusals: string[] = [];

  private readonly durable: SparseBytes;
  private readonly current: SparseBytes;
  /** Writes done that are not durable, in the order in which they were done. */
  private pending: TimedWrite[] = [];
  private readonly shuffle: Shuffle;
  /** Writes issued and not done, and the buffers that they are from. */
  private readonly flying = new Map<TimedWrite, readonly Uint8Array[]>();
  private readonly writing = new Set<Promise<void>>();
  private on = true;

  constructor(
    readonly size: number,
    private readonly options: DiskOptions = {},
  ) {
    this.readOnly = options.readOnly ?? false;
    this.current = options.contents ?? new SparseBytes(size);
    this.durable = this.current.copy();
    this.recording = options.record ? new Recording(this.durable.copy()) : new Recording();
    this.shuffle = new Shuffle(options.slow?.random ?? seededRandom(1));
  }

  get powered(): boolean {
    return this.on;
  }

  read(offset: ImageOffset, into: Uint8Array): Promise<void> | undefined {
    this.begin('read', offset, into.length);
    const fault = this.meet('read');
    return this.perform('read', () => this.current.read(offset, into), fault);
  }

  write(offset: ImageOffset, buffers: readonly Uint8Array[]): Promise<void> | undefined {
    let length = 0;
    for (const buffer of buffers) length += buffer.length;
    this.beginChange('write', offset, length);
    const fault = this.meet('write');
    if (fault?.what === 'lost') return undefined;
    const target = fault?.what === 'misdirected' ? offset + fault.by : offset;
    const write = this.issue(target, length);
    this.flying.set(write, buffers.slice());
    const work = this.perform(
      'write',
      () => {
        this.settle(write);
        this.put(write);
      },
      fault,
    );
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
    const fault = this.meet('barrier');
    const issued = this.recording.now;
    if (this.writing.size === 0) return this.completeBarrier(issued, fault);
    return Promise.all(this.writing).then(() => this.completeBarrier(issued, fault));
  }

  /** Writes issued before `issued` become durable. */
  private completeBarrier(issued: Moment, fault: Fault | undefined): Promise<void> | undefined {
    const settleEarlier = (): void => {
      const { recording } = this;
      recording.now++;
      if (this.options.record) recording.barriers.push(recording.now);
      this.pending = this.pending.filter((write) => {
        if (write.issued > issued) return true;
        write.durable = recording.now;
        applyWrite(this.durable, write);
        return false;
      });
    };
    return this.perform('barrier', settleEarlier, fault);
  }

  private issue(offset: number, length: number): TimedWrite {
    const { recording } = this;
    const later = Number.POSITIVE_INFINITY;
    const write = { offset, length, bytes: undefined, issued: ++recording.now, done: later, durable: later };
    if (this.options.record) recording.writes.push(write);
    return write;
  }

  /** The bytes are taken when a write is done, not when it is issued: a caller who reuses a buffer too early is found out. */
  private settle(write: TimedWrite): void {
    const buffers = this.flying.get(write);
    if (buffers) write.bytes = joined(buffers, write.length);
    this.flying.delete(write);
  }

  discard(offset: ImageOffset, length: number): Promise<void> | undefined {
    this.beginChange('discard', offset, length);
    this.put(this.issue(offset, length));
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
    const flying = [...this.flying.keys()];
    for (const write of flying) this.settle(write);
    this.pending.push(...flying);
    cutPower(contents, this.pending, random);
    return contents;
  }

  /**
   * The process dies now: what the host was handed is there, and of the writes under way some. The disk fails every call
   * from here on; the result is what the next process finds.
   */
  kill(random: Random): SparseBytes {
    this.on = false;
    const contents = this.current.copy();
    for (const write of [...this.flying.keys()]) {
      this.settle(write);
      if (chance(random, 0.5)) applyWrite(contents, write);
    }
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

  private put(write: TimedWrite): void {
    write.done = ++this.recording.now;
    applyWrite(this.current, write);
    this.pending.push(write);
  }

  /** Count the call; the fault that it meets is dealt with here as far as it can be. */
  private meet(call: 'read' | 'write' | 'barrier'): Fault | undefined {
    const fault = this.faults.meet(call);
    if (fault?.what === 'power') this.off(call);
    if (fault?.what === 'rot') this.flipBit(fault.offset, fault.bit);
    return fault;
  }

  private off(operation: string): never {
    this.on = false;
    throw new FsError('EIO', operation, undefined, 'the power is off');
  }

  private begin(call: CallName, offset: number, length: number): void {
    if (!this.on) this.off(call);
    if (offset < 0 || offset + length > this.size) {
      throw new FsError('EIO', call, undefined, `bytes ${offset} to ${offset + length} of ${this.size}`);
    }
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

  private perform(operation: string, work: () => void, fault?: Fault): Promise<void> | undefined {
    const { slow } = this.options;
    let turns = fault?.what === 'slow' ? fault.turns : 0;
    if (slow && !chance(slow.random, slow.inPlace)) turns = Math.max(turns, 1 + below(slow.random, slow.turns));
    if (turns === 0) {
      work();
      return undefined;
    }
    return this.shuffle.later(turns, () => {
      if (!this.on) this.off(operation);
      work();
    });
  }
}

/** A copy that no caller has. */
function joined(buffers: readonly Uint8Array[], length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const buffer of buffers) {
    bytes.set(buffer, at);
    at += buffer.length;
  }
  return bytes;
}
