/**
 * Runs of random operations, each on a volume of its own, until there is an end or something is wrong; that is then made
 * a short script.
 */
import { seededRandom } from '../../fs/store/random.js';
import type { JournalMode } from '../../fs/volume/journal-mode.js';
import { VarveMaker } from '../system/varve.js';
import { type Maker, type Played, play } from './play.js';
import type { Script } from './script.js';
import { shrink } from './shrink.js';
import { drawSteps, notOnMount } from './steps.js';

export interface RandomOptions {
  readonly seed: number;
  readonly journal: JournalMode;
  /** Bytes of the disk. */
  readonly size: number;
  /** End after so many operations. */
  readonly operations: number;
  /** True: end after the operation under way. */
  readonly stop: () => boolean;
  /** Told before each operation: how many there were. */
  readonly progress?: ((operations: number) => void) | undefined;
  /** Varve in memory, unless told. */
  readonly maker?: Maker;
  /** The maker's is a folder on a mount. */
  readonly mount?: boolean;
}

export interface RandomReport {
  readonly seed: number;
  readonly journal: JournalMode;
  readonly operations: number;
  readonly runs: number;
  readonly counts: Readonly<Record<string, number>>;
  readonly failure: Failure | undefined;
}

export interface Failure {
  /** The shortest script that was found. */
  readonly script: Script;
  /** What is wrong when it is played. */
  readonly why: string;
  readonly trail: readonly string[];
}

/** Steps of a run: enough to fill a small volume and empty it again, few enough to be played again often. */
const stepsOfRun = 600;
const tide = 100;
const mostTries = 400;

/** Varve on small segments, so that the cleaner has work. */
export const varve: Maker = ({ journal }, now) => new VarveMaker({ now, journal, segmentShift: 5 });

/** Throws nothing that the system under test does wrong: that is the report's. */
export async function randomRuns(options: RandomOptions): Promise<RandomReport> {
  const { seed, journal, size, stop, maker = varve, mount = false } = options;
  const counts: Record<string, number> = {};
  let [operations, runs] = [0, 0];
  let failure: Failure | undefined;
  while (operations < options.operations && !stop() && failure === undefined) {
    const steps = Math.min(stepsOfRun, options.operations - operations);
    const script = drawScript({ seed: seed + runs, journal, size, mount }, steps);
    const before = operations;
    const played = await play(script, maker, stop, (steps) => options.progress?.(before + steps));
    operations += played.steps;
    options.progress?.(operations);
    runs++;
    for (const [name, value] of Object.entries(played.counts)) counts[name] = (counts[name] ?? 0) + value;
    if (played.failure !== undefined) failure = await shortest(script, played, maker, stop);
  }
  return { seed, journal, operations, runs, counts, failure };
}

function drawScript(script: Omit<Script, 'steps'>, steps: number): Script {
  const without = script.mount ? notOnMount : [];
  return { ...script, steps: [...drawSteps(seededRandom(script.seed), steps, tide, without)] };
}

/** The failing script without what it does not need. */
async function shortest(script: Script, played: Played, maker: Maker, stop: () => boolean): Promise<Failure> {
  // What came after the failure is not needed: a play ends there.
  const begun = script.steps.slice(0, played.steps);
  const steps = await shrink(begun, (part) => fails({ ...script, steps: part }, maker, stop), mostTries);
  const short = { ...script, steps };
  const { failure, trail } = await play(short, maker);
  return { script: short, why: failure ?? played.failure ?? '', trail };
}

async function fails(script: Script, maker: Maker, stop: () => boolean): Promise<boolean> {
  return !stop() && (await play(script, maker)).failure !== undefined;
}
