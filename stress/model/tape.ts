/**
 * What a run noted in its history, in time, so that the history can be had as it was at any moment of the disk's
 * recording. What an operation changed counts from the moment in which it began: from then on it may be there.
 */
import type { Moment } from '../../fs/store/recording.js';
import type { Contents } from './contents.js';
import { type Effect, History, type Moment as HistoryMoment, type Version } from './history.js';
import type { Facts } from './state.js';

export type Noted =
  | { readonly what: 'effect'; readonly effect: Effect }
  | { readonly what: 'version'; readonly inode: number; readonly version: Version }
  | { readonly what: 'acknowledged'; readonly sequence: number }
  | { readonly what: 'durable'; readonly moment: HistoryMoment; readonly files: readonly number[] | undefined }
  | { readonly what: 'restart'; readonly facts: Facts; readonly files: ReadonlyMap<number, Contents> };

interface Entry {
  readonly at: Moment;
  readonly noted: Noted;
}

export class Tape {
  readonly entries: Entry[] = [];
  /** When it was begun. */
  readonly since: Moment;
  /** When the operation that is noted began. */
  begun: Moment;
  /** The facts and versions with which it starts. */
  readonly start: {
    readonly facts: Facts;
    readonly versions: ReadonlyMap<number, Version>;
    readonly namesFlush: boolean;
  };

  /** `history` has just been restarted; `now`: the moment of the disk. */
  constructor(
    history: History,
    private readonly now: () => Moment,
  ) {
    this.since = now();
    this.begun = this.since;
    const versions = new Map([...history.versions].map(([inode, list]) => [inode, list[list.length - 1]]));
    this.start = { facts: new Map(history.base), versions, namesFlush: history.namesFlush };
  }

  note(noted: Noted): void {
    const change = noted.what === 'effect' || noted.what === 'version';
    this.entries.push({ at: change ? this.begun : this.now(), noted });
  }
}

/** The history of a tape at a moment that only goes forward. */
export class HistoryPlayback {
  readonly history = new History();
  private readonly entries: readonly Entry[];
  private next = 0;

  constructor(tape: Tape) {
    const { facts, versions, namesFlush } = tape.start;
    this.history.namesFlush = namesFlush;
    for (const [key, value] of facts) this.history.base.set(key, value);
    for (const [inode, version] of versions) this.history.addVersion(inode, version);
    this.history.settle();
    this.entries = tape.entries.slice().sort((a, b) => a.at - b.at);
  }

  advance(moment: Moment): History {
    for (; this.next < this.entries.length && this.entries[this.next].at <= moment; this.next++) {
      this.apply(this.entries[this.next].noted);
    }
    return this.history;
  }

  private apply(noted: Noted): void {
    const { history } = this;
    if (noted.what === 'effect') history.addEffect(noted.effect);
    else if (noted.what === 'version') history.addVersion(noted.inode, noted.version);
    else if (noted.what === 'acknowledged') history.acknowledge(noted.sequence);
    else if (noted.what === 'durable') history.durable(noted.moment, noted.files);
    else history.restart(noted.facts, noted.files);
  }
}
