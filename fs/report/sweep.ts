/** A walk through the leaves of the file tree for a report: by way of the host's memory, and without the cache of nodes. */
import { nodeDamage, type SweepEvents, TreeSweep } from '../scrub/tree-sweep.js';
import type { Volume } from '../volume/volume.js';

/** `good` and `bad` are told of each node that was read. A bad one ends all changes of the volume, as for a scrub. */
export function sweepOf({ state }: Volume, good: () => void, bad: () => void): TreeSweep {
  const events: SweepEvents = {
    read: () => Promise.resolve(),
    good,
    bad: (pointer, problem) => {
      bad();
      state.fail(nodeDamage(pointer, problem));
    },
  };
  return new TreeSweep(state, state.main, events, { from: state.store });
}
