/**
 * Directory entries as items: key (directory, dirent, hash of the name x 256 + number), value (inode number, type,
 * name). Serves all operations on names, and fsck.
 *
 * Invariants
 * 1. Names with the same hash have different numbers, 0 to 255; a new one takes the lowest that is free.
 * 2. A directory's size is the sum over its entries of `direntBytes`; its links are 1 until it is removed.
 */
import { CorruptionError, FsError } from '../../errors.js';
import { Dirent, itemKind } from '../../format/item.js';
import { firstOffset, hash45, namesPerHash } from '../../format/name-hash.js';
import type { InodeNumber } from '../../units.js';
import type { VolumeApi } from '../../volume/api.js';
import { getU64, newValue, setU64 } from '../inode/item-bytes.js';

const at = Dirent.offsetOf;
const headerBytes = Dirent.size;

/** What an entry adds to its directory's size. */
export const direntBytes = (nameLength: number): number => nameLength + 8;

export const direntType = (value: Uint8Array): number => value[at.type];
/** The name, a view. */
export const direntName = (value: Uint8Array): Uint8Array => value.subarray(headerBytes);

export const direntInode = (value: Uint8Array): InodeNumber => getU64(value, at.inode);

export function encodeDirent(inode: InodeNumber, type: number, name: Uint8Array): Uint8Array {
  const value = newValue(headerBytes + name.length);
  setU64(value, at.inode, inode);
  value[at.type] = type;
  value.set(name, headerBytes);
  return value;
}

function hasName(value: Uint8Array, name: Uint8Array): boolean {
  if (value.length !== headerBytes + name.length) return false;
  for (let i = 0; i < name.length; i++) if (value[headerBytes + i] !== name[i]) return false;
  return true;
}

/** Where a name is in a directory, or would go. */
export interface DirentPlace {
  /** Offset of the entry, or the offset that a new one takes; -1 when all numbers of its hash are taken. */
  readonly offset: number;
  /** Inode to which the entry leads; 0 when there is none of that name. */
  readonly inode: InodeNumber;
}

/** Inode number under a name, or 0. May throw Suspend. */
export function findEntry(volume: VolumeApi, directory: InodeNumber, name: Uint8Array): InodeNumber {
  const first = firstOffset(hash45(name, volume.nameSeed));
  const items = volume.seek(directory, itemKind.dirent, first);
  for (; items.valid && items.inode === directory && items.kind === itemKind.dirent; items.next()) {
    if (items.offset >= first + namesPerHash) break;
    if (hasName(items.value, name)) return leadsTo(items.value, directory, items.offset);
  }
  return 0;
}

/** Where a name is, or where it would go. May throw Suspend. */
export function placeOf(volume: VolumeApi, directory: InodeNumber, name: Uint8Array): DirentPlace {
  const first = firstOffset(hash45(name, volume.nameSeed));
  const items = volume.seek(directory, itemKind.dirent, first);
  let free = first;
  for (; items.valid && items.inode === directory && items.kind === itemKind.dirent; items.next()) {
    if (items.offset >= first + namesPerHash) break;
    if (hasName(items.value, name)) {
      return { offset: items.offset, inode: leadsTo(items.value, directory, items.offset) };
    }
    if (items.offset === free) free++;
  }
  return { offset: free < first + namesPerHash ? free : -1, inode: 0 };
}

function leadsTo(value: Uint8Array, directory: InodeNumber, offset: number): InodeNumber {
  const inode = direntInode(value);
  if (inode === 0) throw new CorruptionError('directory entry', `directory ${directory}, offset ${offset}`, 'inode 0');
  return inode;
}

/** The offset for a new entry: ENOSPC when 256 names share the hash. */
export function offsetForNew(offset: number, operation: string, directory: InodeNumber): number {
  if (offset < 0) throw new FsError('ENOSPC', operation, directory, '256 names with one hash');
  return offset;
}

/** Whether a directory has no entries. May throw Suspend. */
export function isEmptyDirectory(volume: VolumeApi, directory: InodeNumber): boolean {
  const items = volume.seek(directory, itemKind.dirent, 0);
  return !items.valid || items.inode !== directory || items.kind !== itemKind.dirent;
}
