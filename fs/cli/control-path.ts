/**
 * Where servers keep their sockets and logs, by the device number of the mount: /run/varve, and for users who may not
 * write there a directory of their own. Root finds those of users, too; a user's directory that is not really the
 * user's own (anybody can make names in /tmp) is not used.
 */
import { accessSync, constants, lstatSync, mkdirSync } from 'node:fs';
import { VolumeError } from '../errors.js';
import { mounts } from '../fuse/mount-table.js';

const systemDirectory = '/run/varve';

/** Of this process. It may not be there yet. */
export const runtimeDirectory = (): string => {
  const own = process.env.XDG_RUNTIME_DIR;
  if (writable('/run')) return systemDirectory;
  if (own !== undefined && writable(own)) return `${own}/varve`;
  return temporaryDirectory(process.geteuid?.() ?? 0);
};

/** Make this process's directory. Throws VolumeError: somebody else has. */
export function makeRuntimeDirectory(): void {
  const directory = runtimeDirectory();
  mkdirSync(directory, { recursive: true, mode: 0o755 });
  if (!belongsTo(directory, process.geteuid?.() ?? 0))
    throw new VolumeError('no-permission', `${directory} belongs to somebody else`);
}

/**
 * Where the server of a mount may listen, the likeliest place first; of one that is gone, only where this process's would.
 * Directories that are not there, or not their user's, are left out: whoever made them would answer in the server's name.
 */
export function controlPaths(device: string): string[] {
  const owner = mounts().find((mount) => mount.device === device)?.owner;
  const owners = new Map([[runtimeDirectory(), process.geteuid?.() ?? 0]]);
  if (owner === 0) owners.set(systemDirectory, 0);
  else if (owner !== undefined)
    for (const directory of [`/run/user/${owner}/varve`, temporaryDirectory(owner)]) owners.set(directory, owner);
  return [...owners]
    .filter(([directory, user]) => belongsTo(directory, user))
    .map(([directory]) => `${directory}/${socketName(device)}`);
}

/** Where the server of a mount listens that is this process. */
export const ownControlPath = (device: string): string => `${runtimeDirectory()}/${socketName(device)}`;

const socketName = (device: string): string => `${device.replace(':', '-')}.sock`;
const temporaryDirectory = (uid: number): string => `/tmp/varve-${uid}`;

/** Whether it is that user's own directory. One that may not be looked at counts as well: nothing can be opened there. */
export function belongsTo(directory: string, user: number): boolean {
  try {
    const { uid, mode } = lstatSync(directory);
    return uid === user && (mode & constants.S_IFMT) === constants.S_IFDIR;
  } catch (e) {
    const { code } = e as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return false;
    if (code === 'EACCES') return true;
    throw e;
  }
}

const writable = (directory: string): boolean => {
  try {
    accessSync(directory, constants.W_OK | constants.X_OK);
    return true;
  } catch (e) {
    const { code } = e as NodeJS.ErrnoException;
    if (code === 'EACCES' || code === 'ENOENT' || code === 'EROFS' || code === 'ENOTDIR') return false;
    throw e;
  }
};
