/** Names of extended attributes: which namespaces there are, and which names mean something to the filesystem. */
import { FsError } from '../../errors.js';
import { inodeFlag } from '../../format/item.js';
import { type InodeNumber, maxNameBytes } from '../../units.js';

const text = (name: string): Uint8Array => new TextEncoder().encode(name);

export const capabilityName = text('security.capability');
export const accessAclName = text('system.posix_acl_access');
export const defaultAclName = text('system.posix_acl_default');

const trustedPrefix = text('trusted.');
const namespaces = [text('user.'), trustedPrefix, text('security.')];

export function sameName(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

function startsWith(name: Uint8Array, prefix: Uint8Array): boolean {
  for (let i = 0; i < prefix.length; i++) if (name[i] !== prefix[i]) return false;
  return true;
}

/** Throws EOPNOTSUPP for a namespace that is not served, ERANGE for a name too long, EINVAL for one without a rest. */
export function checkXattrName(name: Uint8Array, inode: InodeNumber): void {
  if (name.length > maxNameBytes) throw new FsError('ERANGE', 'xattr', inode);
  if (isAclName(name)) return;
  for (const prefix of namespaces) {
    if (!startsWith(name, prefix)) continue;
    if (name.length === prefix.length) throw new FsError('EINVAL', 'xattr', inode);
    return;
  }
  throw new FsError('EOPNOTSUPP', 'xattr', inode);
}

export const isAclName = (name: Uint8Array): boolean => sameName(name, accessAclName) || sameName(name, defaultAclName);

/** In the namespace that only root sees. */
export const isTrustedName = (name: Uint8Array): boolean => startsWith(name, trustedPrefix);

/** Flags that an inode with this attribute has. */
export const flagsFor = (name: Uint8Array): number => inodeFlag.xattrs | (isAclName(name) ? inodeFlag.acl : 0);
