/**
 * rename(2) and renameat2(2) with NOREPLACE, EXCHANGE and WHITEOUT: all of it (both entries, both directories, the moved
 * inode and the one whose name it takes) in one batch, so that after a crash it has happened or it has not.
 */
import { CorruptionError, FsError } from '../../errors.js';
import { itemKind } from '../../format/item.js';
import type { InodeNumber } from '../../units.js';
import { type Credentials, renameFlag } from '../api.js';
import type { Context } from '../inode/context.js';
import type { Inode } from '../inode/inode.js';
import { InodeEdit } from '../inode/inode-edit.js';
import { refuseFixed, refuseImmutable } from '../inode/inode-flags.js';
import { direntType, fileType } from '../inode/mode.js';
import { refuseOtherProject } from '../quota/project.js';
import { direntBytes, encodeDirent, isEmptyDirectory, offsetForNew, placeOf } from './dirents.js';
import { dropName } from './drop-name.js';
import { directoryOf, livingDirectory } from './lookup.js';
import { checkEntryName } from './names.js';
import { keepNumber, newInode } from './new-inode.js';

const { noReplace, exchange, whiteout } = renameFlag;
/** What overlayfs calls a whiteout: a character device 0, 0 that nobody may open. */
const whiteoutMode = fileType.character;

/** One end of a rename: a directory, a name in it, where that is, and what it leads to now. */
interface End {
  readonly directory: Inode;
  readonly name: Uint8Array;
  readonly offset: number;
  readonly inode: Inode | undefined;
}

export function rename(
  context: Context,
  parent: InodeNumber,
  name: Uint8Array,
  newParent: InodeNumber,
  newName: Uint8Array,
  flags: number,
  who: Credentials,
): void {
  const known = noReplace | exchange | whiteout;
  const contradicts = (flags & exchange) !== 0 && flags !== exchange;
  if ((flags & ~known) !== 0 || contradicts) throw new FsError('EINVAL', 'rename', parent, 'flags');
  const from = endOf(context, directoryOf(context, parent, 'rename'), name);
  const to = endOf(context, livingDirectory(context, newParent, 'rename'), newName);
  const { inode } = from;
  if (inode === undefined) throw new FsError('ENOENT', 'rename', parent);
  if (to.inode !== undefined && (flags & noReplace) !== 0) throw new FsError('EEXIST', 'rename', newParent);
  if (to.inode === undefined && (flags & exchange) !== 0) throw new FsError('ENOENT', 'rename', newParent);
  // Two names of one file: POSIX leaves both.
  if (to.inode === inode) return;
  refuseByFlags(from, inode, to);
  refuseOtherProject(inode, to.directory, 'rename');
  refuseLoop(context, inode, to.directory);
  if ((flags & exchange) !== 0 && to.inode !== undefined) {
    refuseOtherProject(to.inode, from.directory, 'rename');
    refuseLoop(context, to.inode, from.directory);
    context.writeback.flushBeforeNaming(inode);
    context.writeback.flushBeforeNaming(to.inode);
    swap(context, from, inode, to, to.inode);
  } else {
    if (to.inode !== undefined) checkReplaces(context, inode, to.inode);
    context.writeback.flushBeforeNaming(inode);
    move(context, from, inode, to, (flags & whiteout) === 0 ? undefined : who);
  }
}

/** What immutable and append-only inodes and directories keep. */
function refuseByFlags(from: End, inode: Inode, to: End): void {
  refuseFixed(from.directory, 'rename');
  refuseFixed(inode, 'rename');
  refuseImmutable(to.directory, 'rename');
  if (to.inode === undefined) return;
  refuseFixed(to.directory, 'rename');
  refuseFixed(to.inode, 'rename');
}

function endOf(context: Context, directory: Inode, name: Uint8Array): End {
  checkEntryName(name, 'rename', directory.number);
  const place = placeOf(context.volume, directory.number, name);
  const inode = place.inode === 0 ? undefined : context.inodes.follow(place.inode, directory.number);
  return { directory, name, offset: place.offset, inode };
}

