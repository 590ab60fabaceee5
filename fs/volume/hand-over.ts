/**
 * Mode `data`: before an operation is acknowledged, the host has its pages and a record with its batches. That costs
 * copies into the host's memory and no barrier, and survives the death of the process. After a power cut, recovery
 * takes the records up to the first that is torn or whose pages are not there: a prefix of the operations.
 *
 * Invariants
 * 1. Who is told that its record has been handed over can rely on all earlier ones, whoever wrote them (an fsync does
 *    too): a chain with a gap ends there.
 * 2. No record is written while zeros are on their way to where it goes.
 */
import type { Checkpoints } from './checkpoints.js';
import { mustWork, type VolumeState } from './state.js';

export class HandOver {
  /** Records and pages that are on their way, and all those before. */
  private pending: Promise<void> | undefined;

  constructor(
    private readonly state: VolumeState,
    private readonly checkpoints: Checkpoints,
  ) {}

  /** Write a record with all batches that wait. Undefined when the host has everything. Throws or rejects with EIO. */
  handOver(): Promise<void> | undefined {
    const { journal, log, counters } = this.state;
    mustWork(this.state, 'write');
    if (journal.waitingBytes === 0) return this.arrival();
    const zeros = log.prewriter.pending;
    if (zeros !== undefined) return zeros.catch((e) => this.state.fail(e)).then(() => this.handOver());
    const before = journal.sequence;
    let written = false;
    try {
      written = journal.write(log.generation, this.state) !== undefined;
    } catch (e) {
      this.state.fail(e);
    }
    // Pages that were written in place may have failed as well.
    mustWork(this.state, 'write');
    if (!written) return this.follow(this.checkpoints.checkpoint());
    counters.records += journal.sequence - before;
    return this.arrival();
  }

  /** When the host has all records and pages written so far. Undefined when it has them already. */
  private arrival(): Promise<void> | undefined {
    const { journal, log } = this.state;
    const [records, pages] = [journal.landed(), log.landed()];
    if (records === undefined && pages === undefined) return this.pending;
    return this.follow(
      Promise.all([records, pages]).catch((e: unknown) => {
        this.state.fail(e);
        throw e;
      }),
    );
  }

  /** `work`, and everything before it, is done when the result resolves. */
  private follow(work: Promise<unknown>): Promise<void> {
    const all: Promise<void> = Promise.all([this.pending, work])
      .finally(() => {
        if (this.pending === all) this.pending = undefined;
      })
      .then(() => mustWork(this.state, 'write'));
    // A later operation waits for it, or nobody does.
    all.catch(() => undefined);
    this.pending = all;
    return all;
  }
}
