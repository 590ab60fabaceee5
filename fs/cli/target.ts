/** Commands take an image or a mounted directory: which one is it? */
import { realpathSync, type Stats, statSync } from 'node:fs';
import { VolumeError } from '../errors.js';
import { type MountEntry, mountAt, mounts, mountType } from '../fuse/mount-table.js';

/**
 * The mount that `path` names: the directory where a volume is mounted, or an image that is mounted somewhere.
 * Undefined for an image that is not. Throws VolumeError for what is neither.
 */
export function mountOf(path: string): MountEntry | undefined {
  const stat = look(path);
  if (!stat.isDirectory()) return mountOfImage(path);
  const mount = mountAt(realpathSync(path));
  if (mount === undefined || mount.type !== mountType) {
    throw new VolumeError('usage', `${path} is a directory where no Varve volume is mounted`);
  }
  return mount;
}

/** Where an image is mounted, if it is. */
export function mountOfImage(path: string): MountEntry | undefined {
  const image = realpathSync(path);
  return mounts().find((entry) => entry.type === mountType && entry.source === image);
}

/** The Varve mount on which a directory lies; undefined if it lies on another filesystem. Throws VolumeError. */
export function mountAround(directory: string): MountEntry | undefined {
  if (!look(directory).isDirectory()) throw new VolumeError('usage', `${directory} is no directory`);
  const path = `${realpathSync(directory)}/`;
  const around = mounts().filter(({ target }) => path.startsWith(target === '/' ? target : `${target}/`));
  const longest = Math.max(...around.map(({ target }) => target.length));
  const mount = around.findLast(({ target }) => target.length === longest);
  return mount?.type === mountType ? mount : undefined;
}

function look(path: string): Stats {
  try {
    return statSync(path);
  } catch (e) {
    const { code, message } = e as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') throw new VolumeError('not-found', `${path} does not exist`);
    if (code === 'EACCES') throw new VolumeError('no-permission', `${path}: permission denied`);
    if (code === 'ENOTCONN' || code === 'ECONNABORTED') {
      throw new VolumeError('io', `the server of the mount on ${path} died: run varve umount --force ${path}`);
    }
    throw new VolumeError('io', message);
  }
}
