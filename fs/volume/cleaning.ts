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

/** Nodes that moving one segment's pages dirties: leaves of the relocation map, and their parents. */
const nodesOfVictim = 4;
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
        await this.cleanSome(short);
      }
      await this.checkpoints.checkpoint();
      if (table.reusablePlaces < target && table.pendingPlaces > 0) await this.checkpoints.checkpoint();
    }
    if (this.isShort(segments))
      throw new FsError('ENOSPC', 'clean', undefined, 'no segment holds space that could be won');
  }

  /** Clean victims until about `segments` places are won, or the places for moved pages run out. */
  private async cleanSome(segments: number): Promise<void> {
    const { table, log } = this.state;
    let won = 0;
    while (won < segments * log.perSegment) {
      const victim = greedy.choose(table, log.generation, 1);
      if (victim < 0) return;
      const live = table.live[victim];
      const room = (table.reusablePlaces - this.placesForCommit) * (log.perSegment - 1) + log.cold.room;
      if (live > room) return;
      if ((await this.clean(victim)) === false) return;
      won += log.perSegment - live;
    }
  }

  /**
   * Places that the two commits after the next victim may take, for the nodes dirty now, the few that moving dirties,
   * and what each commit appends. Exact, as a reserve that was used up is won back by it alone: with two places left,
   * one takes what lives in several victims.
   */
  private get placesForCommit(): number {
    const { space, cache, log } = this.state;
    const pages = (cache.dirty + nodesOfVictim) * space.perNode + 2 * pagesOfCommit;
    return Math.ceil(Math.max(0, pages - log.node.room) / (log.perSegment - 1));
  }

  /** One step of background work. True if there is more to do. */
  async step(): Promise<boolean> {
    const { table, space, counters, log } = this.state;
    if (this.making !== undefined || table.reusablePlaces + table.pendingPlaces >= space.lowPlaces) return false;
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
