/**
 * Flags of inodes that people set with chattr(1), and what they forbid: an immutable inode stays as it is, an
 * append-only one grows at its end and keeps its names and attributes. That only root sets these two is checked by who
 * knows the caller's capabilities; see ioctl_iflags(2).
 */
import { FsError } from '../../errors.js';
import { inodeFlag } from '../../format/item.js';
import { Suspend } from '../../suspend.js';
import type { InodeNumber } from '../../units.js';
import { flaggedName } from '../../volume/volume-chains.js';
import type { Credentials } from '../api.js';
import type { Context } from './context.js';
import type { Inode } from './inode.js';
import { InodeEdit } from './inode-edit.js';

const { immutable, appendOnly, noAtime, compress, noCompress, noDump, projectInherit } = inodeFlag;

export const settableFlags = immutable | appendOnly | noAtime | compress | noCompress | noDump | projectInherit;
/** What a new inode has from its directory. */
export const inheritedFlags = noAtime | compress | noCompress | noDump;
/** And a new directory. */
export const inheritedByDirectories = inheritedFlags | projectInherit;

/** EPERM for an immutable inode: it takes no contents, and no entries. */
export function refuseImmutable(inode: Inode, operation: string): void {
  if ((inode.record.flags & immutable) !== 0) throw new FsError('EPERM', operation, inode.number, 'immutable');
}

/** EPERM for an immutable or append-only inode: its names and attributes stay, and what it has. */
export function refuseFixed(inode: Inode, operation: string): void {
  if ((inode.record.flags & (immutable | appendOnly)) !== 0) {
    throw new FsError('EPERM', operation, inode.number, 'immutable or append-only');
  }
}

/** EPERM for opening an immutable file to write, or an append-only one in order to do more than append. */
export function checkOpen(inode: Inode, appends: boolean): void {
  refuseImmutable(inode, 'open');
  if (!appends) refuseFixed(inode, 'open');
}

/**
 * Set all settable flags to those given, and the project id. EINVAL; ENOTTY for what is neither file nor directory; EDQUOT.
 * What only a directory can have is left out elsewhere, as ext4 does.
 */
export function setFlags(
  context: Context,
  number: InodeNumber,
  flags: number,
  project: number | undefined,
  who: Credentials,
): void {
  const inode = context.inodes.get(number, 'setflags');
  if (!inode.isRegular && !inode.isDirectory) throw new FsError('ENOTTY', 'setflags', number);
  const both = compress | noCompress;
  if ((flags & ~settableFlags) !== 0 || (flags & both) === both) throw new FsError('EINVAL', 'setflags', number);
  // Without a chain the flag would say nothing.
  const { volume } = context;
  volume.mustBeWritable('setflags');
  if ((flags & compress) !== 0 && volume.transforms.flagged === 0)
    throw new Suspend(volume.transforms.demand(flaggedName), 'a chain of transforms');
  const edit = new InodeEdit(context, who);
  edit.batch.frees = true;
  const record = edit.changed(inode, context.volume.now());
  record.flags = (record.flags & ~settableFlags) | (inode.isDirectory ? flags : flags & ~projectInherit);
  if (project !== undefined) record.project = project;
  edit.apply();
}
