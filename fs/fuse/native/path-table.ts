/**
 * From libfuse's paths to our inodes. A path starts at the root of the mount, has no `.`, `..` or links in it (the
 * kernel has resolved them), and its bytes need not be UTF-8. It is walked anew for each operation, in memory mostly:
 * a table of its own would have to follow each rename.
 */
import { FsError } from '../../errors.js';
import type { Attributes, FileSystemApi } from '../../posix/api.js';
import { type InodeNumber, rootInode } from '../../units.js';
import type { Guard } from './guard.js';
import type { HiddenNames, Place } from './hidden-names.js';

const slash = 0x2f;

export class PathTable {
  constructor(
    private readonly filesystem: FileSystemApi,
    private readonly hidden: HiddenNames,
    /** Who may search the directories on the way; undefined: the kernel has checked. */
    private readonly guard: Guard | undefined,
  ) {}

  /** The directory and the name in it. Throws FsError: EBUSY for the root, which has none. */
  place(path: Uint8Array): Place {
    let directory: InodeNumber = rootInode;
    let start = 1;
    if (this.guard !== undefined) this.guard.search(this.filesystem.getattr(directory));
    for (let end = path.indexOf(slash, start); end >= 0; end = path.indexOf(slash, start)) {
      const next = this.filesystem.lookup(directory, path.subarray(start, end));
      this.guard?.search(next);
      directory = next.inode;
      start = end + 1;
    }
    if (start >= path.length) throw new FsError('EBUSY', 'the root of the mount', rootInode);
    return { directory, name: path.subarray(start) };
  }

  /** ENOENT, ENOTDIR, ENAMETOOLONG; EACCES if there is a guard. */
  attributes(path: Uint8Array): Attributes {
    return path.length <= 1 ? this.filesystem.getattr(rootInode) : this.at(this.place(path));
  }

  inode(path: Uint8Array): InodeNumber {
    return this.attributes(path).inode;
  }

  at(place: Place): Attributes {
    const hidden = this.hidden.find(place);
    if (hidden !== undefined) return this.filesystem.getattr(hidden);
    if (this.hidden.isOutOfSight(place)) throw new FsError('ENOENT', 'lookup', place.directory);
    return this.filesystem.lookup(place.directory, place.name);
  }
}
