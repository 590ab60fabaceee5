/**
 * Gives back the tree of a root that nothing follows, leaf by leaf in the order of the keys: what was born after the
 * snapshot before it is in no other root. A node goes when all below it are done; subtrees that are older are skipped.
 *
 * The state between two steps is one key: leaves before it are given back, and so are the nodes above that end there.
 */
import { CorruptionError } from '../errors.js';
import { itemKind } from '../format/item.js';
import { Pointer } from '../format/pointer.js';
import { keyInode, keyKind, keyOffset, splitKey } from '../tree/key.js';
import type { Node } from '../tree/node.js';
import type { Tree } from '../tree/tree.js';
import { type Address, type Generation, pageSize } from '../units.js';

export interface TreeCursor {
  readonly cursorInode: number;
  readonly cursorKind: number;
  readonly cursorOffset: number;
}

export interface TreeStep {
  /** Runs of pages that nobody holds any more. */
  readonly freed: { address: Address; pages: number }[];
  /** Where to go on; undefined: all of it is done. */
  readonly next: TreeCursor | undefined;
}

/** The step from a key. `floor`: what was born at or before it stays. Changes nothing. May throw Suspend. */
export function leaveTree(tree: Tree, from: TreeCursor, floor: Generation): TreeStep {
  const freed: { address: Address; pages: number }[] = [];
  const path: Node[] = [];
  const slots: number[] = [];
  let node = tree.rootNode();
  if (node.birth <= floor) return { freed, next: undefined };
  splitKey(from.cursorInode, from.cursorKind, from.cursorOffset);
  for (let first = true; node.level > 0; ) {
    let slot: number = first ? node.childIndex() : 0;
    while (slot < node.count && node.pointer(slot).birth <= floor) {
      slot++;
      // What follows the first child that is skipped is looked at from its beginning.
      first = false;
    }
    path.push(node);
    slots.push(slot);
    if (slot === node.count) return { freed, next: finish(path, slots, freed) };
    node = tree.child(node, slot);
  }
  for (let i = 0; i < node.count; i++) addExtent(node, i, floor, freed);
  addNode(node, freed);
  slots[slots.length - 1]++;
  return { freed, next: finish(path, slots, freed) };
}

/** Nodes from the bottom of the path that have no child left are done. Returns the key of the next child. */
function finish(path: Node[], slots: number[], freed: TreeStep['freed']): TreeCursor | undefined {
  for (let depth = path.length - 1; depth >= 0; depth--) {
    const node = path[depth];
    const slot = slots[depth];
    if (slot < node.count)
      return {
        cursorInode: keyInode(node.keyWord(slot, 0), node.keyWord(slot, 1)),
        cursorKind: keyKind(node.keyWord(slot, 1)),
        cursorOffset: keyOffset(node.keyWord(slot, 2), node.keyWord(slot, 3)),
      };
    addNode(node, freed);
    if (depth > 0) slots[depth - 1]++;
  }
  return undefined;
}

function addNode(node: Node, freed: TreeStep['freed']): void {
  freed.push({ address: node.address, pages: node.bytes.length / pageSize });
}

/** Every extent's value begins with its pointer; address 0 has no pages. */
function addExtent(leaf: Node, slot: number, floor: Generation, freed: TreeStep['freed']): void {
  if (keyKind(leaf.keyWord(slot, 1)) !== itemKind.extent) return;
  if (leaf.valueLength(slot) < Pointer.size)
    throw new CorruptionError('extent', `leaf at address ${leaf.address}`, `${leaf.valueLength(slot)} bytes`);
  const { address, pages, birth } = Pointer.read(leaf.view, leaf.valueStart(slot));
  if (address !== 0 && birth > floor) freed.push({ address, pages });
}
