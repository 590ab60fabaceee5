/**
 * What mount.varve does before anything is opened: which image, which directory, and is it possible at all?
 * Paths are made absolute here; the mount table then names them the same for everybody.
 */
import { realpathSync, statSync } from 'node:fs';
import { VolumeError } from '../errors.js';
import { mounts, mountType } from '../fuse/mount-table.js';
import { findImage } from './find-image.js';

export interface Place {
  readonly image: string;
  readonly target: string;
}

/**
 * `source`: a path, or `LABEL=` or `UUID=` of an image in the directories `search`. Throws VolumeError: there is no such
 * image or directory, or the image is mounted already; read-only, that may happen more than once: what is served
 * read-write can be shown beside (view-service.ts).
 */
export function placeOf(source: string, target: string, search: readonly string[], readOnly: boolean): Place {
  const image = findImage(source, search);
  const place = { image: existing(image, 'image'), target: existing(target, 'mount point') };
  if (!statSync(place.target).isDirectory()) throw new VolumeError('usage', `${target} is not a directory`);
  const other = mounts().find((entry) => entry.type === mountType && entry.source === place.image);
  if (other && !readOnly) throw new VolumeError('in-use', `${image} is mounted on ${other.target}`);
  return place;
}

export function existing(path: string, what: string): string {
  try {
    return realpathSync(path);
  } catch (e) {
    const { code } = e as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw new VolumeError('not-found', `${what} ${path} does not exist`);
    if (code === 'EACCES') throw new VolumeError('no-permission', `${what} ${path}: permission denied`);
    if (code === 'ENOTCONN' || code === 'ECONNABORTED') {
      throw new VolumeError('in-use', `a server died and left its mount on ${path}: run varve umount --force ${path}`);
    }
    throw new VolumeError('io', `${what} ${path}: ${code}`);
  }
}
