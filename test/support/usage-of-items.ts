/** What an id uses, counted from scratch over all inode records: it can't be out of date. */
import { itemKind, type Usage } from '../../fs/format/item.js';
import { decodeInode } from '../../fs/posix/inode/inode-record.js';
import type { Holder } from '../../fs/volume/usage.js';
import type { Item } from './memory-cursor.js';

export function usageOfItems(items: readonly Item[], holder: Holder, id: number): Usage {
  const usage = { pages: 0, inodes: 0 };
  for (const { inode, kind, value } of items) {
    if (kind !== itemKind.inode) continue;
    const { uid, gid, project, pages } = decodeInode(inode, value);
    if (id !== { user: uid, group: gid, project }[holder]) continue;
    usage.pages += pages;
    usage.inodes++;
  }
  return usage;
}
