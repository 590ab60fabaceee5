/**
 * Who may do what: decisions from mode, ACL, owner and the caller's ids, and from nothing else. With the kernel driver
 * the kernel decides (`default_permissions`, POSIX_ACL); a driver for which it can't asks here before each operation.
 *
 * The rules are those of Linux (fs/namei.c, fs/attr.c, fs/xattr.c, path_resolution(7), acl(5)). Two of them differ
 * from POSIX 1003.1e draft 17, and programs see them on any other filesystem: the owner is judged by the mode, and an
 * ACL whose mask is empty is not looked at, so that named users and groups are judged as others.
 */
import type { ErrorCode } from '../../errors.js';
import type { AttributeChanges } from '../api.js';
import { fileType, isDirectory, modeBit } from '../inode/mode.js';
import { capabilityName, sameName } from '../inode/xattr-name.js';
import { type Acl, aclTag, entryOf, permission } from './posix-acl.js';

/** Who asks. */
export interface Subject {
  readonly uid: number;
  readonly gid: number;
  /** Groups besides `gid`. Read only where they matter. */
  readonly groups: readonly number[];
  /** Has the capabilities of root: CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_CHOWN, CAP_FSETID, CAP_SYS_ADMIN, CAP_MKNOD. */
  readonly privileged: boolean;
}

/** What is asked for, as far as permissions go: `Attributes` with the ACL. */
export interface Guarded {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** The access ACL, if it has one. */
  readonly acl?: Acl | undefined;
}

/** What a decision comes to: the code of the error, or undefined when it is allowed. */
export type Refusal = ErrorCode | undefined;

const groupBits = 0o070;

export const isMember = (subject: Subject, gid: number): boolean => subject.gid === gid || subject.groups.includes(gid);

/** Owns it, or may act as if. */
export const isOwner = (subject: Subject, object: Guarded): boolean => subject.privileged || subject.uid === object.uid;

/** Whether the subject has all of the `permission` bits that it wants. */
export function permits(subject: Subject, object: Guarded, wanted: number): boolean {
  return permitsUnprivileged(subject, object, wanted) || (subject.privileged && overrides(object, wanted));
}

/** Root reads and writes anything, and executes what somebody may execute. */
const overrides = ({ mode }: Guarded, wanted: number): boolean =>
  isDirectory(mode) || (wanted & permission.execute) === 0 || (mode & 0o111) !== 0;

function permitsUnprivileged(subject: Subject, object: Guarded, wanted: number): boolean {
  const { mode, acl } = object;
  const has = (bits: number): boolean => (bits & wanted) === wanted;
  if (subject.uid === object.uid) return has(mode >> 6);
  if (acl !== undefined && (mode & groupBits) !== 0) return aclPermits(subject, object, acl, wanted);
  return has(isMember(subject, object.gid) ? mode >> 3 : mode);
}

/** The algorithm of acl(5) from its second step on: the owner was judged already. */
function aclPermits(subject: Subject, object: Guarded, acl: Acl, wanted: number): boolean {
  const has = (bits: number): boolean => (bits & wanted) === wanted;
  const mask = entryOf(acl, aclTag.mask)?.permissions ?? 7;
  let inGroup = false;
  for (const { tag, permissions, id } of acl) {
    if (tag === aclTag.user && id === subject.uid) return has(permissions & mask);
    const group = tag === aclTag.group ? object.gid : tag === aclTag.namedGroup ? id : undefined;
    if (group === undefined || !isMember(subject, group)) continue;
    if (has(permissions)) return has(permissions & mask);
    inGroup = true;
  }
  return !inGroup && has(entryOf(acl, aclTag.others)?.permissions ?? 0);
}

/** To make an entry in a directory. */
export const mayCreate = (subject: Subject, directory: Guarded): Refusal =>
  permits(subject, directory, permission.write | permission.execute) ? undefined : 'EACCES';

