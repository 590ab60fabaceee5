/**
 * fsync between commits: one journal record with all batches since the last one, and one barrier, shared by all
 * who wait. While a group waits for its barrier, those who come later form the next group.
 *
 * A quick disk answers a barrier in place, and then nobody can come meanwhile: 16 writers would pay for a barrier
 * each. So a group first lets in who is at the door (`gather`), as PostgreSQL's commit_siblings does; one writer
 * alone is spared that, but for a look now and then whether it still is alone.
 */
import type { Checkpoints } from './checkpoints.js';
import { barrier, mustWork, type VolumeState } from './state.js';

/** A sync of at most so many pages is a small one. */
const mostSmall = 16;
/** After a group of several, so many groups look for others, though they find none; after that, one in so many. */
const lookout = 16;

export class GroupSync {
  private running: Promise<void> | undefined;
  private queued: Promise<void> | undefined;
  /** `log.pagesWritten` at the last barrier. */
  private covered = -1;
  /** The group under way has not written its record: who comes now belongs to it. */
  private gathering = false;
  private members = 0;
  /** Groups that will not look for others. */
  private alone = 0;
  /** Looks that may fail before a writer counts as alone. */
  private patience = 1;
  /** Resolves when all that callers have asked for so far has been begun; undefined: nobody can tell. */
  gather: (() => Promise<void>) | undefined;

  constructor(
    private readonly state: VolumeState,
    private readonly checkpoints: Checkpoints,
  ) {}

  /** A group is waiting for its barrier. */
  get waiting(): boolean {
    return this.running !== undefined;
  }

  /** Everything applied and appended before the call is durable when this resolves. Rejects with EIO. */
  sync(): Promise<void> {
    this.members++;
    if (this.gathering && this.running !== undefined) return this.running;
    if (this.running === undefined) {
      this.members = 1;
      this.running = this.once().finally(() => {
        this.running = undefined;
      });
      return this.running;
    }
    this.queued ??= this.running
      .catch(() => undefined)
      .then(() => {
        this.queued = undefined;
        return this.sync();
      });
    return this.queued;
  }

  /** Wait until no sync is under way. */
  async quiet(): Promise<void> {
    while (this.running !== undefined) await (this.queued ?? this.running).catch(() => undefined);
  }

  private async once(): Promise<void> {
    mustWork(this.state, 'fsync');
    // A checkpoint that fails says itself whether the volume has.
    if (!(await this.record())) await this.checkpoints.checkpoint();
  }

  /** Write a record and wait for its barrier. False when there is no place for one. */
  private async record(): Promise<boolean> {
    const { state } = this;
    const { log, journal, counters } = state;
    try {
      if (journal.waitingBytes === 0 && this.covered === log.pagesWritten && journal.durable === journal.sequence - 1)
        return true;
      if (this.gather !== undefined && this.alone-- <= 0) await this.others(this.gather);
      const ready = this.prewrite();
      if (ready !== undefined) await ready;
      const before = journal.sequence - 1;
      const writes = journal.write(log.generation, state);
      if (writes === undefined) return false;
      const sequence = journal.sequence - 1;
      counters.records += sequence - before;
      const written = log.pagesWritten;
      if (writes.length > 0) await Promise.all(writes);
      const landed = log.landed();
      if (landed !== undefined) await landed;
      mustWork(state, 'fsync');
      const done = barrier(state);
      if (done !== undefined) await done;
      journal.durable = Math.max(journal.durable, sequence);
      this.covered = written;
      return true;
    } catch (e) {
      state.fail(e);
      throw e;
    }
  }

  /** Let in who is at the door. */
  private async others(gather: () => Promise<void>): Promise<void> {
    this.gathering = true;
    try {
      await gather();
    } finally {
      this.gathering = false;
    }
    if (this.members > 1) this.patience = lookout;
    else if (--this.patience <= 0) [this.alone, this.patience] = [lookout, 1];
    mustWork(this.state, 'fsync');
  }

  /** Small synced appends come one after another: have blocks ready for those to come. */
  private prewrite(): Promise<unknown> | undefined {
    const { log, journal } = this.state;
    if (log.pagesWritten - this.covered > mostSmall) return undefined;
    const next = journal.next;
    const waits = [log.prewriter.ahead(next.place, next.page), log.prewriter.ahead(log.data.place, log.data.page)];
    return waits.some((wait) => wait !== undefined) ? Promise.all(waits) : undefined;
  }
}
