/** What may be the name of a directory entry: 1 to 255 bytes, any but `/` and NUL, and not `.` or `..`. */
import { FsError } from '../../errors.js';
import { type InodeNumber, maxNameBytes, rootInode } from '../../units.js';

const dot = 0x2e;
const slash = 0x2f;

/** Name of the directory of snapshots, in the root directory. */
export const snapshotsName = new TextEncoder().encode('.snapshots');

export function isSnapshotsName(name: Uint8Array): boolean {
  if (name.length !== snapshotsName.length) return false;
  for (let i = 0; i < snapshotsName.length; i++) if (name[i] !== snapshotsName[i]) return false;
  return true;
}

export const isDot = (name: Uint8Array): boolean => name.length === 1 && name[0] === dot;
export const isDotDot = (name: Uint8Array): boolean => name.length === 2 && name[0] === dot && name[1] === dot;

/** ENAMETOOLONG, EINVAL. */
export function checkName(name: Uint8Array, operation: string, directory: InodeNumber): void {
  if (name.length > maxNameBytes) throw new FsError('ENAMETOOLONG', operation, directory);
  let bad = name.length === 0;
  for (let i = 0; i < name.length; i++) if (name[i] === slash || name[i] === 0) bad = true;
  if (bad) throw new FsError('EINVAL', operation, directory, 'not a name');
}

/** The same, for an entry that is made, removed or renamed: `.`, `..` and the root's `.snapshots` are there, and stay. */
export function checkEntryName(name: Uint8Array, operation: string, directory: InodeNumber): void {
  checkName(name, operation, directory);
  if (isDot(name) || isDotDot(name)) throw new FsError('EINVAL', operation, directory, 'dot or dot-dot');
  if (directory === rootInode && isSnapshotsName(name)) throw new FsError('EPERM', operation, directory, 'snapshots');
}
