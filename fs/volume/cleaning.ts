/**
 * When the cleaner works. In the foreground when a writer needs a place and there are too few; in the background,
 * a segment at a time, when they are getting few. It makes places; whether there is space is not its question.
 */
import { type CleaningPolicy, greedy } from '../cleaner/policy.js';
import { FsError } from '../errors.js';
import type { Checkpoints } from './checkpoints.js';
import { mustWork, type VolumeState } from './state.js';

/** Rounds of cleaning and two commits before giving up: each wins at least part of a segment. */
const mostRounds = 400;

/** Leaves of the relocation map that moving a segment's pages usually dirties: these pages were often moved together. */
const usualNodes = 3;
/** Pages that a commit appends to the node head besides nodes: a summary, a copy of the checkpoint. */
const pagesOfCommit = 3;

export class Cleaning {
  private making: Promise<void> | undefined;
  private busy: Promise<unknown> | undefined;

  constructor(
    private readonly state: VolumeState,
    private readonly checkpoints: Checkpoints,
    private readonly syncing: () => boolean,
    private readonly policy: CleaningPolicy,
  ) {}

  /** Whether a writer of `segments` more segments of data must wait. */
  isShort(segments: number): boolean {
    return this.state.table.reusablePlaces < this.state.space.cleaningPlaces + segments;
  }

  /** Make places until `segments` segments of data can be written. Shared by all who wait: ask again afterwards. */
  makeRoom(segments = 1): Promise<void> {
    this.making ??= this.rounds(segments).finally(() => {
      this.making = undefined;
    });
    return this.making;
  }

  private async rounds(segments: number): Promise<void> {
    const { table, space, counters } = this.state;
    const target = space.cleaningPlaces + 2 + segments;
    for (let round = 0; round < mostRounds && table.reusablePlaces < target; round++) {
      mustWork(this.state, 'clean');
      const short = target + 1 - table.reusablePlaces - table.pendingPlaces;
      if (short > 0) {
        counters.foregroundCleanings++;
        // Commits alone win nothing, and each takes some pages.
        if ((await this.cleanSome(short)) === 0 && table.pendingPlaces === 0) break;
      }
      await this.checkpoints.checkpoint();
      if (table.reusablePlaces < target && table.pendingPlaces > 0) await this.checkpoints.checkpoint();
    }
    if (this.isShort(segments))
      throw new FsError('ENOSPC', 'clean', undefined, 'no segment holds space that could be won');
  }

  /**
   * Clean victims until about `segments` places are won, or the places for moved pages run out. Returns the victims.
   *
   * A reserve that was used up can be won back by this alone. So when caution allows nothing and no place is about
   * to be reusable, one victim with few live pages is moved counting on what moving usually takes.
   */
  private async cleanSome(segments: number): Promise<number> {
    const { table, log } = this.state;
    let victims = 0;
    for (let won = 0; won < segments * log.perSegment; victims++) {
      const victim = greedy.choose(table, log.generation, 1);
      if (victim < 0) break;
      const live = table.live[victim];
      const few = victims === 0 && table.pendingPlaces === 0 && live <= log.perSegment / 2;
      if (live > this.roomToMove(live) && !(few && live <= this.roomToMove(usualNodes))) break;
      if ((await this.clean(victim)) === false) break;
      won += log.perSegment - live;
    }
    return victims;
  }

  /** Pages that may be moved now, when moving dirties a node for each of `leaves` pages, and their parents. */
  private roomToMove(leaves: number): number {
    const { space, cache, log, system, table } = this.state;
    const nodes = cache.dirty + leaves + system.height;
    const pages = nodes * space.perNode + 2 * pagesOfCommit - log.node.room;
    const forCommit = Math.ceil(Math.max(0, pages) / (log.perSegment - 1));
    return (table.reusablePlaces - forCommit) * (log.perSegment - 1) + log.cold.room;
  }

  /** One step of background work. True if there is more to do. */
  async step(): Promise<boolean> {
    const { table, space, counters, log } = this.state;
    if (this.making !== undefined || table.reusablePlaces + table.pendingPlaces >= space.lowPlaces) return false;
    if (this.state.cache.dirty >= space.mostDirtyNodes / 2) return false;
    const victim = this.policy.choose(table, log.generation, Math.ceil(log.perSegment / 16));
    if (victim < 0 || table.reusablePlaces <= space.commitPlaces + 2) return false;
    counters.backgroundCleanings++;
    const moved = await this.clean(victim);
    return moved !== false;
  }

  /** Clean one victim; victims go one at a time. */
  private async clean(victim: number): Promise<number | false> {
    while (this.busy !== undefined) await this.busy.catch(() => undefined);
    if (this.syncing()) this.state.counters.cleaningsDuringSync++;
    const work = this.state.mover.clean(victim).finally(() => {
      this.busy = undefined;
    });
    this.busy = work;
    try {
      return await work;
    } finally {
      this.state.changed = true;
    }
  }

  /** Wait until no cleaning is under way. */
  async quiet(): Promise<void> {
    while (this.making !== undefined || this.busy !== undefined)
      await (this.making ?? this.busy)?.catch(() => undefined);
  }
}
