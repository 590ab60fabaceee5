/**
 * The bounded exhaustive workloads: those of one operation all, those of two as many as a seed draws. The whole of
 * the latter is `npm run ace`.
 */
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../fs/store/random.js';
import { type JournalMode, journalModes } from '../../fs/volume/journal-mode.js';
import { emptyImage } from '../../stress/ace/machine.js';
import { runWorkload, tell } from '../../stress/ace/run.js';
import { WorkloadSet } from '../../stress/ace/workloads.js';

const seed = 1;

/** Crash states of these workloads; fails at the first that breaks the promise. */
async function crash(set: WorkloadSet, numbers: Iterable<number>, journal: JournalMode): Promise<number> {
  const image = await emptyImage();
  let states = 0;
  for (const number of numbers) {
    const outcome = await runWorkload(image, set.at(number), {
      journal,
      seed: seed + number,
      plain: 2,
      drawn: 1,
      used: 0.1,
      commit: number % 8 === 0,
    });
    if (outcome.violations.length > 0) throw new Error(`workload ${number} of length ${set.length}:\n${tell(outcome)}`);
    states += outcome.states;
  }
  return states;
}

function drawn(set: WorkloadSet, count: number): number[] {
  const numbers: number[] = [];
  for (const number of set.scattered(seededRandom(seed))) if (numbers.push(number) === count) break;
  return numbers;
}

describe('workloads of one operation', () => {
  it.each([0, 1, 2, 3])('leave what ordered promises, whenever the power goes (quarter %i)', async (quarter) => {
    const set = new WorkloadSet(1);
    const numbers = Array.from({ length: set.count }, (_, i) => i).filter((number) => number % 4 === quarter);
    expect(await crash(set, numbers, 'ordered')).toBeGreaterThan(2 * numbers.length);
  });
});

describe('workloads of two operations', () => {
  it.each(journalModes)('leave what %s promises, in a sample', async (journal) => {
    const set = new WorkloadSet(2);
    expect(await crash(set, drawn(set, 25), journal)).toBeGreaterThan(100);
  });

  it('are each there once', () => {
    const set = new WorkloadSet(1);
    const seen = new Set([...set.scattered(seededRandom(seed))].map((number) => JSON.stringify(set.at(number))));
    expect(seen.size).toBe(set.count);
  });
});
