/**
 * Extended attributes: get, set, list, remove. Names live in the namespaces user., trusted., security. and in the
 * two names of POSIX ACLs (whose values are checked, and go along with the mode: acls.ts). Serves the kernel, which asks for security.capability on every first write: an inode
 * without attributes has no `xattrs` flag and answers without a look into the tree.
 */
import { FsError } from '../../errors.js';
import { inodeFlag, itemKind } from '../../format/item.js';
import type { InodeNumber } from '../../units.js';
import { xattrFlag } from '../api.js';
import { setAcl } from './acls.js';
import type { Context } from './context.js';
import { InodeEdit } from './inode-edit.js';
import { refuseFixed } from './inode-flags.js';
import { getProperty, isPropertyName, setProperty, usual } from './properties.js';
import { dropXattr, putXattr } from './xattr-edit.js';
import { decodeXattr, maxXattrBytes, placeOf, readValue } from './xattr-item.js';
import { checkXattrName, isAclName, isTrustedName } from './xattr-name.js';

/** Thrown on the hot path: one for all, as making an error costs more than the answer. */
const noData = new FsError('ENODATA', 'getxattr');
const noAcl = new Uint8Array(0);

export function getxattr(context: Context, number: InodeNumber, name: Uint8Array): Uint8Array {
  const { flags } = context.inodes.get(number, 'getxattr').record;
  if (isPropertyName(name)) return getProperty(context, number, name);
  checkXattrName(name, number);
  if ((flags & inodeFlag.xattrs) === 0) throw noData;
  if ((flags & inodeFlag.acl) === 0 && isAclName(name)) throw noData;
  const { found } = placeOf(context.volume, number, name);
  if (found === undefined) throw noData;
  return readValue(context.volume, number, found);
}

export function setxattr(
  context: Context,
  number: InodeNumber,
  name: Uint8Array,
  value: Uint8Array,
  flags: number,
  killSgid: boolean,
): void {
  if (isPropertyName(name)) {
    setProperty(context, number, name, value);
    return;
  }
  checkXattrName(name, number);
  if (value.length > maxXattrBytes) throw new FsError('E2BIG', 'setxattr', number);
  const inode = context.inodes.get(number, 'setxattr');
  refuseFixed(inode, 'setxattr');
  if (isAclName(name)) {
    setAcl(context, inode, name, value, killSgid);
    return;
  }
  const place = placeOf(context.volume, number, name);
  if (place.found !== undefined && (flags & xattrFlag.create) !== 0) throw new FsError('EEXIST', 'setxattr', number);
  if (place.found === undefined && (flags & xattrFlag.replace) !== 0) throw new FsError('ENODATA', 'setxattr', number);
  const edit = new InodeEdit(context);
  putXattr(context, edit, inode, name, value, place);
  edit.changed(inode, context.volume.now());
  edit.apply();
}

/** Names, each ended by a NUL, in the order of their hashes. Those in `trusted.` only for who is `trusted`. */
export function listxattr(context: Context, number: InodeNumber, trusted: boolean): Uint8Array {
  const inode = context.inodes.get(number, 'listxattr');
  if ((inode.record.flags & inodeFlag.xattrs) === 0) return new Uint8Array(0);
  const names: Uint8Array[] = [];
  let bytes = 0;
  const items = context.volume.seek(number, itemKind.xattr, 0);
  for (; items.valid && items.inode === number && items.kind === itemKind.xattr; items.next()) {
    const { name } = decodeXattr(number, items.offset, items.value);
    if (!trusted && isTrustedName(name)) continue;
    names.push(name);
    bytes += name.length + 1;
  }
  const list = new Uint8Array(bytes);
  let at = 0;
  for (const name of names) {
    list.set(name, at);
    at += name.length + 1;
  }
  return list;
}

export function removexattr(context: Context, number: InodeNumber, name: Uint8Array): void {
  if (isPropertyName(name)) {
    setProperty(context, number, name, usual);
    return;
  }
  checkXattrName(name, number);
  const inode = context.inodes.get(number, 'removexattr');
  refuseFixed(inode, 'removexattr');
  if (isAclName(name)) {
    setAcl(context, inode, name, noAcl, false);
    return;
  }
  const edit = new InodeEdit(context);
  edit.batch.frees = true;
  if (!dropXattr(context, edit, inode, name)) throw new FsError('ENODATA', 'removexattr', number);
  edit.changed(inode, context.volume.now());
  edit.apply();
}
