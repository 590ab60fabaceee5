/**
 * What differs between two trees of one volume, in the order of the keys. Both are walked together, and what they share
 * is skipped: a pointer to the same address leads to the same bytes, wherever the cleaner has put them. So the cost
 * follows the change, not the volume. Serves `varve diff` and `varve send`.
 *
 * The state between two steps is one key. Each step descends from both roots to it, past what is shared, to a pair of
 * leaves, and compares these.
 *
 * Invariants
 * 1. Every step ends at a greater key than it began with; one that throws Suspend has changed nothing.
 * 2. Keys of a node lie between the separators above it. So a hostile tree whose nodes share children, and has more
 *    paths than nodes by orders of magnitude, is found out at the second visit of a leaf.
 */
import type { InodeNumber } from '../units.js';
import { keyInode, keyKind, keyOffset, splitKey, words } from './key.js';
import type { Node } from './node.js';
import type { Tree } from './tree.js';

export interface ItemKey {
  readonly inode: InodeNumber;
  readonly kind: number;
  readonly offset: number;
}

/** An item that the trees have not in common. Values are copies. */
export interface ItemDifference extends ItemKey {
  readonly before: Uint8Array | undefined;
  readonly after: Uint8Array | undefined;
}

/** Four words, as nodes have them; undefined: no limit. */
type Bound = Uint32Array | undefined;

/** A node on the way down, and between which keys it stands. */
interface Standing {
  readonly tree: Tree;
  node: Node;
  low: Bound;
  high: Bound;
}

export class TreeDifference {
  private readonly at = new Uint32Array(4);
  private ended = false;

  /** `before` undefined: all items of `after`. `from`: the first key that counts. */
  constructor(
    private readonly before: Tree | undefined,
    private readonly after: Tree,
    from: ItemKey = { inode: 0, kind: 0, offset: 0 },
  ) {
    splitKey(from.inode, from.kind, from.offset);
    this.at.set(words);
  }

  /** Differences of the next pair of leaves, perhaps none; undefined: there are no more. May throw Suspend. */
  next(): ItemDifference[] | undefined {
    if (this.ended) return undefined;
    const { before, after } = this;
    const right = stand(after);
    if (before === undefined) {
      while (right.node.level > 0) descend(right, this.at);
      return this.compare(undefined, right);
    }
    const left = stand(before);
    for (;;) {
      if (left.node.address === right.node.address) return this.skip(left.high, right.high);
      if (left.node.level > right.node.level) descend(left, this.at);
      else if (right.node.level > left.node.level) descend(right, this.at);
      else if (left.node.level === 0) return this.compare(left, right);
      else if (!this.skipChildren(left, right)) {
        descend(left, this.at);
        descend(right, this.at);
      } else if (this.ended || isBeyond(this.at, left.high) || isBeyond(this.at, right.high)) return [];
    }
  }

  /** Go past a child that both nodes have. False: they have different ones. */
  private skipChildren(left: Standing, right: Standing): boolean {
    words.set(this.at);
    const i = left.node.childIndex();
    const j = right.node.childIndex();
    if (left.node.childAddress(i) !== right.node.childAddress(j)) return false;
    this.skip(boundAfter(left, i), boundAfter(right, j));
    return true;
  }

  /** Nothing differs before the nearer of two bounds. */
  private skip(left: Bound, right: Bound): ItemDifference[] {
    const next = nearer(left, right);
    if (next === undefined) this.ended = true;
    else this.at.set(next);
    return [];
  }

  private compare(left: Standing | undefined, right: Standing): ItemDifference[] {
    const found: ItemDifference[] = [];
    const end = nearer(left?.high, right.high);
    words.set(this.at);
    let i = left?.node.lowerBound() ?? 0;
    let j = right.node.lowerBound();
    const lastOf = (node: Node | undefined): number => {
      if (node === undefined) return 0;
      if (end === undefined) return node.count;
      words.set(end);
      return node.lowerBound();
    };
    const iEnd = lastOf(left?.node);
    const jEnd = lastOf(right.node);
    while (i < iEnd || j < jEnd) {
      const order = i >= iEnd ? 1 : j >= jEnd ? -1 : compareKeys(left?.node as Node, i, right.node, j);
      const node = order <= 0 ? (left?.node as Node) : right.node;
      const slot = order <= 0 ? i : j;
      const before = order <= 0 ? left?.node.value(i) : undefined;
      const after = order >= 0 ? right.node.value(j) : undefined;
      if (order <= 0) i++;
      if (order >= 0) j++;
      if (before !== undefined && after !== undefined && Buffer.compare(before, after) === 0) continue;
      found.push({
        inode: keyInode(node.keyWord(slot, 0), node.keyWord(slot, 1)),
        kind: keyKind(node.keyWord(slot, 1)),
        offset: keyOffset(node.keyWord(slot, 2), node.keyWord(slot, 3)),
        before: before?.slice(),
        after: after?.slice(),
      });
    }
    this.skip(left?.high, right.high);
    return found;
  }
}

/** May throw Suspend. */
function stand(tree: Tree): Standing {
  return { tree, node: tree.rootNode(), low: undefined, high: undefined };
}

/** To the child in whose range the key lies. May throw Suspend. */
function descend(standing: Standing, key: Uint32Array): void {
  const { tree, node } = standing;
  words.set(key);
  const index = node.childIndex();
  const low = index > 0 ? keyOf(node, index) : standing.low;
  const high = boundAfter(standing, index);
  const child = tree.child(node, index);
  // The first key of an inner node counts as lower than all.
  const first = child.level === 0 ? 0 : 1;
  const last = child.count - 1;
  const outside =
    (low !== undefined && first <= last && compareWords(keyOf(child, first), low) < 0) ||
    (high !== undefined && first <= last && compareWords(keyOf(child, last), high) >= 0);
  if (child.count === 0 || outside) throw tree.misplaced(child);
  standing.node = child;
  standing.low = low;
  standing.high = high;
}

/** Where the range of a child ends. */
const boundAfter = ({ node, high }: Standing, index: number): Bound =>
  index + 1 < node.count ? keyOf(node, index + 1) : high;

function keyOf(node: Node, slot: number): Uint32Array {
  const key = new Uint32Array(4);
  for (let i = 0; i < 4; i++) key[i] = node.keyWord(slot, i);
  return key;
}

function compareWords(a: Uint32Array, b: Uint32Array): number {
  for (let i = 0; i < 4; i++) if (a[i] !== b[i]) return a[i] < b[i] ? -1 : 1;
  return 0;
}

function compareKeys(a: Node, i: number, b: Node, j: number): number {
  for (let word = 0; word < 4; word++) {
    const x = a.keyWord(i, word);
    const y = b.keyWord(j, word);
    if (x !== y) return x < y ? -1 : 1;
  }
  return 0;
}

const nearer = (a: Bound, b: Bound): Bound => {
  if (a === undefined || b === undefined) return a ?? b;
  return compareWords(a, b) < 0 ? a : b;
};

const isBeyond = (key: Uint32Array, bound: Bound): boolean => bound !== undefined && compareWords(key, bound) >= 0;
