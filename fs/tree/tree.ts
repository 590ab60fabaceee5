/**
 * The map: a copy-on-write B+tree of items (inode, kind, offset) -> value, after Rodeh's "B-trees, Shadowing, and
 * Clones" (ACM TOS 2008) for the copying and Johnson & Shasha's "B-trees with Inserts and Deletes: Why
 * Free-at-Empty Is Better Than Merge-at-Half" (1989) for deletion: a node is freed when it is empty, and merged
 * with a neighbour when it is nearly so and the neighbour happens to be in memory.
 *
 * Invariants
 * 1. All leaves have level 0 and the same depth; a child's level is its parent's less one.
 * 2. The keys under slot i of an inner node are at or after its key (for i = 0: after nothing) and before slot
 *    i + 1's key.
 * 3. A node is changed only while dirty, and its parent is then dirty too. Dirty nodes have virtual addresses.
 * 4. `change` does all or nothing: whatever it needs is in memory before it starts.
 *
 * Crash safety: nodes on disk are never overwritten; the checkpoint that names a new root is written after them.
 */
import { CorruptionError } from '../errors.js';
import { maxItemBytes } from '../format/item.js';
import { Pointer } from '../format/pointer.js';
import { type InodeNumber, pageSize } from '../units.js';
import type { Delete, Put } from './batch.js';
import { Cursor } from './cursor.js';
import { isKey, keepKey, restoreKey, splitKey, words } from './key.js';
import { firstVirtual, type Node, slotBytes, virtualPointer } from './node.js';
import type { NodeCache } from './node-cache.js';
import type { TreeCounters, TreeOwner } from './owner.js';
import { writeNodes } from './write-nodes.js';

export const treeId = { main: 0, system: 1 } as const;

const maxHeight = 12;
const innerNeed = slotBytes + Pointer.size;
const blankPointer = new Uint8Array(Pointer.size);

export class Tree {
  /** Root node: its pointer as on disk while clean; `address` is virtual while it is dirty. */
  root: Pointer;
  height: number;
  /** Nodes of the tree. */
  nodes = 0;
  readonly counters: TreeCounters = { splits: 0, merges: 0, freed: 0 };

  constructor(
    private readonly cache: NodeCache,
    private readonly owner: TreeOwner,
    readonly id: number,
    public rootId: number,
    root?: { pointer: Pointer; height: number; nodes?: number },
  ) {
    if (root !== undefined) {
      this.nodes = root.nodes ?? 0;
      if (root.height < 1 || root.height > maxHeight)
        throw new CorruptionError('checkpoint', `tree ${id}`, `height ${root.height}`);
      this.root = root.pointer;
      this.height = root.height;
    } else {
      const leaf = this.newNode(0);
      this.root = virtualPointer(leaf);
      this.height = 1;
    }
  }

  /** Be another tree from now on; nothing is dirty. */
  turn(rootId: number, to: { readonly pointer: Pointer; readonly height: number; readonly nodes: number }): void {
    this.rootId = rootId;
    this.root = to.pointer;
    this.height = to.height;
    this.nodes = to.nodes;
  }

  /** The root node. May throw Suspend. */
  rootNode(): Node {
    return this.cache.get(this.root, this.height - 1, this.id, this.owner.generation);
  }

  /** A child. May throw Suspend. */
  child(parent: Node, index: number): Node {
    const known = this.cache.peek(parent.childAddress(index));
    return known ?? this.cache.get(parent.pointer(index), parent.level - 1, this.id, this.owner.generation);
  }

  /** To be thrown: see Cursor. */
  misplaced(node: Node): CorruptionError {
    return this.cache.problem(`address ${node.address}`, 'its keys are not between those of the leaves beside it');
  }

  /** Value of the item with just that key: a view, valid until the next change. May throw Suspend. */
  get(inode: InodeNumber, kind: number, offset: number): Uint8Array | undefined {
    splitKey(inode, kind, offset);
    const leaf = this.leaf();
    const index = leaf.lowerBound();
    return leaf.matches(index) ? leaf.value(index) : undefined;
  }

  /** The leaf in whose range the key in `words` lies. May throw Suspend. */
  private leaf(): Node {
    let node = this.rootNode();
    for (let level = this.height - 1; level > 0; level--) node = this.child(node, node.childIndex());
    return node;
  }

  /** First item at or after the key. May throw Suspend. */
  seek(inode: InodeNumber, kind: number, offset: number): Cursor {
    const cursor = this.descend(inode, kind, offset, false);
    cursor.settleForward();
    return cursor;
  }

  /** Last item at or before the key. May throw Suspend. */
  floor(inode: InodeNumber, kind: number, offset: number): Cursor {
    const cursor = this.descend(inode, kind, offset, true);
    cursor.settleBackward();
    return cursor;
  }

