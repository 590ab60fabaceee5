/** What a sweep of crash states went through, and what it must have gone through to be worth something. */

/** Counts by name. Summed over all runs, workers and modes. */
export type Tally = Record<string, number>;

export function count(tally: Tally, name: string, by = 1): void {
  tally[name] = (tally[name] ?? 0) + by;
}

export function addTally(into: Tally, from: Tally): void {
  for (const [name, value] of Object.entries(from)) count(into, name, value);
}

/** Each must have happened. `the log wrapped`: more segments were written before the crash than there are places. */
export const required = [
  'slot A torn',
  'slot B torn',
  'both slots torn',
  'torn record with a valid later one',
  'cleanings during an fsync',
  'foreground cleanings',
  'the log wrapped',
  'ENOSPC',
  'recovery interrupted',
  'fsck interrupted',
] as const;

/** Besides these, of runs with snapshots. */
export const requiredOfRoots = [
  'deletion resumed',
  'deletion resumed midway',
  'origin of a branch deleted',
  'writes on old handles after a rollback',
  'pages freed on one of two branches',
  'snapshots sent',
  'streams received',
  'streams broken off',
  'reception resumed',
  'reception given up',
  'all roots removed',
] as const;

/** The counters of a volume and a harness that are among these, by their names there. */
const counters: Readonly<Record<string, string>> = {
  cleaningsDuringSync: 'cleanings during an fsync',
  foregroundCleanings: 'foreground cleanings',
  ENOSPC: 'ENOSPC',
  'origins deleted': 'origin of a branch deleted',
  rollbacks: 'rollbacks',
  'writes on old handles': 'writes on old handles after a rollback',
  'pages dropped beside a branch': 'pages freed on one of two branches',
  'streams sent': 'snapshots sent',
  'streams received': 'streams received',
  'streams broken off': 'streams broken off',
};

/** Take over what a run went through. */
export function addRun(tally: Tally, counts: Readonly<Record<string, number>>): void {
  count(tally, 'runs');
  for (const [counter, name] of Object.entries(counters)) if (counts[counter]) count(tally, name, counts[counter]);
}

/** Which of them never happened. */
export const missing = (tally: Tally, names: readonly string[] = required): string[] =>
  names.filter((name) => (tally[name] ?? 0) === 0);
