/**
 * In which order a scrub goes through the roots of a volume, so that each page is read once, however many roots share it:
 * kept roots, the oldest first, and the live one last; and of each only what was born after the nearest root before it that
 * has been gone through. A root shares with that one all that is older (docs/DESIGN.md, "Snapshots").
 *
 * Roots come and go meanwhile. One that was deleted leaves its pages to those that follow it, which then begin further back;
 * one that was made since has nothing that the live tree had not.
 */
import { rootState } from '../format/item.js';
import type { Generation } from '../units.js';
import type { KeptRoot } from '../volume/kept-roots.js';
import type { VolumeState } from '../volume/state.js';

export class RootOrder {
  private readonly waiting: readonly number[];
  private readonly verified = new Set<number>();

  constructor(private readonly state: VolumeState) {
    this.waiting = [...state.roots.all()]
      .sort((a, b) => a.generation - b.generation || a.id - b.id)
      .map(({ id }) => id);
  }

  /** Kept roots that are in use when their turn comes. */
  *kept(): Iterable<KeptRoot> {
    for (const id of this.waiting) {
      const root = this.state.roots.get(id);
      if (root?.state === rootState.inUse) yield root;
    }
  }

  /** All of the root has been gone through. */
  done({ id }: KeptRoot): void {
    this.verified.add(id);
  }

  /** What was born at or before this generation has been seen, of a root that follows this one; 0: nothing. */
  seen(parent: number): Generation {
    const { roots } = this.state;
    for (let root = roots.get(parent); root !== undefined; root = roots.get(root.parent))
      if (this.verified.has(root.id)) return root.generation;
    return 0;
  }
}
