/**
 * Faults of the store at some calls of a scenario of 200 operations; scripts/fault-sweep.ts takes every call, and
 * other seeds. A fault that nobody hears of would show as an unhandled rejection, which fails the run.
 */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { journalModes } from '../../fs/volume/journal-mode.js';
import { Sweep } from '../../stress/sweep/sweep.js';
import { VirtualTime } from '../../stress/system/virtual-time.js';

const time = new VirtualTime();
beforeEach(() => time.install());
afterEach(() => time.uninstall());

/** One position in so many, others in each mode. */
const step = 48;

it.each(journalModes)('journal=%s: no crash, no hang, no fsynced byte lost', async (journal) => {
  const sweep = await Sweep.of({ journal, seed: 2, operations: 200, inPlace: 0.5, time });
  const { counts, positions } = sweep;
  expect(counts.recoveredRecords).toBeGreaterThan(0);
  expect(counts.backgroundCleanings + counts.foregroundCleanings).toBeGreaterThan(0);
  expect(counts.checkpoints).toBeGreaterThan(10);
  expect(positions.length).toBeGreaterThan(500);
  const first = journalModes.indexOf(journal) * (step / journalModes.length);
  for (const [index, position] of positions.entries()) if (index % step === first) await sweep.run(position);
});

it('a fault that is never met is found out', async () => {
  const sweep = await Sweep.of({ journal: 'ordered', seed: 2, operations: 60, inPlace: 1, time });
  await expect(sweep.run({ kind: 'write', code: 'EIO', call: 1e6 })).rejects.toThrow('was never called');
});