  private descend(inode: InodeNumber, kind: number, offset: number, before: boolean): Cursor {
    splitKey(inode, kind, offset);
    const { height } = this;
    const cursor = new Cursor(this, height);
    let node = this.rootNode();
    for (let depth = 0; depth < height - 1; depth++) {
      const index = node.childIndex();
      cursor.enter(depth, node, index);
      node = this.child(node, index);
    }
    const index = node.lowerBound();
    cursor.enter(height - 1, node, before && !node.matches(index) ? index - 1 : index);
    return cursor;
  }

  /** Bring in the leaf of a key, so that a change of it can't suspend. Throws Suspend while it is not in memory. */
  require(inode: InodeNumber, kind: number, offset: number): void {
    splitKey(inode, kind, offset);
    this.leaf();
  }

  /** Check the items and bring in what a change needs. Throws Suspend, or RangeError for what no node can hold. */
  prepare(items: readonly (Put | Delete)[]): void {
    for (const item of items) {
      if (!isKey(item.inode, item.kind, item.offset))
        throw new RangeError(`no key: ${item.inode} ${item.kind} ${item.offset}`);
      if (item.type === 'put' && item.value.length > maxItemBytes)
        throw new RangeError(`an item of ${item.value.length} bytes`);
      this.require(item.inode, item.kind, item.offset);
    }
  }

  /**
   * Do prepared puts and deletes, each key at most once. Puts go first: a delete may free the leaf that was prepared
   * for a put, and the leaf that then covers the key need not be in memory.
   */
  change(items: readonly (Put | Delete)[]): void {
    for (const item of items) {
      if (item.type !== 'put') continue;
      splitKey(item.inode, item.kind, item.offset);
      this.put(item.value);
    }
    for (const item of items) {
      if (item.type !== 'delete') continue;
      splitKey(item.inode, item.kind, item.offset);
      this.delete();
    }
  }

  private put(value: Uint8Array): void {
    keepKey();
    let node = this.dirtyRoot();
    if (node.level > 0 && node.free < innerNeed) {
      node = this.growRoot(node);
      restoreKey();
    }
    while (node.level > 0) {
      let index = node.childIndex();
      let child = this.dirtyChild(node, index);
      if (child.level > 0 && child.free < innerNeed) {
        this.split(node, index, child, child.middle());
        restoreKey();
        index = node.childIndex();
        child = this.dirtyChild(node, index);
      }
      if (child.level === 0) {
        this.putInLeaf(node, index, child, value);
        return;
      }
      node = child;
    }
    // The root is the leaf.
    if (this.fits(node, value)) {
      this.putAt(node, value);
      return;
    }
    const parent = this.raiseRoot(node);
    restoreKey();
    this.putInLeaf(parent, 0, node, value);
  }

  private fits(leaf: Node, value: Uint8Array): boolean {
    const at = leaf.lowerBound();
    return leaf.matches(at) ? leaf.free + leaf.valueLength(at) >= value.length : leaf.free >= slotBytes + value.length;
  }

  private putAt(leaf: Node, value: Uint8Array): void {
    const at = leaf.lowerBound();
    this.owner.itemChanges?.(leaf, at, value);
    if (leaf.matches(at)) leaf.replace(at, value);
    else leaf.insert(at, value);
  }

  /** Put into a dirty leaf, splitting it if need be; `parent` has room for one more child. */
  private putInLeaf(parent: Node, index: number, leaf: Node, value: Uint8Array): void {
    if (this.fits(leaf, value)) {
      this.putAt(leaf, value);
      return;
    }
    const at = leaf.lowerBound();
    const append = at === leaf.count;
    // Items that arrive in order leave full leaves behind them.
    this.split(parent, index, leaf, append ? leaf.count : leaf.middle(), append);
    restoreKey();
    const half = this.dirtyChild(parent, parent.childIndex());
    this.putAt(half, value);
  }

  /** Move slots [from, count) of a dirty child to a new right neighbour; with `append` its key is the one in `words`. */
  private split(parent: Node, index: number, child: Node, from: number, append = false): void {
    this.counters.splits++;
    const right = this.newNode(child.level);
    if (!append) {
      child.moveTail(from, right);
      right.loadKey(0);
    }
    parent.insert(index + 1, blankPointer);
    parent.setChildAddress(index + 1, right.address);
  }

  /** A new root above a dirty one. */
  private raiseRoot(old: Node): Node {
    const root = this.newNode(old.level + 1);
    words.fill(0);
    root.insert(0, blankPointer);
    root.setChildAddress(0, old.address);
    this.root = virtualPointer(root);
    this.height++;
    return root;
  }

  private growRoot(old: Node): Node {
    const root = this.raiseRoot(old);
    this.split(root, 0, old, old.middle());
    return root;
  }

