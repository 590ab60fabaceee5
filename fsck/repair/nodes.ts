/**
 * Damaged nodes of the file tree, put right: a leaf that is lost goes with what it held; an inner node is built anew
 * above the leaves that are found below it; a node that can be read but not stay is copied, without what is wrong in
 * it. Those above come first, so that the way down can always be read.
 *
 * Bounds: as many nodes are copied in one round as fit memory and the free places; the others stay for the next.
 */
import { run } from '../../fs/suspend.js';
import { childrenPerNode, Graft, type GraftKey } from '../../fs/tree/graft.js';
import { keyInode, keyKind, keyOffset, words } from '../../fs/tree/key.js';
import type { Address } from '../../fs/units.js';
import type { VolumeState } from '../../fs/volume/state.js';
import type { Image } from '../image.js';
import { checkKey, checkNode, NodeFrame } from '../node.js';
import { Findings } from '../problem.js';
import { type Damage, tree } from '../tree.js';
import { type FoundLeaf, LeafSearch } from './leaves.js';
import type { Ledger } from './ledger.js';
import type { Places } from './places.js';
import { type TreesFound, validHeight } from './walk.js';

export type LeavesFound = ReadonlyMap<Damage, readonly FoundLeaf[]>;

/**
 * Look for the leaves below lost inner nodes; with `all`, or when the height of the tree is not known, for all there are.
 * `system`: told of leaves of the system tree that lie there.
 */
export async function searchLeaves(
  image: Image,
  places: Places,
  trees: TreesFound,
  all: boolean,
  system?: (address: Address) => void,
): Promise<LeavesFound> {
  const { mainHeight, mainRoot } = image.checkpoint;
  const inner = trees.lost.filter(({ level }) => level > 0);
  const whole: Damage = { lost: true, level: -1, pointer: mainRoot, low: new Uint32Array(4), high: undefined };
  const lost = all || !validHeight(mainHeight) ? [whole] : inner;
  if (lost.length === 0) return new Map();
  return new LeafSearch(image, places, lost, trees.roots.droppedBy(image.checkpoint.rootId), system).find();
}

export async function graftNodes(
  state: VolumeState,
  image: Image,
  trees: TreesFound,
  leaves: LeavesFound,
  ledger: Ledger,
): Promise<void> {
  const graft = new Graft(state.main, state.cache, state.log.generation);
  const [first] = leaves.keys();
  if (first !== undefined && first.level < 0) {
    growTree(graft, state, leaves.get(first) ?? [], ledger);
    return;
  }
  const damages = [...trees.lost, ...trees.flawed].sort((a, b) => b.level - a.level);
  let room = roomFor(state);
  for (const damage of damages) {
    if (!damage.lost && room-- <= 0) continue;
    if (damage.lost) await replaceLost(graft, damage, leaves.get(damage) ?? [], ledger);
    else await copyFlawed(graft, image, damage, ledger);
  }
}

/** Nodes that may be made dirty: half of what the free places hold, and of what memory is for. */
function roomFor({ table, space }: VolumeState): number {
  const perPlace = Math.floor((table.pagesPerSegment - 1) / space.perNode);
  return Math.min(1000, Math.floor((table.reusablePlaces * perPlace) / 2));
}

const keyOf = (low: Uint32Array): GraftKey => ({
  inode: keyInode(low[0], low[1]),
  kind: keyKind(low[1]),
  offset: keyOffset(low[2], low[3]),
});

async function replaceLost(graft: Graft, damage: Damage, leaves: readonly FoundLeaf[], ledger: Ledger): Promise<void> {
  const { level, low, high } = damage;
  const built = leaves.length === 0 ? undefined : graft.build(leaves, 0, level);
  await run(() => graft.replace(keyOf(low), level, built?.node));
  if (level > 0) {
    const above = built === undefined ? 'of which nothing is left' : `above ${built.used} leaves`;
    ledger.did('node-checksum', `built an inner node anew, ${above}`);
  } else ledger.did('node-checksum', 'dropped a leaf');
  if (built === undefined) ledger.loseRange(keyOf(low), high === undefined ? undefined : keyOf(high));
}

/** A tree above leaves of which nothing else is known. */
function growTree(graft: Graft, state: VolumeState, leaves: readonly FoundLeaf[], ledger: Ledger): void {
  ledger.did('node-pointer', `built the tree anew above ${leaves.length} leaves`);
  ledger.nodesLost = true;
  const root = { inode: 0, kind: 1, offset: 0 };
  const width = childrenPerNode(state.cache.nodeBytes);
  let level = 1;
  while (width ** level < leaves.length) level++;
  const node = leaves.length === 0 ? undefined : graft.build(leaves, 0, level).node;
  graft.replace(root, Math.max(level, state.main.height), node);
}

async function copyFlawed(graft: Graft, image: Image, damage: Damage, ledger: Ledger): Promise<void> {
  const { level, low, high, pointer } = damage;
  const frame = new NodeFrame(image.geometry);
  frame.low.set(low);
  frame.hasHigh = high !== undefined;
  if (high !== undefined) frame.high.set(high);
  const ignored = new Findings();
  if (!(await image.readPages(pointer.address, pointer.pages, frame.bytes, true))) return;
  if (!checkNode(frame, { pointer, tree: tree.files, level, isRoot: false }, ignored)) return;
  const node = graft.newNode(level);
  let dropped = 0;
  for (let i = 0; i < frame.count; i++) {
    if (!checkKey(frame, i, ignored)) {
      dropped++;
      continue;
    }
    for (let word = 0; word < 4; word++) words[word] = frame.keyWord(i, word);
    node.insert(node.count, frame.value(i).slice());
  }
  const left = node.count > 0 ? node : undefined;
  await run(() => graft.replace(keyOf(low), level, left));
  const what = dropped === 0 ? 'copied a node' : `copied a node without ${dropped} items whose keys were wrong`;
  const intact = ignored.tallies.has('node-layout') ? 'node-layout' : 'birth';
  ledger.did(dropped === 0 ? intact : 'key-order', what);
  if (dropped > 0) ledger.nodesLost = true;
}
