/**
 * From paths to inodes, as path_resolution(7) has it: symbolic links are followed, at most forty of them, and `..` of
 * the root is the root. A path is of the image: a relative one begins at its root. Nobody's permissions are asked: who
 * can read the image can read all of it.
 */
import { FsError } from '../fs/errors.js';
import type { Attributes, FileSystemApi } from '../fs/posix/api.js';
import { isDirectory, isSymlink } from '../fs/posix/inode/mode.js';
import { run } from '../fs/suspend.js';
import { type InodeNumber, rootInode } from '../fs/units.js';

const mostLinks = 40;
const encoder = new TextEncoder();

/** Where a name is, or would be. */
export interface Place {
  readonly parent: InodeNumber;
  readonly name: Uint8Array;
}

/** The directories from the root on, and at last what the path leads to, if nothing is missing. */
interface Walk {
  readonly trail: readonly { readonly name: string; readonly attributes: Attributes }[];
  readonly missing?: Place;
}

export class Paths {
  constructor(private readonly filesystem: FileSystemApi) {}

  /** The attributes of what a path leads to. ENOENT, ENOTDIR, ELOOP, ENAMETOOLONG. */
  async find(path: string, followLast = true): Promise<Attributes> {
    return (await this.walk(path, followLast)).trail.at(-1)!.attributes;
  }

  /** What a path leads to; or, if only its last name or what that links to is not there, where that would be made. */
  async findOrPlace(path: string, followLast: boolean): Promise<Attributes | Place> {
    const { trail, missing } = await this.walk(path, followLast, true);
    return missing ?? trail.at(-1)!.attributes;
  }

  /** The directory and the last name of a path, which need not exist. EEXIST for a path that has no last name. */
  async place(path: string): Promise<Place> {
    const names = namesOf(path.replace(/\/+$/, ''));
    const last = names.pop();
    if (last === undefined || last === '.' || last === '..') throw new FsError('EEXIST', path);
    const { inode, mode } = await this.find(names.join('/'));
    if (!isDirectory(mode)) throw new FsError('ENOTDIR', path);
    return { parent: inode, name: encoder.encode(last) };
  }

  /** The path without links, `.` and `..`. */
  async real(path: string): Promise<string> {
    const { trail } = await this.walk(path, true);
    return `/${trail
      .slice(1)
      .map(({ name }) => name)
      .join('/')}`;
  }

  private async walk(path: string, followLast: boolean, mayLack = false): Promise<Walk> {
    if (path.includes('\0')) throw new FsError('EINVAL', JSON.stringify(path));
    const trail = [{ name: '', attributes: await run(() => this.filesystem.getattr(rootInode)) }];
    const rest = namesOf(path).reverse();
    for (let links = 0, name = rest.pop(); name !== undefined; name = rest.pop()) {
      const { inode, mode } = trail.at(-1)!.attributes;
      if (!isDirectory(mode)) throw new FsError('ENOTDIR', path);
      if (name === '.') continue;
      if (name === '..') {
        if (trail.length > 1) trail.pop();
        continue;
      }
      const encoded = encoder.encode(name);
      const attributes = await this.lookup(inode, encoded);
      if (attributes === undefined) {
        if (mayLack && rest.length === 0) return { trail, missing: { parent: inode, name: encoded } };
        throw new FsError('ENOENT', path);
      }
      if (!isSymlink(attributes.mode) || (rest.length === 0 && !followLast)) {
        trail.push({ name, attributes });
        continue;
      }
      if (++links > mostLinks) throw new FsError('ELOOP', path);
      const target = Buffer.from(await run(() => this.filesystem.readlink(attributes.inode))).toString();
      if (target.startsWith('/')) trail.length = 1;
      rest.push(...namesOf(target).reverse());
    }
    return { trail };
  }

  private async lookup(parent: InodeNumber, name: Uint8Array): Promise<Attributes | undefined> {
    try {
      return await run(() => this.filesystem.lookup(parent, name));
    } catch (e) {
      if (e instanceof FsError && e.code === 'ENOENT') return undefined;
      throw e;
    }
  }
}

const namesOf = (path: string): string[] => {
  const names = path.split('/').filter((name) => name !== '');
  // What a slash follows must be a directory.
  return path.endsWith('/') && names.length > 0 ? [...names, '.'] : names;
};
