/** The root directory of a new volume, as mkfs makes it. It is its own parent. */
import { type InodeRecord, itemKind } from '../../format/item.js';
import { Batch } from '../../tree/batch.js';
import { rootInode } from '../../units.js';
import type { Time } from '../api.js';
import { encodeInode } from '../inode/inode-record.js';
import { fileType, permissionMask } from '../inode/mode.js';

/** The first batch of a volume. `mode`: permissions. */
export function initialItems(now: Time, uid: number, gid: number, mode: number): Batch {
  const record: InodeRecord = {
    mode: fileType.directory | (mode & permissionMask),
    links: 1,
    uid,
    gid,
    size: 0,
    pages: 0,
    atimeSeconds: now.seconds,
    mtimeSeconds: now.seconds,
    ctimeSeconds: now.seconds,
    btimeSeconds: now.seconds,
    atimeNanos: now.nanos,
    mtimeNanos: now.nanos,
    ctimeNanos: now.nanos,
    btimeNanos: now.nanos,
    device: 0,
    flags: 0,
    parent: rootInode,
    project: 0,
    generation: 0,
    transform: 0,
    reserved: 0,
    subdirectories: 0,
  };
  const batch = new Batch();
  batch.inodes = 1;
  return batch.put(rootInode, itemKind.inode, 0, encodeInode(record, 0));
}
