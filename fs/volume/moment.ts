/**
 * Something that happens at the very moment in which a generation ends: a root is kept. All that was acknowledged before
 * is in the tree by then, and nothing that comes later.
 */
import type { Generation } from '../units.js';

export interface Moment {
  /** With no other one: what it looked at must be so when it happens. */
  readonly alone?: boolean;
  /** Bring what is dirty into the tree. False when that can't be done at once: then it happens with a later checkpoint. */
  flush(): boolean;
  /** Bring in the nodes of the system tree that `happen` changes. May throw Suspend. */
  require(): void;
  /** The live tree is written, the system tree not yet. */
  happen(generation: Generation): void;
}
