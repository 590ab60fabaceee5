/** One workload from its steps to its crashes, and how a violation is told. */
import { seededRandom } from '../../fs/store/random.js';
import type { SparseBytes } from '../../fs/store/sparse-bytes.js';
import type { JournalMode } from '../../fs/volume/journal-mode.js';
import { type CrashOptions, crashEverywhere, type Violation } from './crashes.js';
import { Machine } from './machine.js';
import { Scripter } from './script.js';
import type { Workload } from './workloads.js';

export interface Outcome {
  readonly states: number;
  /** The steps as they were done, one a line. */
  readonly script: readonly string[];
  readonly violations: readonly Violation[];
}

export interface RunOptions extends Omit<CrashOptions, 'random'> {
  readonly journal: JournalMode;
  readonly seed: number;
  /** The commit that comes by itself a while later belongs to the workload. */
  readonly commit: boolean;
}

/** `image`: an empty filesystem. */
export async function runWorkload(image: SparseBytes, workload: Workload, options: RunOptions): Promise<Outcome> {
  const machine = await Machine.start(image, options.journal);
  const since = machine.disk.recording.now;
  await new Scripter(machine.model, machine.perform).play(workload);
  if (options.commit) await machine.commit();
  await machine.stop();
  const random = seededRandom(options.seed);
  const { states, violations } = await crashEverywhere(machine, since, { ...options, random });
  return { states, violations, script: machine.script };
}

/** For people: the workload as a script, where the power went, and what was wrong then. */
export function tell({ script, violations }: Outcome): string {
  const lines = violations.flatMap(({ step, left, why }) => [
    `the power goes during or after: ${step}`,
    `  ${left}`,
    ...why.map((line) => `  ${line}`),
  ]);
  return [...script.map((step) => `    ${step}`), ...lines].join('\n');
}
