/**
 * Surgery on a tree that lost nodes: a new node is put where a bad one was, or the place is closed. The bad node is
 * neither read nor released; whose pages are live afterwards is counted anew by whoever repairs.
 *
 * Invariants: those of tree.ts. A new node stays within the range of the one that it replaces, and what stands above
 * it is made dirty first, so nothing on disk is written over.
 */
import { Pointer } from '../format/pointer.js';
import type { Generation, InodeNumber } from '../units.js';
import { words } from './key.js';
import { type Node, slotBytes, virtualPointer } from './node.js';
import type { NodeCache } from './node-cache.js';
import type { Tree } from './tree.js';

export interface GraftKey {
  readonly inode: InodeNumber;
  readonly kind: number;
  readonly offset: number;
}

/** A child that an inner node shall have: its first key in words, and where it lies. */
export interface GraftChild {
  readonly words: Uint32Array;
  readonly pointer: Pointer;
}

/** Most children of an inner node of so many bytes. */
export const childrenPerNode = (size: number): number => Math.floor((size - 32) / (slotBytes + Pointer.size));

export class Graft {
  constructor(
    private readonly tree: Tree,
    private readonly cache: NodeCache,
    private readonly generation: Generation,
  ) {}

  /** An empty dirty node, to be filled and put in by `replace`. */
  newNode(level: number): Node {
    const node = this.cache.create();
    node.clear(level, this.tree.id, this.tree.rootId, this.generation);
    return node;
  }

  /**
   * Put `node` in the place of the node of `level` in whose range the key lies; without one, close the place. All
   * nodes above must be readable. May throw Suspend before it changes anything.
   */
  replace(key: GraftKey, level: number, node: Node | undefined): void {
    const { tree } = this;
    if (level >= tree.height - 1) {
      this.setRoot(node ?? this.newNode(0));
      return;
    }
    const parent = tree.rewrite(key.inode, key.kind, key.offset, level + 1);
    const index = parent.childIndex();
    if (node !== undefined) {
      parent.setPointer(index, virtualPointer(node));
      return;
    }
    parent.remove(index);
    if (parent.count > 0) return;
    this.replace(key, level + 1, undefined);
    this.cache.drop(parent);
  }

  private setRoot(node: Node): void {
    this.tree.root = virtualPointer(node);
    this.tree.height = node.level + 1;
  }

  /**
   * Inner nodes up to `level` above `children`, which are in order and of `childLevel`. As many as one node of that
   * level can have below it; returns that node and how many there were.
   */
  build(children: readonly GraftChild[], childLevel: number, level: number): { node: Node; used: number } {
    const width = childrenPerNode(this.cache.nodeSize);
    const used = Math.min(children.length, width ** (level - childLevel));
    let below: readonly GraftChild[] = children.slice(0, used);
    for (let at = childLevel + 1; ; at++) {
      const row: GraftChild[] = [];
      let node: Node | undefined;
      for (let from = 0; from < below.length; from += width) {
        node = this.newNode(at);
        for (const child of below.slice(from, from + width)) {
          words.set(child.words);
          node.insert(node.count, new Uint8Array(Pointer.size));
          node.setPointer(node.count - 1, child.pointer);
        }
        row.push({ words: below[from].words, pointer: virtualPointer(node) });
      }
      if (at === level) return { node: node as Node, used };
      below = row;
    }
  }
}
