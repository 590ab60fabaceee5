/**
 * Everything that a simulated disk was told, in time: what it holds if the power goes at any moment can be had
 * afterwards, as often as one likes. A moment is the number of events before it: a write is issued, a write is done
 * (it is in the cache of the host, and reads see it), a barrier has completed.
 *
 * Invariants
 * 1. issued < done < durable, for each write; a discard is done when it is issued.
 * 2. A barrier makes those writes durable that were issued before it was.
 */
import { applyWrite, type PendingWrite } from './crash-states.js';
import { SparseBytes } from './sparse-bytes.js';

export type Moment = number;

/** A write or discard and when it came how far; Infinity: not yet. */
export interface TimedWrite extends PendingWrite {
  bytes: Uint8Array | undefined;
  readonly issued: Moment;
  done: Moment;
  durable: Moment;
}

export class Recording {
  /** The last moment so far. */
  now: Moment = 0;
  /** In the order of issue. */
  readonly writes: TimedWrite[] = [];
  /** When barriers completed. */
  readonly barriers: Moment[] = [];

  /** `base`: what the disk held at first. */
  constructor(readonly base: SparseBytes = new SparseBytes(0)) {}
}

/** The disk of a recording at a moment that only goes forward. */
export class Playback {
  moment: Moment = 0;
  /** What is durable. Copy it before changing it. */
  readonly durable: SparseBytes;
  private readonly settled: TimedWrite[];
  private nextSettled = 0;
  private nextIssued = 0;
  private unsettled: TimedWrite[] = [];

  /** `settling`: told of each write that becomes durable, before it is applied. */
  constructor(
    private readonly recording: Recording,
    private readonly settling: (write: PendingWrite) => void = () => undefined,
  ) {
    this.durable = recording.base.copy();
    this.settled = recording.writes
      .filter(({ durable }) => durable < Number.POSITIVE_INFINITY)
      .sort((a, b) => a.durable - b.durable || a.done - b.done);
  }

  /** To a moment not before the present one. */
  advance(moment: Moment): void {
    const { writes } = this.recording;
    for (; this.nextSettled < this.settled.length; this.nextSettled++) {
      const write = this.settled[this.nextSettled];
      if (write.durable > moment) break;
      this.settling(write);
      applyWrite(this.durable, write);
    }
    while (this.nextIssued < writes.length && writes[this.nextIssued].issued <= moment) {
      this.unsettled.push(writes[this.nextIssued++]);
    }
    this.unsettled = this.unsettled.filter(({ durable }) => durable > moment);
    this.moment = moment;
  }

  /** Writes that a power cut may take, in the order in which they were done; those under way come last. */
  pending(): readonly TimedWrite[] {
    return this.unsettled.slice().sort((a, b) => a.done - b.done || a.issued - b.issued);
  }

  /** Those of them that the host has: the death of the process alone does not take them. */
  arrived(): readonly TimedWrite[] {
    return this.pending().filter(({ done }) => done <= this.moment);
  }
}
