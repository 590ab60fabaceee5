/** Faults in what snapshots hold, and in what is given back when they go. */
import type { Mutant } from './mutant.js';

const snapshots = 'test/volume/snapshots.test.ts';
const lines = 'test/volume/lines.test.ts';
const cuts = 'test/crash/snapshots.test.ts';
const sweep = 'test/crash/sweep.test.ts#finds what was made, and nothing of what was deleted';

export const snapshotMutants: readonly Mutant[] = [
  {
    name: 'page-of-the-newest-snapshot-given-back',
    why: 'what was born in the generation of a snapshot is freed when the live tree drops it',
    file: 'fs/volume/apply.ts',
    from: `  if (birth <= state.newestSnapshot) state.dropped.add`,
    to: `  if (birth < state.newestSnapshot) state.dropped.add`,
    tests: [snapshots],
  },
  {
    name: 'deletion-takes-from-the-snapshot-before',
    why: 'what an older snapshot holds as well is given back with the newer one',
    file: 'fs/volume/leaving.ts',
    from: `      const kept = runs.filter(({ birth }) => birth <= floor);`,
    to: `      const kept = runs.filter(({ birth }) => birth < floor);`,
    tests: [snapshots, lines],
  },
  {
    name: 'waiting-runs-forgotten',
    why: 'what was dropped and is in no chunk yet when a deletion begins is never given back',
    file: 'fs/volume/leaving.ts',
    from: `    for (const { address, pages, birth } of waiting) if (birth > floor) giveBack(state, address, pages);`,
    to: ``,
    tests: [snapshots, lines],
  },
  {
    name: 'notes-not-handed-over',
    why: 'what the line of a deleted origin had dropped is lost to the branch that follows',
    file: 'fs/volume/leaving.ts',
    from: `      if (root.heir !== none) items.push(putChunk(root.heir, number, runs));`,
    to: ``,
    tests: [lines],
  },
  {
    name: 'cursor-of-a-deletion-not-kept',
    why: 'a deletion that was interrupted begins again, and gives back twice',
    file: 'fs/volume/leaving.ts',
    from: `    if (after !== undefined) items.push(putRoot(after));`,
    to: ``,
    tests: [lines, cuts],
  },
  {
    name: 'deletion-acknowledged-early',
    why: 'a snapshot whose deletion was acknowledged is back after a power cut',
    file: 'fs/volume/snapshots.ts',
    from: `state: rootState.deleted }));
    await this.host.checkpoints.checkpoint();`,
    to: `state: rootState.deleted }));`,
    tests: [sweep],
  },
  {
    name: 'branch-acknowledged-early',
    why: 'a branch that was made is not there after a power cut',
    file: 'fs/volume/lines.ts',
    from: `    await host.checkpoints.checkpoint();
    return made;`,
    to: `    return made;`,
    tests: [sweep],
  },
  {
    name: 'half-a-stream-visible',
    why: 'what is being received can be seen, as a branch, before all of it is there',
    file: 'fs/volume/receptions.ts',
    from: `state: keep ? rootState.partial : rootState.receiving`,
    to: `state: rootState.inUse`,
    tests: [sweep],
  },
];
