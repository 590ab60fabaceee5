/**
 * A position in a tree: the path from the root to a slot of a leaf. Valid until the tree changes or the operation ends.
 *
 * Invariants
 * 1. Each leaf has keys, all of them beyond those of the leaf before. A hostile tree whose nodes share children has more
 *    paths than it has nodes, by many orders of magnitude; no cursor gets to the same leaf twice.
 */
import type { CorruptionError } from '../errors.js';
import type { InodeNumber } from '../units.js';
import { keyInode, keyKind, keyOffset } from './key.js';
import type { Node } from './node.js';

/** How a cursor reaches other nodes. */
export interface Children {
  child(parent: Node, index: number): Node;
  /** What to throw when the keys of a leaf are out of place. */
  misplaced(leaf: Node): CorruptionError;
}

export class Cursor {
  private readonly nodes: Node[];
  private readonly slots: number[];

  /** `height` of the tree: arrays that grow from nothing would take 300 bytes for each look at a tree. */
  constructor(
    private readonly children: Children,
    height: number,
  ) {
    this.nodes = new Array<Node>(height);
    this.slots = new Array<number>(height);
  }

  /** Note a step of the descent: at the root, `depth` is 0. */
  enter(depth: number, node: Node, slot: number): void {
    this.nodes[depth] = node;
    this.slots[depth] = slot;
  }

  /** Where the position is. */
  get leaf(): Node {
    return this.nodes[this.nodes.length - 1];
  }
  private get slot(): number {
    return this.slots[this.slots.length - 1];
  }
  private set slot(n: number) {
    this.slots[this.slots.length - 1] = n;
  }

  get valid(): boolean {
    return this.slot >= 0 && this.slot < this.leaf.count;
  }
  get inode(): InodeNumber {
    return keyInode(this.leaf.keyWord(this.slot, 0), this.leaf.keyWord(this.slot, 1));
  }
  get kind(): number {
    return keyKind(this.leaf.keyWord(this.slot, 1));
  }
  get offset(): number {
    return keyOffset(this.leaf.keyWord(this.slot, 2), this.leaf.keyWord(this.slot, 3));
  }
  get value(): Uint8Array {
    return this.leaf.value(this.slot);
  }

  next(): void {
    this.slot++;
    this.settleForward();
  }

  /** To the first item of the next leaf. May throw Suspend. */
  nextLeaf(): void {
    this.slot = this.leaf.count;
    this.settleForward();
  }

  /** From behind a leaf's last slot to the next leaf's first, if there is one. */
  settleForward(): void {
    while (this.slot >= this.leaf.count) if (!this.step(1)) return;
  }

  /** From before a leaf's first slot to the previous leaf's last, if there is one. */
  settleBackward(): void {
    while (this.slot < 0) if (!this.step(-1)) return;
  }

  /** To the neighbouring leaf. False when there is none; the position then stays outside. */
  private step(direction: 1 | -1): boolean {
    let depth = this.nodes.length - 2;
    for (; depth >= 0; depth--) {
      const slot = this.slots[depth] + direction;
      if (slot >= 0 && slot < this.nodes[depth].count) break;
    }
    if (depth < 0) return false;
    let node = this.nodes[depth];
    let slot = this.slots[depth] + direction;
    const path: [Node, number][] = [[node, slot]];
    for (let d = depth + 1; d < this.nodes.length; d++) {
      node = this.children.child(node, slot);
      slot = direction === 1 ? 0 : node.count - 1;
      path.push([node, slot]);
    }
    const inOrder = direction === 1 ? node.follows(this.leaf) : node.count > 0 && this.leaf.follows(node);
    if (!inOrder) throw this.children.misplaced(node);
    for (const [i, [n, s]] of path.entries()) {
      this.nodes[depth + i] = n;
      this.slots[depth + i] = s;
    }
    return true;
  }
}
