/**
 * When the cleaner works. In the foreground when a writer needs a place and there are too few; in the background,
 * a segment at a time, when they are getting few. It makes places; whether there is space is not its question.
 */
import { type CleaningPolicy, greedy } from '../cleaner/policy.js';
import { FsError } from '../errors.js';
import type { Place } from '../units.js';
import type { Checkpoints } from './checkpoints.js';
import { metBy, mustWork, type VolumeState } from './state.js';

/** Rounds of cleaning and two commits before giving up, and rounds in a row that win nothing. */
const mostRounds = 400;
const mostFruitless = 16;
/** Dead pages of a victim, at least, when places are needed: its last summary is one, and winning that wins nothing. */
const leastDead = 2;

/** Leaves of the relocation map that moving a segment's pages usually dirties: these pages were often moved together. */
const usualNodes = 3;
/** Pages that a commit appends to the node head besides nodes: a summary, a copy of the checkpoint. */
const pagesOfCommit = 3;

export class Cleaning {
  private making: Promise<boolean> | undefined;
  private busy: Promise<unknown> | undefined;

  constructor(
    private readonly state: VolumeState,
    private readonly checkpoints: Checkpoints,
    private readonly syncing: () => boolean,
    private readonly policy: CleaningPolicy,
  ) {}

  /** Reusable places that must be there before `segments` more segments of data are begun. */
  placesFor(segments: number): number {
    return this.state.space.cleaningPlaces + segments;
  }

  /**
   * Make places, at least `least` of them; more, so that not every writer has to ask. The work is shared by all who
   * wait: ask again afterwards, as others may have been quicker. Throws ENOSPC when there are fewer and none can be
   * won any more.
   */
  async makeRoom(least: number): Promise<void> {
    this.making ??= this.rounds(Math.max(least, this.placesFor(1)) + 2).finally(() => {
      this.making = undefined;
    });
    const reached = await this.making;
    if (!reached && this.state.table.reusablePlaces < least)
      throw new FsError('ENOSPC', 'clean', undefined, 'no segment holds space that could be won');
  }

  /** Clean and commit until `target` places may be written. False when no more can be won. */
  private async rounds(target: number): Promise<boolean> {
    const { table, counters } = this.state;
    if (table.reusablePlaces >= target) return true;
    let fruitless = 0;
    for (let round = 0; table.reusablePlaces < target && round < mostRounds && fruitless < mostFruitless; round++) {
      mustWork(this.state, 'clean');
      const free = table.reusablePlaces + table.pendingPlaces;
      const short = target + 1 - free;
      if (short > 0) {
        counters.foregroundCleanings++;
        // Commits alone win nothing, and each takes some pages.
        if ((await this.cleanSome(short)) === 0 && table.pendingPlaces === 0) break;
      }
      await this.checkpoints.checkpoint();
      if (table.reusablePlaces < target && table.pendingPlaces > 0) await this.checkpoints.checkpoint();
      fruitless = table.reusablePlaces + table.pendingPlaces > free ? 0 : fruitless + 1;
    }
    return table.reusablePlaces >= target;
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
    for (let won = 0; won < segments * log.perSegment; ) {
      const victim = this.victim();
      if (victim < 0) break;
      const live = table.live[victim];
      const few = victims === 0 && table.pendingPlaces === 0 && live <= log.perSegment / 2;
      if (live > this.roomToMove(live) && !(few && live <= this.roomToMove(usualNodes))) break;
      // One that was left alone is not chosen again.
      if ((await this.clean(victim)) === false) continue;
      victims++;
      won += log.perSegment - live;
    }
    return victims;
  }

  /** The policy's, unless that has too much live to be moved now; then what is emptied most quickly. -1: there is none. */
  private victim(): Place | -1 {
    const { table, log } = this.state;
    const wanted = this.policy.choose(table, log.generation, Math.ceil(log.perSegment / 16));
    if (wanted >= 0 && table.live[wanted] <= this.roomToMove(table.live[wanted])) return wanted;
    return greedy.choose(table, log.generation, leastDead);
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
    await this.clean(victim);
    return true;
  }

  /** Empty a segment, whatever it holds, after making sure of places. Throws ENOSPC when there are none. */
  async evacuate(place: number): Promise<void> {
    await this.makeRoom(this.placesFor(2));
    await this.clean(place);
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
    } catch (e) {
      throw metBy(this.state, e, 'segment');
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
