/**
 * How far a long sweep has come, kept in a file: which tasks are done, what they went through, and the identity of each
 * image that was judged, so that a run can be ended at any time and gone on with. The sum is that of one run.
 *
 * Crash safety: a new file takes the place of the old one by a rename. Tasks that were under way are done again.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { deserialize, serialize } from 'node:v8';
import { type JournalMode, journalModes } from '../../fs/volume/journal-mode.js';
import { addTally, type Tally } from './tally.js';

/** What is kept. */
interface Kept {
  readonly seed: number;
  readonly modes: readonly JournalMode[];
  readonly next: number;
  readonly unfinished: readonly number[];
  readonly seconds: number;
  readonly tallies: ReadonlyMap<JournalMode, Tally>;
  readonly identities: Float64Array;
}

export class Progress {
  readonly identities = new Set<number>();
  readonly tallies: Map<JournalMode, Tally>;
  /** Of the parts that are over. */
  private secondsBefore = 0;
  private next = 0;
  /** Tasks that were begun and not finished, and those of them that nobody does now. */
  private readonly open = new Set<number>();
  private readonly left: number[] = [];

  constructor(
    readonly seed: number,
    readonly modes: readonly JournalMode[] = journalModes,
  ) {
    this.tallies = new Map(modes.map((mode) => [mode, {}]));
  }

  /** What the file says. Throws RangeError when it is of a run with another seed or other modes. */
  static load(file: string, seed: number, modes: readonly JournalMode[]): Progress {
    const kept = deserialize(readFileSync(file)) as Kept;
    if (kept.seed !== seed || kept.modes.join() !== modes.join())
      throw new RangeError(`${file} is of a run with the seed ${kept.seed} and the modes ${kept.modes.join(', ')}`);
    const progress = new Progress(seed, modes);
    progress.secondsBefore = kept.seconds;
    progress.next = kept.next;
    for (const task of kept.unfinished) {
      progress.open.add(task);
      progress.left.push(task);
    }
    for (const [mode, tally] of kept.tallies) addTally(progress.tallies.get(mode) as Tally, tally);
    for (const identity of kept.identities) progress.identities.add(identity);
    return progress;
  }

  /** `seconds`: that this part has taken. */
  save(file: string, seconds: number): void {
    const { seed, modes, next, tallies } = this;
    const identities = Float64Array.from(this.identities);
    const unfinished = [...this.open];
    const kept: Kept = { seed, modes, next, unfinished, seconds: this.seconds(seconds), tallies, identities };
    writeFileSync(`${file}.new`, serialize(kept));
    renameSync(`${file}.new`, file);
  }

  /** All parts together. */
  seconds(ofThisPart: number): number {
    return this.secondsBefore + ofThisPart;
  }

  /** Number of the next task. */
  take(): number {
    const task = this.left.shift() ?? this.next++;
    this.open.add(task);
    return task;
  }

  modeOf(task: number): JournalMode {
    return this.modes[task % this.modes.length];
  }

  finish(task: number, tally: Tally, identities: Iterable<number>): void {
    this.open.delete(task);
    addTally(this.tallies.get(this.modeOf(task)) as Tally, tally);
    for (const identity of identities) this.identities.add(identity);
  }
}
