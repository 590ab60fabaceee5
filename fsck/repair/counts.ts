/** The step that counts links and subdirectories again: every inode has as many links as entries lead to it. */
import { itemKind } from '../../fs/format/item.js';
import { decodeInode, encodeInode } from '../../fs/posix/inode/inode-record.js';
import { Batch } from '../../fs/tree/batch.js';
import { rootInode } from '../../fs/units.js';
import type { FileItems } from '../inodes.js';
import type { Ledger } from './ledger.js';
import type { Workshop } from './workshop.js';

/** Set the counts of these inodes to what the check found. One without a name is left: it must get one first. */
export async function mendCounts(
  shop: Workshop,
  files: FileItems,
  concerned: ReadonlySet<number>,
  ledger: Ledger,
): Promise<void> {
  const { inodes, orphans } = files;
  for (const inode of concerned) {
    const index = inodes.find(inode);
    const value = index < 0 ? undefined : await shop.get(inode, itemKind.inode, 0);
    if (value === undefined) continue;
    const record = decodeInode(inode, value);
    const names = inodes.names.values[index];
    if (names === 0 && inode !== rootInode && (record.links > 0 || !orphans.has(inode))) continue;
    const links = inode === rootInode ? 1 : names;
    const subdirectories = inodes.subdirectoriesFound.values[index];
    if (links !== record.links) ledger.did('links', `inode ${inode}: ${record.links} links become ${links}`, inode);
    if (subdirectories !== record.subdirectories) {
      const message = `inode ${inode}: ${record.subdirectories} subdirectories become ${subdirectories}`;
      ledger.did('subdirectories', message, inode);
    }
    record.links = links;
    record.subdirectories = subdirectories;
    await shop.change(new Batch().put(inode, itemKind.inode, 0, encodeInode(record, record.size)));
  }
}