/** To take an entry out of a directory, also by rename: in a sticky one it, or the directory, must be the subject's. */
export function mayRemove(subject: Subject, directory: Guarded, entry: Guarded): Refusal {
  if (!permits(subject, directory, permission.write | permission.execute)) return 'EACCES';
  const sticky = (directory.mode & modeBit.sticky) !== 0;
  return sticky && subject.uid !== directory.uid && !isOwner(subject, entry) ? 'EPERM' : undefined;
}

/** To move an entry: as removing it; a directory that gets another parent has its `..` written. */
export function mayMove(subject: Subject, from: Guarded, entry: Guarded, otherParent: boolean): Refusal {
  const refusal = mayRemove(subject, from, entry);
  if (refusal !== undefined) return refusal;
  const writes = otherParent && isDirectory(entry.mode);
  return writes && !permits(subject, entry, permission.write) ? 'EACCES' : undefined;
}

/** To change attributes. Times without a value ('now') ask for less than times with one. */
export function mayChange(subject: Subject, object: Guarded, changes: AttributeChanges): Refusal {
  const { uid, gid, mode, size, atime, mtime } = changes;
  const owns = subject.uid === object.uid;
  if (uid !== undefined && !subject.privileged && !(owns && uid === object.uid)) return 'EPERM';
  if (gid !== undefined && !subject.privileged) {
    if (!owns || (gid !== object.gid && !isMember(subject, gid))) return 'EPERM';
  }
  if (mode !== undefined && !isOwner(subject, object)) return 'EPERM';
  const explicit = isExplicit(atime) || isExplicit(mtime) || (atime === undefined) !== (mtime === undefined);
  if (explicit && !isOwner(subject, object)) return 'EPERM';
  const touches = atime === 'now' && mtime === 'now';
  if (touches && !isOwner(subject, object) && !permits(subject, object, permission.write)) return 'EACCES';
  return size !== undefined && !permits(subject, object, permission.write) ? 'EACCES' : undefined;
}

const isExplicit = (time: AttributeChanges['atime']): boolean => time !== undefined && time !== 'now';

/** Whether setgid stays when the subject gives a file this mode, or this ACL. */
export const keepsSetgid = (subject: Subject, gid: number): boolean => subject.privileged || isMember(subject, gid);

const startsWith = (name: Uint8Array, prefix: string): boolean => {
  for (let i = 0; i < prefix.length; i++) if (name[i] !== prefix.charCodeAt(i)) return false;
  return true;
};

/** To read an extended attribute. `trusted.` does not exist for others, nor `user.` where it can't be. */
export function mayReadXattr(subject: Subject, object: Guarded, name: Uint8Array): Refusal {
  if (startsWith(name, 'trusted.')) return subject.privileged ? undefined : 'ENODATA';
  if (!startsWith(name, 'user.')) return undefined;
  if (!hasUserXattrs(object)) return 'ENODATA';
  return permits(subject, object, permission.read) ? undefined : 'EACCES';
}

/** To set an extended attribute. */
export function mayWriteXattr(subject: Subject, object: Guarded, name: Uint8Array): Refusal {
  if (startsWith(name, 'system.posix_acl_')) return isOwner(subject, object) ? undefined : 'EPERM';
  if (startsWith(name, 'trusted.') || startsWith(name, 'security.')) return subject.privileged ? undefined : 'EPERM';
  if (!startsWith(name, 'user.')) return undefined;
  if (!hasUserXattrs(object)) return 'EPERM';
  const sticky = isDirectory(object.mode) && (object.mode & modeBit.sticky) !== 0;
  if (sticky && !isOwner(subject, object)) return 'EPERM';
  return permits(subject, object, permission.write) ? undefined : 'EACCES';
}

/**
 * To remove one. `security.capability` goes with a write, and the kernel removes it on behalf of whoever writes; who asks
 * for that with removexattr(2) was refused by the kernel before anybody else hears of it.
 */
export const mayRemoveXattr = (subject: Subject, object: Guarded, name: Uint8Array): Refusal =>
  sameName(name, capabilityName) ? undefined : mayWriteXattr(subject, object, name);

const hasUserXattrs = ({ mode }: Guarded): boolean => (mode & fileType.mask) === fileType.regular || isDirectory(mode);
