/**
 * What a long run must have gone through to be worth something.
 */

/** Name for people, counter of the volume or the harness, least value. */
const events: readonly (readonly [name: string, counter: string, least: number])[] = [
  ['nodes split', 'splits', 1],
  ['nodes merged', 'merges', 1],
  ['a tree of three levels', 'max height', 3],
  ['the log wrapped three times', 'wraps', 3],
  ['background cleaning', 'backgroundCleanings', 1],
  ['foreground cleaning', 'foregroundCleanings', 1],
  ['cleaning while an fsync waits', 'cleaningsDuringSync', 1],
  ['ENOSPC', 'ENOSPC', 1],
  ['a relocation-map entry died', 'relocationsDied', 1],
  ['moved pages laid anew', 'resettled', 1],
  ['power cuts', 'power cuts', 1],
  ['cuts in the middle of an operation', 'cuts during an operation', 1],
  ['cuts in the middle of a recovery', 'cuts during recovery', 1],
  ['remounts', 'remounts', 1],
];

/** Which of the events never happened, by the counters of a run. */
export const missingEvents = (counts: Readonly<Record<string, number>>): string[] =>
  events.filter(([, counter, least]) => (counts[counter] ?? 0) < least).map(([name]) => name);
