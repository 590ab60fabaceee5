/** What a tree asks of the volume to which it belongs, and what it counts. */
import type { Address, Generation } from '../units.js';
import type { Node } from './node.js';

export interface TreeOwner {
  /** The open generation. */
  readonly generation: Generation;
  /** A node on disk is no longer needed by this root. */
  releaseNode(address: Address, pages: number, birth: Generation): void;
  /**
   * The item with the key in `words` is about to get another value, or undefined: to go. It lies at `index` of the leaf, or
   * (a new one) will. May change neither the leaf nor `words`.
   */
  itemChanges?(leaf: Node, index: number, value: Uint8Array | undefined): void;
}

/** Counts of what happened, for tests that must have seen it. */
export interface TreeCounters {
  splits: number;
  merges: number;
  freed: number;
}
