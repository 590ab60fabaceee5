/**
 * The state from which a repair starts: a checkpoint slot that verifies and makes sense; else the newest copy of a
 * checkpoint in the log whose trees verify; else nothing but the segments.
 *
 * Bounds: of the copies the 16 newest are looked at. Trees are walked once for each, and 32 times more where segments have to
 * be taken back.
 */
import { Checkpoint } from '../../fs/format/checkpoint.js';
import { closedHead, noPlace, tablePages } from '../../fs/format/geometry.js';
import type { Superblock } from '../../fs/format/superblock.js';
import { emptyMap, nameCopy } from '../../fs/log/table-pages.js';
import type { Store } from '../../fs/store/store.js';
import type { Serial } from '../../fs/units.js';
import { isCountable, newest, readBothSlots } from '../checkpoint.js';
import { Image } from '../image.js';
import { type MovedPages, movesFor, readMoves } from './moves.js';
import { Places } from './places.js';
import { claimKeptRoots, missingSerials, type TreesFound, walkTrees } from './walk.js';

const [mostCopies, mostRounds] = [16, 32];

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
  const tableMap = emptyMap(superblock);
  for (let index = 0; index < tablePages(superblock); index++) nameCopy(tableMap, index, 3);
  const none = emptyCheckpoint();
  let copies: Checkpoint[] = [];
  const places = await Places.ofContents(new Image(store, superblock, none, tableMap), (more) => {
    if (more.length > 0) copies = newestOf([...copies, ...more.filter(isCountable)]);
  });
  const moved = await readMoves(new Image(store, superblock, none, tableMap), places);
  let best: { checkpoint: Checkpoint; places: Places; moved: MovedPages; damages: number } | undefined;
  let rounds = mostRounds;
  for (const checkpoint of copies) {
    const opened = () => new Image(store, superblock, checkpoint, tableMap);
    const settled = places.clone();
    const map = opened();
    const { later, known } = await movesFor(map, settled, moved);
    settled.doubt(map, [known, later]);
    const look = async (): Promise<[TreesFound, ReadonlySet<Serial>]> => {
      const image = opened();
      const trees = await walkTrees(image, settled, later);
      await claimKeptRoots(image, trees);
      return [trees, missingSerials(image)];
    };
    let [trees, missing] = await look();
    // What is taken back may lead to more, a level further down each time.
    for (; rounds > 0 && settled.adopt(missing); rounds--) [trees, missing] = await look();
    const { lost, flawed, rootIsLost, systemLost } = trees;
    if (rootIsLost) continue;
    // Without the system tree snapshots go: that costs more than what was done since an older checkpoint.
    const damages = lost.length + flawed.length + (systemLost && checkpoint.newestRoot !== 0 ? 1 : 0);
    if (best === undefined || damages < best.damages) best = { checkpoint, places: settled, moved: later, damages };
    if (damages === 0) break;
  }
  if (best !== undefined) return { ...best, tableMap, origin: 'copy' };
  const generation = places.generation.reduce((most, one) => Math.max(most, one), copies[0]?.generation ?? 0);
  return { checkpoint: { ...none, generation: generation + 1 }, tableMap, places, moved, origin: 'segments' };
}

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
