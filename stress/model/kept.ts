/**
 * Which roots there are beside the live one, and which line is live, as it was at any moment of the disk's recording. A
 * change counts from the moment in which it began: from then on all of it may be there; and from the moment in which it was
 * acknowledged all of it is.
 */
import type { Moment } from '../../fs/store/recording.js';
import type { Holding } from './holding.js';

/** Name of a snapshot or a branch. */
export type Names = ReadonlyMap<string, Holding>;

export interface Kept {
  readonly snapshots: Names;
  readonly branches: Names;
  /** Number of the line that is live. */
  readonly line: number;
  /** Its name. */
  readonly lineName: string;
}

/** What comes and goes (undefined) together. */
export interface Change {
  readonly label: string;
  readonly snapshots?: readonly (readonly [string, Holding | undefined])[];
  readonly branches?: readonly (readonly [string, Holding | undefined])[];
  /** Another line is live then. */
  readonly live?: { readonly name: string; readonly holding: Holding };
}

/** A change that makes another line live. */
export type Turn = Change & Required<Pick<Change, 'live'>>;

/** The roots after a change; of the live line the number stays, which nobody knows but who asks for it. */
export function changed(kept: Kept, { snapshots, branches, live }: Change): Kept {
  return {
    snapshots: withChanges(kept.snapshots, snapshots),
    branches: withChanges(kept.branches, branches),
    line: kept.line,
    lineName: live?.name ?? kept.lineName,
  };
}

function withChanges(names: Names, changes: Change['snapshots'] = []): Names {
  const after = new Map(names);
  for (const [name, holding] of changes) {
    if (holding === undefined) after.delete(name);
    else after.set(name, holding);
  }
  return after;
}

type Entry =
  | { readonly at: Moment; readonly begun: Change }
  | { readonly at: Moment; readonly ended: Change; readonly done: boolean; readonly line: number };

/** Notes changes while they are made. */
export class KeptLog {
  readonly entries: Entry[] = [];
  /** With all changes that were acknowledged. */
  now: Kept;

  constructor(
    readonly start: Kept,
    private readonly moment: () => Moment,
  ) {
    this.now = start;
  }

  begin(change: Change): void {
    this.entries.push({ at: this.moment(), begun: change });
  }

  /** It was acknowledged, or refused. `line`: the one that is live now. */
  end(change: Change, done: boolean, line: number): void {
    this.entries.push({ at: this.moment(), ended: change, done, line });
    if (done) this.now = { ...changed(this.now, change), line };
  }
}

/** What there is at a moment, and what is under way. */
export interface KeptThen {
  readonly kept: Kept;
  readonly underWay: readonly Change[];
}

/** The log at moments that only go forward. */
export class KeptPlayback {
  private kept: Kept;
  private underWay: readonly Change[] = [];
  private next = 0;

  constructor(private readonly log: KeptLog) {
    this.kept = log.start;
  }

  advance(moment: Moment): KeptThen {
    const { entries } = this.log;
    for (; this.next < entries.length && entries[this.next].at <= moment; this.next++) {
      const entry = entries[this.next];
      if ('begun' in entry) this.underWay = [...this.underWay, entry.begun];
      else {
        this.underWay = this.underWay.filter((change) => change !== entry.ended);
        if (entry.done) this.kept = { ...changed(this.kept, entry.ended), line: entry.line };
      }
    }
    return { kept: this.kept, underWay: this.underWay };
  }
}