/**
 * EINVAL if `directory` is `moved` or lies below it. Parents that lead round in a ring, which only damage makes, are found
 * by a mark that is set anew after 1, 2, 4, ... steps (R. P. Brent, "An improved Monte Carlo factorization algorithm",
 * 1980). May throw Suspend.
 */
function refuseLoop(context: Context, moved: Inode, directory: Inode): void {
  if (!moved.isDirectory) return;
  let [mark, left, length] = [0, 1, 1];
  for (let at = directory; ; ) {
    if (at === moved) throw new FsError('EINVAL', 'rename', moved.number, 'into itself');
    if (at.number === context.root || at.record.parent === at.number) return;
    if (at.number === mark) throw new CorruptionError('directory', `inode ${mark}`, 'is its own ancestor');
    if (--left === 0) [mark, left, length] = [at.number, 2 * length, 2 * length];
    at = context.inodes.follow(at.record.parent, at.number);
  }
}

/** ENOTDIR, EISDIR, ENOTEMPTY. May throw Suspend. */
function checkReplaces(context: Context, moved: Inode, victim: Inode): void {
  if (moved.isDirectory && !victim.isDirectory) throw new FsError('ENOTDIR', 'rename', victim.number);
  if (!moved.isDirectory && victim.isDirectory) throw new FsError('EISDIR', 'rename', victim.number);
  if (victim.isDirectory && !isEmptyDirectory(context.volume, victim.number)) {
    throw new FsError('ENOTEMPTY', 'rename', victim.number);
  }
}

/** `whiteoutBy`: who leaves a whiteout under the old name. */
function move(context: Context, from: End, inode: Inode, to: End, whiteoutBy: Credentials | undefined): void {
  const now = context.volume.now();
  const edit = new InodeEdit(context, whiteoutBy);
  const offset = offsetForNew(to.offset, 'rename', to.directory.number);
  const left = whiteoutBy && newInode(context, from.directory, whiteoutMode, 0, 0, whiteoutBy, now);
  if (left === undefined) edit.batch.delete(from.directory.number, itemKind.dirent, from.offset);
  else edit.batch.put(from.directory.number, itemKind.dirent, from.offset, entryFor(left, from.name));
  edit.batch.put(to.directory.number, itemKind.dirent, offset, entryFor(inode, to.name));
  const source = edit.modified(from.directory, now);
  const target = edit.modified(to.directory, now);
  if (left === undefined) source.size -= direntBytes(from.name.length);
  else addWhiteout(edit, left);
  if (to.inode === undefined) target.size += direntBytes(to.name.length);
  if (inode.isDirectory) {
    source.subdirectories--;
    target.subdirectories++;
    edit.record(inode).parent = to.directory.number;
  }
  edit.changed(inode, now);
  let after: (() => void) | undefined;
  if (to.inode !== undefined) {
    if (to.inode.isDirectory) target.subdirectories--;
    after = dropName(context, edit, to.inode, now);
  }
  edit.apply();
  if (left !== undefined) keepNumber(context, left);
  after?.();
}

function addWhiteout(edit: InodeEdit, inode: Inode): void {
  edit.batch.inodes++;
  edit.record(inode);
}

function swap(context: Context, from: End, inode: Inode, to: End, other: Inode): void {
  const now = context.volume.now();
  const edit = new InodeEdit(context);
  edit.batch.put(from.directory.number, itemKind.dirent, from.offset, entryFor(other, from.name));
  edit.batch.put(to.directory.number, itemKind.dirent, to.offset, entryFor(inode, to.name));
  const source = edit.modified(from.directory, now);
  const target = edit.modified(to.directory, now);
  if (inode.isDirectory) {
    source.subdirectories--;
    target.subdirectories++;
    edit.record(inode).parent = to.directory.number;
  }
  if (other.isDirectory) {
    target.subdirectories--;
    source.subdirectories++;
    edit.record(other).parent = from.directory.number;
  }
  edit.changed(inode, now);
  edit.changed(other, now);
  edit.apply();
}

const entryFor = (inode: Inode, name: Uint8Array): Uint8Array =>
  encodeDirent(inode.number, direntType(inode.record.mode), name);
