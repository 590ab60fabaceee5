/** Putting and dropping an extended attribute within an edit: the parts that setxattr, chown and writes share. */
import { FsError } from '../../errors.js';
import { inodeFlag, itemKind } from '../../format/item.js';
import type { Context } from './context.js';
import type { Inode } from './inode.js';
import type { InodeEdit } from './inode-edit.js';
import {
  encodeXattr,
  inlineXattrBytes,
  newPiecesId,
  pieceBytes,
  pieceCount,
  pieceOffset,
  placeOf,
  type XattrItem,
  type XattrPlace,
} from './xattr-item.js';
import { accessAclName, defaultAclName, flagsFor, isAclName, sameName } from './xattr-name.js';

/** Add an attribute, or its new value, to the edit. ENOSPC when 256 names share a hash. May throw Suspend. */
export function putXattr(
  context: Context,
  edit: InodeEdit,
  inode: Inode,
  name: Uint8Array,
  value: Uint8Array,
  place: XattrPlace,
): void {
  const offset = place.found === undefined ? place.free : place.found.offset;
  if (offset < 0) throw new FsError('ENOSPC', 'setxattr', inode.number, '256 names with one hash');
  const pieces = value.length > inlineXattrBytes ? newPiecesId(context.volume, inode.number) : 0;
  if (place.found !== undefined) deletePieces(edit, inode, place.found);
  putItem(edit, inode, name, value, offset, pieces);
}

/** The same where no attribute is yet, at an offset that is free. `pieces`: an id for the pieces of a large value. */
export function putItem(
  edit: InodeEdit,
  inode: Inode,
  name: Uint8Array,
  value: Uint8Array,
  offset: number,
  pieces: number,
): void {
  const { batch } = edit;
  const id = value.length > inlineXattrBytes ? pieces : 0;
  for (let i = 0; id > 0 && i * pieceBytes < value.length; i++) {
    const piece = value.slice(i * pieceBytes, (i + 1) * pieceBytes);
    batch.put(inode.number, itemKind.xattrPiece, pieceOffset(id, i), piece);
  }
  batch.put(inode.number, itemKind.xattr, offset, encodeXattr(name, value, id));
  edit.record(inode).flags |= flagsFor(name);
}

/** Add the removal of an attribute to the edit. False if there is none of that name. May throw Suspend. */
export function dropXattr(context: Context, edit: InodeEdit, inode: Inode, name: Uint8Array): boolean {
  if ((inode.record.flags & inodeFlag.xattrs) === 0) return false;
  const { found } = placeOf(context.volume, inode.number, name);
  if (found === undefined) return false;
  deletePieces(edit, inode, found);
  edit.batch.delete(inode.number, itemKind.xattr, found.offset);
  const record = edit.record(inode);
  if (isOnlyXattr(context, inode)) record.flags &= ~(inodeFlag.xattrs | inodeFlag.acl);
  else if (isAclName(name) && !hasOtherAcl(context, inode, name)) record.flags &= ~inodeFlag.acl;
  return true;
}

function deletePieces(edit: InodeEdit, inode: Inode, item: XattrItem): void {
  if (item.pieces === 0) return;
  for (let i = pieceCount(item.valueBytes) - 1; i >= 0; i--) {
    edit.batch.delete(inode.number, itemKind.xattrPiece, pieceOffset(item.pieces, i));
  }
}

function isOnlyXattr(context: Context, inode: Inode): boolean {
  const items = context.volume.seek(inode.number, itemKind.xattr, 0);
  items.next();
  return !items.valid || items.inode !== inode.number || items.kind !== itemKind.xattr;
}

function hasOtherAcl(context: Context, inode: Inode, name: Uint8Array): boolean {
  const other = sameName(name, accessAclName) ? defaultAclName : accessAclName;
  return placeOf(context.volume, inode.number, other).found !== undefined;
}
