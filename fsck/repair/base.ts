/**
 * The state from which a repair starts: a checkpoint slot that verifies and makes sense; else the newest copy of a
 * checkpoint in the log whose trees verify; else nothing but the segments.
 *
 * Bounds: of the copies the 16 newest are looked at, and each of their trees is walked once.
 */
import { Checkpoint } from '../../fs/format/checkpoint.js';
import { closedHead, noPlace, segmentPages, tablePages } from '../../fs/format/geometry.js';
import type { Superblock } from '../../fs/format/superblock.js';
import { packMap } from '../../fs/log/table-pages.js';
import type { Store } from '../../fs/store/store.js';
import type { Serial } from '../../fs/units.js';
import { isCountable, newest, readBothSlots } from '../checkpoint.js';
import { Image } from '../image.js';
import { maxHeight } from '../tree.js';
import { Places } from './places.js';
import { type MovedPages, readMoves } from './relocations.js';
import { claimKeptRoots, missingSerials, walkTrees } from './walk.js';

const mostCopies = 16;

export interface Base {
  readonly checkpoint: Checkpoint;
  /** Packed; all 3 where no copy of the segment table is known to belong to this checkpoint. */
  readonly tableMap: Uint8Array;
  readonly places: Places;
  /** Pages that moved, maybe after this checkpoint; undefined where its own map is the newest. */
  readonly moved?: MovedPages;
  /** Where it was found, for people. */
  readonly origin: 'slot' | 'copy' | 'segments';
}

export async function findBase(store: Store, superblock: Superblock): Promise<Base> {
  const slots = await readBothSlots(store, superblock);
  const slot = newest(slots.filter(({ checkpoint }) => isCountable(checkpoint)));
  if (slot !== undefined) {
    const { checkpoint, tableMap } = slot;
    const image = new Image(store, superblock, checkpoint, tableMap);
    return { checkpoint, tableMap, places: await Places.ofTable(image), origin: 'slot' };
  }
  const tableMap = packMap(new Uint8Array(tablePages(superblock)).fill(3));
  const none = emptyCheckpoint();
  let copies: Checkpoint[] = [];
  const places = await Places.ofContents(new Image(store, superblock, none, tableMap), (more) => {
    if (more.length > 0) copies = newestOf([...copies, ...more.filter(isCountable)]);
  });
  const moved = await readMoves(new Image(store, superblock, none, tableMap), places);
  const doubted = places.clone();
  doubted.doubt(serialsOf(moved, superblock));
  let best: { checkpoint: Checkpoint; places: Places; damages: number } | undefined;
  for (const checkpoint of copies) {
    const opened = () => new Image(store, superblock, checkpoint, tableMap);
    const settled = doubted.clone();
    await settle(settled, opened, moved);
    const { lost, flawed, rootIsLost } = await walkTrees(opened(), settled, moved);
    if (rootIsLost) continue;
    const damages = lost.length + flawed.length;
    if (best === undefined || damages < best.damages) best = { checkpoint, places: settled, damages };
    if (damages === 0) break;
  }
  if (best !== undefined) return { ...best, tableMap, moved, origin: 'copy' };
  const generation = places.generation.reduce((most, one) => Math.max(most, one), copies[0]?.generation ?? 0);
  return { checkpoint: { ...none, generation: generation + 1 }, tableMap, places, moved, origin: 'segments' };
}

/** Take back, of the segments that are doubted, those of which a checkpoint's trees need what was not moved. */
async function settle(places: Places, opened: () => Image, moved: MovedPages): Promise<void> {
  // What is taken back may lead to more, a level further down each time.
  for (let level = 0; level < maxHeight; level++) {
    const image = opened();
    const trees = await walkTrees(image, places, moved);
    await claimKeptRoots(image, trees);
    if (!places.adopt(missingSerials(image))) return;
  }
}

const serialsOf = ({ from }: MovedPages, superblock: Superblock): Set<Serial> => {
  const perSegment = segmentPages(superblock);
  return new Set(from.values.subarray(0, from.length).map((address) => Math.floor(address / perSegment)));
};

const newestOf = (copies: readonly Checkpoint[]): Checkpoint[] =>
  copies.toSorted((a, b) => b.generation - a.generation).slice(0, mostCopies);

/** Of a volume of which nothing is known. */
function emptyCheckpoint(): Checkpoint {
  const zeros = Checkpoint.read(new DataView(new ArrayBuffer(Checkpoint.size)));
  const heads = { nodeHead: closedHead(), dataHead: closedHead(), coldHead: closedHead() };
  return {
    ...zeros,
    ...heads,
    clean: 1,
    mainHeight: 1,
    systemHeight: 1,
    nextInode: 2,
    rootId: 1,
    nextRoot: 2,
    nextDropped: 1,
    journalPlace: noPlace,
  };
}
