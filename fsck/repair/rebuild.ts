/**
 * The step after which everything can be read: checkpoint, segment table, relocations, nodes and journal are put
 * together again from what verifies. Nothing is freed by it: live bits are those found and those that were recorded,
 * together; the recount that follows has everything to count from.
 *
 * Crash safety: workshop.ts. Interrupted, it finds the same again: it writes only where nothing of use lies, and its
 * base (base.ts) is not touched before the last two writes.
 */
import { segmentPages, tablePages } from '../../fs/format/geometry.js';
import type { Superblock } from '../../fs/format/superblock.js';
import type { Store } from '../../fs/store/store.js';
import { endOfInodes } from '../../fs/units.js';
import { describeCrashed } from '../../fs/volume/crashed-segments.js';
import { withoutBadSectors } from '../bad-sectors.js';
import { Image } from '../image.js';
import type { Replayed } from '../replay.js';
import type { Item } from '../system-items.js';
import { type Base, findBase } from './base.js';
import { replayInto, reserveJournal } from './journal.js';
import type { Ledger } from './ledger.js';
import { LostRoots } from './lost-roots.js';
import { graftNodes, searchLeaves } from './nodes.js';
import { rewriteSystemTree } from './relocations.js';
import { fillTable, mergeRecorded, nextSerial } from './table.js';
import { claimKeptRoots, missingSerials, type TreesFound, validHeight, walkTrees } from './walk.js';
import { Workshop } from './workshop.js';

/**
 * Put together what can be read, and make it durable. Returns what was replayed of a journal, undefined if the volume had
 * been closed. Throws VolumeError when there is no room for it.
 */
export async function rebuild(
  store: Store,
  superblock: Superblock,
  ledger: Ledger,
  now: () => number,
): Promise<Replayed | undefined> {
  const medium = withoutBadSectors(store);
  const base = await findBase(medium, superblock);
  const { checkpoint, places } = base;
  if (base.origin === 'copy') {
    ledger.did('checkpoint', `went on from the copy of checkpoint ${checkpoint.generation} in the log`);
  } else if (base.origin === 'segments') {
    ledger.did('checkpoint', 'no checkpoint was left: went on from the segments');
  }
  if (places.rebuilt > 0 && base.origin === 'slot')
    ledger.did('table-page', `found out again what ${places.rebuilt} places hold`);
  const { image, trees } = await lookAround(medium, superblock, base);
  const lostRoots = new LostRoots(image);
  const leaves = await searchLeaves(image, places, trees, base.origin === 'segments', lostRoots.met);
  const found: Item[] = [];
  if (base.origin === 'segments') await lostRoots.tell(ledger);
  else if (trees.systemLost) {
    await lostRoots.search(places);
    found.push(...(await lostRoots.restore(trees.roots, ledger)));
  }
  await claimKeptRoots(image, trees);
  if (base.origin === 'slot') await mergeRecorded(image, places);
  else places.releaseUnclaimed(image.claims);

  const shop = await openEmpty(store, superblock, base, now);
  const { state } = shop;
  const { newest, opened } = await reserveJournal(state, places, checkpoint);
  state.log.generation = Math.max(checkpoint.generation, newest) + 3;
  fillTable(state, places, image, base.tableMap);
  state.table.nextSerial = nextSerial(image, places, checkpoint) + 2 * superblock.places + 1;
  shop.mustHavePlaces();
  if (trees.systemDamaged) {
    rewriteSystemTree(state, image, [...trees.kept, ...found], true);
    ledger.did('relocation', 'wrote the system tree anew');
  }
  await graftNodes(state, image, trees, leaves, ledger);
  const replayed = await replayInto(state, checkpoint, ledger);
  await describeCrashed(state, [checkpoint.dataHead.place, ...opened], checkpoint.dataHead);
  state.changed = true;
  await shop.finish();
  return checkpoint.clean === 1 ? undefined : replayed;
}

/** Walk the trees; once more if places turn out to hold what pointers need. */
async function lookAround(
  store: Store,
  superblock: Superblock,
  { checkpoint, tableMap, places, moved }: Base,
): Promise<{ image: Image; trees: TreesFound }> {
  const image = new Image(store, superblock, checkpoint, tableMap);
  const trees = await walkTrees(image, places, moved);
  if (!places.adopt(missingSerials(image))) return { image, trees };
  const again = new Image(store, superblock, checkpoint, tableMap);
  return { image: again, trees: await walkTrees(again, places, moved) };
}

/** The base opened with a segment table that says nothing yet. */
function openEmpty(store: Store, superblock: Superblock, { checkpoint }: Base, now: () => number): Promise<Workshop> {
  const count = (value: number): number => (value <= superblock.imagePages ? value : 0);
  const sane = {
    ...checkpoint,
    // Counted again by the next step; until then they must not be absurd.
    promisedPages: count(checkpoint.promisedPages),
    heldNodes: count(checkpoint.heldNodes),
    inodes: Number.isSafeInteger(checkpoint.inodes) ? checkpoint.inodes : 0,
    mainHeight: validHeight(checkpoint.mainHeight) ? checkpoint.mainHeight : 1,
    systemHeight: validHeight(checkpoint.systemHeight) ? checkpoint.systemHeight : 1,
    nextSerial: Math.min(checkpoint.nextSerial, 2 ** 50 / segmentPages(superblock)),
    nextInode: checkpoint.nextInode <= endOfInodes ? checkpoint.nextInode : 2,
    newestSnapshot: checkpoint.newestSnapshot <= checkpoint.generation ? checkpoint.newestSnapshot : 0,
  };
  return Workshop.open(store, superblock, { checkpoint: sane, map: new Uint8Array(tablePages(superblock)) }, now);
}
