/**
 * fsync between commits: one journal record with all batches since the last one, and one barrier, shared by all
 * who wait. While a group waits for its barrier, those who come later form the next group.
 */
import type { Checkpoints } from './checkpoints.js';
import { barrier, mustWork, type VolumeState } from './state.js';

/** A sync of at most so many pages is a small one. */
const mostSmall = 16;

export class GroupSync {
  private running: Promise<void> | undefined;
  private queued: Promise<void> | undefined;
  /** `log.pagesWritten` at the last barrier. */
  private covered = -1;

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
    if (this.running === undefined) {
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
    const { state } = this;
    const { log, journal, counters } = state;
    mustWork(state, 'fsync');
    try {
      if (journal.waitingBytes === 0 && this.covered === log.pagesWritten && journal.durable === journal.sequence - 1)
        return;
      const ready = this.prewrite();
      if (ready !== undefined) await ready;
      const before = journal.sequence - 1;
      const writes = journal.write(log.generation, state);
      if (writes === undefined) {
        await this.checkpoints.checkpoint();
        return;
      }
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
    } catch (e) {
      state.fail(e);
      throw e;
    }
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
