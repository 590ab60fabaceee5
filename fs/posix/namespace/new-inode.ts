/**
 * What a new inode begins with: type, permissions after the umask, owner, times. A new entry of a setgid directory
 * belongs to the directory's group, and a new directory there is setgid itself. The umask applies where the directory
 * has no default ACL (inode/acls.ts).
 */
import type { InodeRecord } from '../../format/item.js';
import type { Credentials, Time } from '../api.js';
import type { Context } from '../inode/context.js';
import { Inode } from '../inode/inode.js';
import { inheritedByDirectories, inheritedFlags } from '../inode/inode-flags.js';
import { fileType, isDirectory, modeBit, permissionMask } from '../inode/mode.js';
import { inheritedProject } from '../quota/project.js';

/** Numbers that were taken for an operation that then began again: the next one uses them. */
const spare = new WeakMap<Context, number>();

/** An inode that is in no table and no batch yet. `keepNumber` once its batch was applied. */
export function newInode(
  context: Context,
  parent: Inode,
  mode: number,
  umask: number,
  device: number,
  who: Credentials,
  now: Time,
): Inode {
  let number = spare.get(context);
  if (number === undefined) {
    number = context.volume.allocateInode();
    spare.set(context, number);
  }
  const inherits = (parent.record.mode & modeBit.setgid) !== 0;
  const type = mode & fileType.mask;
  let permissions = mode & permissionMask;
  if (type !== fileType.symlink) permissions &= ~(umask & 0o777);
  if (inherits && isDirectory(mode)) permissions |= modeBit.setgid;
  const takesFlags = type === fileType.regular || type === fileType.directory;
  const record: InodeRecord = {
    mode: type | permissions,
    links: 1,
    uid: who.uid,
    gid: inherits ? parent.record.gid : who.gid,
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
    device,
    flags: takesFlags ? parent.record.flags & (isDirectory(mode) ? inheritedByDirectories : inheritedFlags) : 0,
    parent: isDirectory(mode) ? parent.number : 0,
    project: inheritedProject(parent),
    generation: 0,
    transform: parent.record.transform,
    reserved: 0,
    subdirectories: 0,
  };
  return new Inode(number, record);
}

/** The batch with the new inode was applied: its number is used. */
export function keepNumber(context: Context, inode: Inode): void {
  spare.delete(context);
  context.inodes.add(inode);
}
