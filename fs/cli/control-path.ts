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
  if (!isOwn(directory)) throw new VolumeError('no-permission', `${directory} belongs to somebody else`);
}

/** Where the server of a mount may listen, the likeliest place first; of one that is gone, only where this process's would. */
export function controlPaths(device: string): string[] {
  const name = socketName(device);
  const owner = mounts().find((mount) => mount.device === device)?.owner;
  const directories = new Set([runtimeDirectory()]);
  if (owner === 0) directories.add(systemDirectory);
  else if (owner !== undefined)
    for (const directory of [`/run/user/${owner}/varve`, temporaryDirectory(owner)]) directories.add(directory);
  return [...directories].map((directory) => `${directory}/${name}`);
}

/** Where the server of a mount listens that is this process. */
export const ownControlPath = (device: string): string => `${runtimeDirectory()}/${socketName(device)}`;

const socketName = (device: string): string => `${device.replace(':', '-')}.sock`;
const temporaryDirectory = (uid: number): string => `/tmp/varve-${uid}`;

const isOwn = (directory: string): boolean => {
  const { uid, mode } = lstatSync(directory);
  return uid === process.geteuid?.() && (mode & constants.S_IFMT) === constants.S_IFDIR;
};

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
