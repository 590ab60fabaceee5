/**
 * Options of libfuse 2, as one string.
 *
 * - `use_ino`: our inode numbers. `attr_timeout=0`: libfuse has an inode for each path, so that the kernel does not
 *   know two links to be one file; what it remembers of one would be wrong after a change of the other.
 * - `default_permissions` knows modes only, not ACLs: with ACLs the driver checks permissions (guard.ts).
 * - `suid,dev,nonempty`: as mounts of root have it; libfuse refuses the three of its own accord.
 */
import { VolumeError } from '../../errors.js';
import type { MountOptions } from '../driver.js';
import { isOrdinaryUser } from '../fusermount.js';

/** The binding has room for so much. */
const mostBytes = 1023;
const mostBytesOfWrite = 128 * 1024;
const mostReadahead = 1024 * 1024;

/** Options of any filesystem that libfuse 2 knows; the others are set by a remount. */
const known = new Set(['nosuid', 'nodev', 'noexec', 'sync', 'dirsync', 'noatime']);

/** Throws VolumeError: they are too long. */
export function libfuseOptions(options: MountOptions): string {
  const { source, readOnly, general, allowOther, posixAcl } = options;
  const root = !isOrdinaryUser();
  const words = [
    `fsname=${source.replace(/[\\,]/g, '\\$&')}`,
    'subtype=varve',
    ...(posixAcl ? [] : ['default_permissions']),
    'use_ino',
    'attr_timeout=0',
    'nonempty',
    'big_writes',
    `max_write=${mostBytesOfWrite}`,
    `max_readahead=${mostReadahead}`,
    readOnly ? 'ro' : 'rw',
    ...(root ? ['suid', 'dev'] : []),
    ...(root || allowOther ? ['allow_other'] : []),
    ...general.filter((option) => known.has(option)),
  ];
  const text = `-o${words.join(',')}`;
  if (Buffer.byteLength(text) > mostBytes) {
    throw new VolumeError('usage', `driver=native has no room for the path of the image: ${source}`);
  }
  return text;
}

/** What libfuse can't set is left to a remount. */
export const hasMore = (options: MountOptions): boolean => options.general.some((option) => !known.has(option));