  private readonly pathNodes: Node[] = [];
  private readonly pathSlots: number[] = [];

  private delete(): void {
    let probe = this.rootNode();
    for (let level = this.height - 1; level > 0; level--) {
      const child = this.cache.peek(probe.childAddress(probe.childIndex()));
      // The leaf that was prepared went with the last of its items.
      if (child === undefined) return;
      probe = child;
    }
    if (!probe.matches(probe.lowerBound())) return;
    const nodes = this.pathNodes;
    const slots = this.pathSlots;
    nodes.length = 0;
    slots.length = 0;
    let node = this.dirtyRoot();
    while (node.level > 0) {
      const index = node.childIndex();
      nodes.push(node);
      slots.push(index);
      node = this.dirtyChild(node, index);
    }
    const at = node.lowerBound();
    this.owner.itemChanges?.(node, at, undefined);
    node.remove(at);
    for (let depth = nodes.length - 1; depth >= 0; depth--) {
      if (!this.shrink(nodes[depth], slots[depth], node)) break;
      node = nodes[depth];
    }
    this.lowerRoot();
  }

  /** After a removal in a dirty child: free it if empty, merge it if nearly so. True if the parent has lost a slot. */
  private shrink(parent: Node, index: number, child: Node): boolean {
    if (child.count === 0) {
      this.drop(child);
      parent.remove(index);
      this.counters.freed++;
      return true;
    }
    if (child.load >= child.size / 4) return false;
    for (const other of [index - 1, index + 1]) {
      if (other < 0 || other >= parent.count) continue;
      const sibling = this.cache.peek(parent.childAddress(other));
      if (sibling === undefined || sibling.load + child.load > (child.size * 3) / 4) continue;
      const left = Math.min(index, other);
      const into = this.dirtyChild(parent, left);
      const from = this.dirtyChild(parent, left + 1);
      // An inner node's first key stands for "lower than all": in its new place it must be the separator.
      if (from.level > 0) this.lowerFirstKey(parent, left + 1, from);
      from.moveTail(0, into);
      this.drop(from);
      parent.remove(left + 1);
      this.counters.merges++;
      return true;
    }
    return false;
  }

  private lowerFirstKey(parent: Node, index: number, child: Node): void {
    const pointer = child.value(0).slice();
    child.remove(0);
    parent.loadKey(index);
    child.insert(0, pointer);
  }

  /** An inner root with one child gives way to it; one without children becomes a leaf. */
  private lowerRoot(): void {
    let root = this.rootNode();
    while (root.level > 0 && root.count <= 1) {
      if (root.count === 0) {
        const leaf = this.newNode(0);
        this.drop(root);
        this.root = virtualPointer(leaf);
        this.height = 1;
        return;
      }
      const child = this.cache.peek(root.childAddress(0));
      if (child === undefined) return;
      const pointer = child.dirty ? virtualPointer(child) : root.pointer(0);
      if (!root.dirty) this.owner.releaseNode(root.address, root.bytes.length / pageSize, root.birth);
      this.drop(root);
      this.root = pointer;
      this.height--;
      root = child;
    }
  }

  private drop(node: Node): void {
    this.cache.drop(node);
    this.nodes--;
  }

  private newNode(level: number): Node {
    this.nodes++;
    const node = this.cache.create();
    node.clear(level, this.id, this.rootId, this.owner.generation);
    return node;
  }

  private dirtyRoot(): Node {
    const node = this.rootNode();
    if (!node.dirty) {
      this.makeDirty(node);
      this.root = virtualPointer(node);
    }
    return node;
  }

  private dirtyChild(parent: Node, index: number): Node {
    const node = this.child(parent, index);
    if (!node.dirty) {
      this.makeDirty(node);
      parent.setChildAddress(index, node.address);
    }
    return node;
  }

  private makeDirty(node: Node): void {
    this.owner.releaseNode(node.address, node.bytes.length / pageSize, node.birth);
    this.cache.soil(node);
    node.birth = this.owner.generation;
  }

  /** Make the node that covers a key dirty, so that the next commit writes it elsewhere; returns it. May throw Suspend. */
  rewrite(inode: InodeNumber, kind: number, offset: number, level: number): Node {
    splitKey(inode, kind, offset);
    let probe = this.rootNode();
    while (probe.level > level) probe = this.child(probe, probe.childIndex());
    let node = this.dirtyRoot();
    while (node.level > level) node = this.dirtyChild(node, node.childIndex());
    return node;
  }

  /** Write all dirty nodes: `write` appends a node's bytes to the log and returns its pointer. The tree is clean then. */
  writeDirty(write: (node: Node) => Pointer): void {
    if (this.root.address >= firstVirtual) this.root = writeNodes(this.cache, this.rootNode(), write);
  }
}
