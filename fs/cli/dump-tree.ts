/** `varve dump IMAGE tree`: the nodes of a tree from the root down, and the items of its leaves. */
import type { Pointer } from '../format/pointer.js';
import { run } from '../suspend.js';
import { keyInode, keyKind, keyOffset } from '../tree/key.js';
import type { Node } from '../tree/node.js';
import type { Tree } from '../tree/tree.js';
import type { VolumeState } from '../volume/state.js';
import { kindName } from './dump-journal.js';
import { type RawImage, rawState } from './raw-image.js';

export interface TreeEntry {
  readonly depth: number;
  /** A node, or an item of the leaf before it. */
  readonly node?: {
    readonly level: number;
    readonly address: number;
    readonly place: number;
    readonly page: number;
    readonly birth: number;
    readonly count: number;
    readonly freeBytes: number;
    readonly checksum: string;
  };
  readonly key: string;
  /** Of an item. */
  readonly bytes?: number;
}

/** Nodes, parents before children; with `items` followed by what they hold. */
export async function* dumpTree(
  image: RawImage,
  options: { readonly items?: boolean; readonly system?: boolean },
): AsyncIterable<TreeEntry> {
  const state = await rawState(image);
  const tree = options.system ? state.system : state.main;
  const root = await run(() => tree.rootNode());
  yield* below(state, tree, root, tree.root, 0, options.items ?? false);
}

async function* below(
  state: VolumeState,
  tree: Tree,
  node: Node,
  pointer: Pointer,
  depth: number,
  items: boolean,
): AsyncIterable<TreeEntry> {
  const { level, count } = node;
  const at = await run(() => state.log.where(pointer.address));
  yield {
    depth,
    node: {
      level,
      address: pointer.address,
      place: Math.floor(at / state.log.perSegment),
      page: at % state.log.perSegment,
      birth: node.birth,
      count,
      freeBytes: node.free,
      checksum: pointer.checksum.toString(16).padStart(8, '0'),
    },
    key: count === 0 ? '(empty)' : keyOf(node, 0),
  };
  if (level === 0 && items) {
    for (let i = 0; i < count; i++) yield { depth: depth + 1, key: keyOf(node, i), bytes: node.valueLength(i) };
  }
  if (level === 0) return;
  // The cache may let go of this node while its children are read: what is needed is taken out first.
  const pointers: Pointer[] = [];
  for (let i = 0; i < count; i++) pointers.push(node.pointer(i));
  for (const next of pointers) {
    const child = await run(() => state.cache.get(next, level - 1, tree.id, state.log.generation));
    yield* below(state, tree, child, next, depth + 1, items);
  }
}

function keyOf(node: Node, slot: number): string {
  const w1 = node.keyWord(slot, 1);
  const offset = keyOffset(node.keyWord(slot, 2), node.keyWord(slot, 3));
  return `(${keyInode(node.keyWord(slot, 0), w1)}, ${kindName(keyKind(w1))}, ${offset})`;
}

export function treeLine({ depth, node, key, bytes }: TreeEntry): string {
  const indent = '  '.repeat(depth);
  if (node === undefined) return `${indent}${key} ${bytes} bytes`;
  const where = `address ${node.address}, place ${node.place} page ${node.page}`;
  return `${indent}level ${node.level} from ${key}: ${node.count} slots, ${node.freeBytes} bytes free, born ${node.birth}, ${where}`;
}
