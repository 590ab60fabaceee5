/** Losses of the records that lead to everything else, in any volume. */
import { slotOffset, tableOffset, tablePages } from '../../fs/format/geometry.js';
import type { Store } from '../../fs/store/store.js';
import { pageSize } from '../../fs/units.js';
import type { Survey } from '../../fsck/check.js';
import { editCheckpoint, flip } from './surgery.js';

/** Byte in the image of an address. */
export async function offsetOf({ image }: Survey, address: number, follow: boolean): Promise<number> {
  return image.offsetOf(image.locate(address, follow));
}

/** Ways to lose records that lead to others, by name. */
export const losses: Readonly<Record<string, (store: Store, seen: Survey) => Promise<void>>> = {
  'the root of the tree': async (store, seen) => {
    await flip(store, await offsetOf(seen, seen.checkpoint.mainRoot.address, true));
  },
  'the root of the system tree': async (store, seen) => {
    await flip(store, await offsetOf(seen, seen.checkpoint.systemRoot.address, false));
  },
  'the segment table': async (store, { superblock }) => {
    const bytes = new Uint8Array(2 * tablePages(superblock) * pageSize).fill(7);
    await store.write(tableOffset(superblock, 0, 0), [bytes]);
  },
  'both checkpoints': (store, { superblock }) => loseSlots(store, superblock),
  'the table, both roots': async (store, seen) => {
    for (const name of ['the segment table', 'the root of the tree', 'the root of the system tree'])
      await losses[name](store, seen);
  },
  'both checkpoints and the table': async (store, seen) => {
    for (const name of ['the segment table', 'both checkpoints']) await losses[name](store, seen);
  },
  'the height of both trees': async (store) => {
    await editCheckpoint(store, (record) => {
      record.mainHeight = 9;
      record.systemHeight = 0;
    });
  },
  'where serials and inodes go on': async (store) => {
    await editCheckpoint(store, (record) => {
      record.nextSerial = 2 ** 52;
      record.nextInode = 2 ** 52;
    });
  },
  'which generation it is': async (store) => {
    await editCheckpoint(store, (record) => {
      record.generation = 2 ** 53 - 1;
    });
  },
};

/** Neither checkpoint verifies any more. */
export async function loseSlots(store: Store, superblock: Survey['superblock']): Promise<void> {
  for (const slot of [0, 1]) await flip(store, slotOffset(superblock, slot) + 20);
}
