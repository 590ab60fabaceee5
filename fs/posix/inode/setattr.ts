/**
 * SETATTR: mode, owner, size and times in one batch.
 *
 * Permission is not checked here: the kernel does it (`default_permissions`). What the rules say about *how* an
 * allowed change turns out is: setuid and setgid vanish when the owner changes, setgid when one who is not in the
 * group changes the mode.
 */
import { FsError } from '../../errors.js';
import type { InodeNumber } from '../../units.js';
import type { AttributeChanges, Attributes, Credentials, Time } from '../api.js';
import { chmodAcl } from './acls.js';
import { attributesOf } from './attributes.js';
import type { Context } from './context.js';
import type { Inode } from './inode.js';
import { InodeEdit } from './inode-edit.js';
import { refuseFixed, refuseImmutable } from './inode-flags.js';
import { fileType, isDirectory, modeBit, permissionMask, withoutPrivileges } from './mode.js';
import { resize } from './truncate.js';
import { dropXattr } from './xattr-edit.js';
import { capabilityName } from './xattr-name.js';

export function setattr(
  context: Context,
  number: InodeNumber,
  changes: AttributeChanges,
  who: Credentials,
): Attributes {
  const inode = context.inodes.get(number, 'setattr');
  refuseByFlags(inode, changes);
  const now = context.volume.now();
  const edit = new InodeEdit(context, who);
  const after = changes.size === undefined ? undefined : setSize(context, inode, changes.size, edit, now, who);
  // The record stays as long: modes, owners and times can be set on a full volume.
  if (after === undefined) edit.batch.frees = true;
  const record = edit.changed(inode, now);
  setOwnerAndMode(context, inode, changes, who, edit);
  if (changes.atime !== undefined) {
    const time = changes.atime === 'now' ? now : changes.atime;
    record.atimeSeconds = time.seconds;
    record.atimeNanos = time.nanos;
  }
  if (changes.mtime !== undefined) {
    const time = changes.mtime === 'now' ? now : changes.mtime;
    record.mtimeSeconds = time.seconds;
    record.mtimeNanos = time.nanos;
  }
  if (changes.ctime !== undefined) {
    record.ctimeSeconds = changes.ctime.seconds;
    record.ctimeNanos = changes.ctime.nanos;
  }
  edit.apply();
  after?.();
  return attributesOf(inode);
}

/**
 * What immutable and append-only inodes keep. Times that are set to now are no more than reading and appending set; a
 * kernel that keeps mtime itself sends the one that it has set, with the ctime.
 */
function refuseByFlags(inode: Inode, changes: AttributeChanges): void {
  const { mode, uid, gid, size, atime, mtime, cached } = changes;
  if (cached === true) return;
  refuseImmutable(inode, 'setattr');
  const touches = atime === 'now' && (mtime === 'now' || isSame(mtime, changes.ctime));
  const times = !touches && (atime !== undefined || mtime !== undefined);
  if (times || mode !== undefined || uid !== undefined || gid !== undefined || size !== undefined) {
    refuseFixed(inode, 'setattr');
  }
}

const isSame = (a: Time | undefined, b: Time | undefined): boolean =>
  a !== undefined && b !== undefined && a.seconds === b.seconds && a.nanos === b.nanos;

function setSize(
  context: Context,
  inode: Inode,
  size: number,
  edit: InodeEdit,
  now: Time,
  who: Credentials,
): () => void {
  if (inode.isDirectory) throw new FsError('EISDIR', 'setattr', inode.number);
  if (!inode.isRegular) throw new FsError('EINVAL', 'setattr', inode.number);
  const after = resize(context, inode, size, edit, who);
  edit.modified(inode, now);
  return after;
}

function setOwnerAndMode(
  context: Context,
  inode: Inode,
  changes: AttributeChanges,
  who: Credentials,
  edit: InodeEdit,
): void {
  const record = edit.record(inode);
  const { gid } = record;
  const chown = changes.uid !== undefined || changes.gid !== undefined;
  if (changes.uid !== undefined) record.uid = changes.uid;
  if (changes.gid !== undefined) record.gid = changes.gid;
  if ((chown || changes.killPrivileges === true) && !isDirectory(record.mode)) {
    record.mode = withoutPrivileges(record.mode, () => mayKeepSetgid(context, gid, who));
    dropXattr(context, edit, inode, capabilityName);
  }
  if (changes.mode !== undefined) {
    record.mode = (record.mode & fileType.mask) | (changes.mode & permissionMask);
    const setgid = (record.mode & modeBit.setgid) !== 0;
    if (setgid && !mayKeepSetgid(context, record.gid, who)) record.mode &= ~modeBit.setgid;
    chmodAcl(context, edit, inode, record.mode);
  }
}

/** Root and members of the group keep setgid. Without a list of groups, the kernel has seen to it. */
function mayKeepSetgid(context: Context, gid: number, who: Credentials): boolean {
  if (context.groupsOf === undefined || who.uid === 0 || who.gid === gid) return true;
  return context.groupsOf(who).includes(gid);
}

/**
 * A write by one without the privilege to keep them: setuid, setgid and capabilities go, before the data. Its own
 * batch, so that the write itself stays in memory.
 */
export function killPrivileges(context: Context, inode: Inode, who: Credentials): void {
  const edit = new InodeEdit(context);
  const { record } = inode;
  const mode = withoutPrivileges(record.mode, () => mayKeepSetgid(context, record.gid, who));
  const dropped = dropXattr(context, edit, inode, capabilityName);
  if (!dropped && mode === record.mode) return;
  // Nothing grows: overwriting works on a full volume.
  edit.batch.frees = true;
  edit.changed(inode, context.volume.now()).mode = mode;
  edit.apply();
}
