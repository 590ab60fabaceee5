/** Commands take an image or a mounted directory: which one is it? */
import { realpathSync, statSync } from 'node:fs';
import { VolumeError } from '../errors.js';
import { type MountEntry, mountAt, mountType } from '../fuse/mount-table.js';

/** The mount whose directory `path` is; undefined for an image. Throws VolumeError for what is neither. */
export function mountOf(path: string): MountEntry | undefined {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) throw new VolumeError('not-found', `${path} does not exist`);
  if (!stat.isDirectory()) return undefined;
  const mount = mountAt(realpathSync(path));
  if (mount === undefined || mount.type !== mountType) {
    throw new VolumeError('usage', `${path} is a directory where no Varve volume is mounted`);
  }
  return mount;
}
