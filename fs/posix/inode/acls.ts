/**
 * ACLs as attributes of inodes: an access ACL changes with the mode and the mode with it, and a default ACL is handed
 * down to what is made in the directory. Serves setxattr, chmod and create.
 *
 * Nothing here looks into the tree for an inode without the `acl` flag: who has no ACLs pays nothing for them.
 */
import { CorruptionError, FsError } from '../../errors.js';
import { inodeFlag } from '../../format/item.js';
import { firstOffset, hash45 } from '../../format/name-hash.js';
import {
  type Acl,
  decodeAcl,
  encodeAcl,
  inherited,
  isEmptyAcl,
  isMinimal,
  modeOf,
  withMode,
} from '../acl/posix-acl.js';
import type { Context } from './context.js';
import type { Inode } from './inode.js';
import { InodeEdit } from './inode-edit.js';
import { fileType, isSymlink, modeBit } from './mode.js';
import { dropXattr, putItem, putXattr } from './xattr-edit.js';
import { placeOf, readValue } from './xattr-item.js';
import { accessAclName, defaultAclName, sameName } from './xattr-name.js';

const permissions = 0o777;

/** The ACL under one of the two names, if there is one. May throw Suspend. */
export function readAcl(context: Context, inode: Inode, name: Uint8Array): Acl | undefined {
  if ((inode.record.flags & inodeFlag.acl) === 0) return undefined;
  const { found } = placeOf(context.volume, inode.number, name);
  if (found === undefined) return undefined;
  const value = readValue(context.volume, inode.number, found);
  try {
    return decodeAcl(value, 'acl', inode.number);
  } catch (e) {
    if (e instanceof FsError) throw new CorruptionError('ACL', `inode ${inode.number}`, e.message);
    throw e;
  }
}

/**
 * Set an ACL from its bytes; one without entries removes it. An access ACL sets the mode, and takes setgid away if
 * `killSgid`; one that says no more than a mode is not kept. EINVAL, EACCES for the default of what is no directory,
 * EOPNOTSUPP for a symbolic link.
 */
export function setAcl(context: Context, inode: Inode, name: Uint8Array, value: Uint8Array, killSgid: boolean): void {
  const access = sameName(name, accessAclName);
  if (isSymlink(inode.record.mode)) throw new FsError('EOPNOTSUPP', 'setxattr', inode.number, 'ACL of a link');
  const acl = isEmptyAcl(value) ? undefined : decodeAcl(value, 'setxattr', inode.number);
  if (acl !== undefined && !access && !inode.isDirectory) {
    throw new FsError('EACCES', 'setxattr', inode.number, 'default ACL of what is no directory');
  }
  const edit = new InodeEdit(context);
  if (acl === undefined || (access && isMinimal(acl))) {
    const dropped = dropXattr(context, edit, inode, name);
    if (acl === undefined && !dropped) return;
    edit.batch.frees = true;
  } else {
    putXattr(context, edit, inode, name, encodeAcl(acl), placeOf(context.volume, inode.number, name));
  }
  const record = edit.changed(inode, context.volume.now());
  if (access && acl !== undefined) {
    record.mode = (record.mode & ~permissions) | modeOf(acl);
    if (killSgid) record.mode &= ~modeBit.setgid;
  }
  edit.apply();
}

/** chmod: the access ACL, if there is one, follows the mode. May throw Suspend. */
export function chmodAcl(context: Context, edit: InodeEdit, inode: Inode, mode: number): void {
  const acl = readAcl(context, inode, accessAclName);
  if (acl === undefined) return;
  const place = placeOf(context.volume, inode.number, accessAclName);
  putXattr(context, edit, inode, accessAclName, encodeAcl(withMode(acl, mode)), place);
}

/** The ACL that a new entry of this type gets from its directory. May throw Suspend. */
export const defaultAclFor = (context: Context, directory: Inode, mode: number): Acl | undefined =>
  (directory.record.flags & inodeFlag.acl) === 0 || (mode & fileType.mask) === fileType.symlink
    ? undefined
    : readAcl(context, directory, defaultAclName);

/** Give a new inode what its directory's default ACL says: mode, access ACL, and a directory the default itself. */
export function inheritAcl(context: Context, edit: InodeEdit, inode: Inode, defaults: Acl): void {
  const record = edit.record(inode);
  const made = inherited(defaults, record.mode);
  record.mode = (record.mode & ~permissions) | made.mode;
  // The inode has no attributes yet, so places and ids are known.
  const first = firstOffset(hash45(accessAclName, context.volume.nameSeed));
  if (!isMinimal(made.acl)) putItem(edit, inode, accessAclName, encodeAcl(made.acl), first, 1);
  if (!inode.isDirectory) return;
  const second = firstOffset(hash45(defaultAclName, context.volume.nameSeed));
  putItem(edit, inode, defaultAclName, encodeAcl(defaults), second === first ? second + 1 : second, 2);
}
