/**
 * A sweep of crash states in one journalling mode: a run is recorded, states of it are taken and judged, and the next run
 * goes on from one of them; after some runs a new volume is begun. All follows from the seed.
 */
import type { CrashState, PendingWrite } from '../../fs/store/crash-states.js';
import { below, chance, type Random, seededRandom } from '../../fs/store/random.js';
import type { SparseBytes } from '../../fs/store/sparse-bytes.js';
import type { JournalMode } from '../../fs/volume/journal-mode.js';
import { KeptPlayback } from '../model/kept.js';
import { HistoryPlayback } from '../model/tape.js';
import { Harness } from '../random/harness.js';
import type { Recorded } from '../random/harness-options.js';
import { perform } from '../random/operations.js';
import { fixedSuperblock } from '../system/superblock.js';
import { VarveMaker } from '../system/varve.js';
import { VirtualTime } from '../system/virtual-time.js';
import { classify } from './classify.js';
import { Judge } from './judge.js';
import {
  type Beginning,
  beginning,
  beginnings,
  drawScenario,
  geometry,
  hasRoots,
  imageBytes,
  type Scenario,
} from './scenario.js';
import { statesOf } from './states.js';
import { addRun, count, type Tally } from './tally.js';

export interface SweepOptions {
  readonly journal: JournalMode;
  readonly seed: number;
  /** How the volumes of the runs begin; in every way unless told. States of some are dearer than those of others. */
  readonly beginnings?: readonly Beginning[];
  /** States to judge; those of the run at hand are judged to the end. */
  readonly states: number;
  /** True: end after the state that is being judged. */
  readonly stop?: () => boolean;
  /** Told of the identity of each state that was judged. */
  readonly judged?: (identity: number) => unknown;
}

/** A broken promise, and what leads to it. */
export interface Violation {
  readonly journal: JournalMode;
  readonly seed: number;
  /** Run within the sweep, from 0. */
  readonly run: number;
  readonly moment: number;
  /** What was done, the last operation last. */
  readonly trail: readonly string[];
  readonly why: readonly string[];
}

export interface SweepResult {
  readonly tally: Tally;
  readonly violation: Violation | undefined;
}

const runsPerVolume = 5;
/** States at a moment of a run with snapshots: more runs are worth more than more states of each. */
const statesWithRoots = 10;
const superblock = fixedSuperblock(imageBytes, geometry.segmentShift, geometry.places);

export class Sweep {
  readonly tally: Tally = {};
  private readonly seen = new Set<number>();
  private readonly random: Random;
  private readonly time = new VirtualTime();
  private next: { contents: SparseBytes; kind: Beginning } | undefined;

  constructor(private readonly options: SweepOptions) {
    this.random = seededRandom(options.seed);
  }

  async run(): Promise<SweepResult> {
    this.time.install();
    try {
      for (let run = 0; !this.done; run++) {
        const violation = await this.oneRun(run);
        if (violation) return { tally: this.tally, violation };
      }
      return { tally: this.tally, violation: undefined };
    } finally {
      this.time.uninstall();
    }
  }

  private get done(): boolean {
    return (this.tally.states ?? 0) >= this.options.states || this.options.stop?.() === true;
  }

  private async oneRun(run: number): Promise<Violation | undefined> {
    const { random, options } = this;
    const { journal, seed } = options;
    const now = (): number => this.time.now;
    if (run % runsPerVolume === 0 || !this.next) {
      const kinds = options.beginnings ?? beginnings;
      const kind = kinds[below(random, kinds.length)];
      this.next = { kind, contents: await beginning(kind) };
    }
    const { contents, kind } = this.next;
    const scenario = drawScenario(random, kind, journal);
    const harness = new Harness(new VarveMaker({ now, journal, ...geometry, nodeBytes: 1 << 20 }), {
      seed: below(random, 2 ** 31),
      size: imageBytes,
      time: this.time,
      journal,
      contents,
      record: true,
      mostBytes: scenario.mostBytes,
      trail: 200,
      roots: hasRoots(kind),
    });
    const violation = { journal, seed, run, moment: 0, trail: harness.trail };
    let recorded: Recorded;
    try {
      recorded = await record(harness, scenario);
    } catch (error) {
      return { ...violation, why: [error instanceof Error ? (error.stack ?? error.message) : String(error)] };
    }
    addRun(this.tally, harness.counts);
    const wrong = await this.judgeStates(recorded, kind);
    return wrong && { ...violation, ...wrong };
  }

  private isNew = (identity: number): boolean => {
    if (this.seen.has(identity)) return false;
    this.seen.add(identity);
    this.options.judged?.(identity);
    return true;
  };

  private async judgeStates(
    recorded: Recorded,
    kind: Beginning,
  ): Promise<{ moment: number; why: string[] } | undefined> {
    const { random, tally, isNew } = this;
    const judge = new Judge({
      journal: this.options.journal,
      superblock,
      random,
      tally,
      now: () => this.time.now,
      isNew,
      interrupted: 0.02,
      repaired: 0.006,
    });
    const history = new HistoryPlayback(recorded.tape);
    const kept = recorded.kept && new KeptPlayback(recorded.kept);
    const atMoment = kept ? statesWithRoots : 24;
    const states = statesOf(recorded.recording, recorded.since, { random, atMoment }, isNew);
    let taken = 0;
    for (const { moment, contents, state, pending, processOnly, fresh } of states) {
      // One of all states, each as likely, becomes the next volume.
      if (chance(random, 1 / ++taken)) this.next = { kind, contents: contents.copy() };
      classify(tally, superblock, pending, state);
      if (fresh) count(tally, 'states');
      if (processOnly) count(tally, 'deaths of the process');
      const whole = isWhole(state, pending);
      const about = { processOnly, whole, kept: kept?.advance(moment) };
      const why = await judge.judge(contents, history.advance(moment), about);
      if (why.length > 0) return { moment, why };
      if (this.options.stop?.() === true) break;
    }
    return undefined;
  }
}

async function record(harness: Harness, scenario: Scenario): Promise<Recorded> {
  await harness.start();
  for (const step of scenario.steps) {
    await perform(harness, step);
    harness.kept?.observe();
  }
  return harness.stopRecording(scenario.closed);
}

const isWhole = (state: CrashState, pending: readonly PendingWrite[]): boolean =>
  state.length === pending.length && state.every(({ kept }) => kept === undefined);
