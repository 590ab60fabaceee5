/** Plays a script: its operations on the model and on a system that is made for it, with all that the harness compares. */

import type { SystemMaker } from '../system/system.js';
import { VirtualTime } from '../system/virtual-time.js';
import { Harness } from './harness.js';
import { perform } from './operations.js';
import type { Script } from './script.js';

/** The system under test, made anew for each play. */
export type Maker = (script: Script, now: () => number) => SystemMaker;

export interface Played {
  /** Steps that were begun. */
  readonly steps: number;
  /** What harness and system went through. */
  readonly counts: Readonly<Record<string, number>>;
  /** What the steps came to, one line for each operation. */
  readonly trail: readonly string[];
  /** What was wrong, or undefined. */
  readonly failure: string | undefined;
}

/** Lines of the trail that are kept. */
const mostLines = 200;
/** Of one write: a run takes a fraction of what must be free. */
const mostBytesOnMount = 128 << 10;

export async function play(
  script: Script,
  maker: Maker,
  stop: () => boolean = () => false,
  progress: (steps: number) => void = () => undefined,
): Promise<Played> {
  const time = new VirtualTime();
  const { seed, size, journal } = script;
  const system = maker(script, () => time.now);
  const bounds = system.kernel ? { mostBytes: mostBytesOnMount } : {};
  const harness = new Harness(system, { seed, size, time, journal, check: true, trail: mostLines, ...bounds });
  let steps = 0;
  let failure: string | undefined;
  time.install();
  try {
    await harness.start();
    for (const step of script.steps) {
      if (stop()) break;
      progress(steps++);
      await perform(harness, step);
    }
    await harness.finish();
  } catch (error) {
    failure = error instanceof Error ? messageOf(error) : String(error);
  } finally {
    time.uninstall();
    system.end?.();
  }
  return { steps, counts: harness.counts, trail: harness.trail, failure };
}

/** The trail is told apart; where an error that is no disagreement comes from is needed. */
function messageOf(error: Error): string {
  const [message] = error.message.split('\nafter:\n');
  return error.constructor.name === 'Disagreement' ? message : (error.stack ?? message);
}
