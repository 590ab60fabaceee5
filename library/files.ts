/**
 * The files of an image, in the shape of Node's `fs/promises`: what is written for that module works on an image.
 * Paths are strings (paths.ts); names that are no UTF-8 can be had by the inode API alone. Errors are FsError, with
 * the `code` that Node's errors have.
 */
import { FsError } from '../fs/errors.js';
import type { AttributeChanges, Attributes, FileSystemApi, Time } from '../fs/posix/api.js';
import { fileType, isDirectory } from '../fs/posix/inode/mode.js';
import { run } from '../fs/suspend.js';
import type { InodeNumber } from '../fs/units.js';
import { caller } from './caller.js';
import { type Access, FileHandle } from './file-handle.js';
import { Paths, type Place } from './paths.js';
import { Entry, Stats } from './stats.js';

/** How writeFile and appendFile write. */
export interface WriteOptions {
  readonly encoding?: BufferEncoding;
  /** Permissions of a new file. */
  readonly mode?: number;
  /** As for open. */
  readonly flag?: string;
}

/** A moment: a Date, or seconds since 1970. */
export type Moment = Date | number;

interface Flags extends Access {
  readonly creates: boolean;
  readonly exclusive: boolean;
  readonly truncates: boolean;
}

/** The files of an image. Each method does what the one of Node's `fs/promises` with its name does, and rejects with FsError. */
export class Files {
  private readonly paths: Paths;

  constructor(private readonly filesystem: FileSystemApi) {
    this.paths = new Paths(filesystem);
  }

  /** What the path leads to; links are followed. */
  async stat(path: string): Promise<Stats> {
    return new Stats(await this.paths.find(path));
  }

  /** What is at the path: a link itself, not what it leads to. */
  async lstat(path: string): Promise<Stats> {
    return new Stats(await this.paths.find(path, false));
  }

  /** Whether it is there: nobody's permissions are asked. */
  async access(path: string): Promise<void> {
    await this.paths.find(path);
  }

  /** The path without links, `.` and `..`. */
  realpath(path: string): Promise<string> {
    return this.paths.real(path);
  }

  /** `flags` as Node has them, from `r` to `ax+`. */
  async open(path: string, flags = 'r', mode = 0o666): Promise<FileHandle> {
    const wanted = parseFlags(flags);
    const { inode, mode: type } = await this.opened(path, wanted, mode);
    if (isDirectory(type) && wanted.writes) throw new FsError('EISDIR', path);
    if (wanted.writes) await run(() => this.filesystem.checkOpen(inode, wanted.appends));
    if (wanted.truncates) await run(() => this.filesystem.setattr(inode, { size: 0 }, caller));
    this.filesystem.hold(inode);
    return new FileHandle(this.filesystem, inode, wanted);
  }

  private async opened(path: string, wanted: Flags, mode: number): Promise<Attributes> {
    if (!wanted.creates) return this.paths.find(path);
    if (path.endsWith('/')) throw new FsError('EISDIR', path);
    const found = await this.paths.findOrPlace(path, !wanted.exclusive);
    if ('inode' in found) {
      if (wanted.exclusive) throw new FsError('EEXIST', path);
      return found;
    }
    try {
      return await run(() =>
        this.filesystem.mknod(found.parent, found.name, fileType.regular | mode, 0, 0o022, caller),
      );
    } catch (e) {
      if (wanted.exclusive || !(e instanceof FsError) || e.code !== 'EEXIST') throw e;
      // Another call has made it meanwhile.
      return this.opened(path, wanted, mode);
    }
  }

  /** All of a file. */
  async readFile(path: string): Promise<Buffer>;
  /** All of a file, as text. */
  async readFile(path: string, options: BufferEncoding | { encoding: BufferEncoding }): Promise<string>;
  async readFile(path: string, options?: BufferEncoding | { encoding: BufferEncoding }): Promise<Buffer | string> {
    const encoding = typeof options === 'object' ? options.encoding : options;
    return this.with<Buffer | string>(path, 'r', undefined, (file) =>
      encoding === undefined ? file.readFile() : file.readFile(encoding),
    );
  }

  /** Make a file, or write it anew; with another `flag` as open has it. */
  async writeFile(path: string, data: string | Uint8Array, options: WriteOptions | BufferEncoding = {}): Promise<void> {
    const { encoding, mode, flag } = typeof options === 'string' ? { encoding: options } : (options as WriteOptions);
    await this.with(path, flag ?? 'w', mode, (file) => file.writeFile(data, encoding));
  }

  /** Write at the end of a file, which is made if it is not there. */
  async appendFile(path: string, data: string | Uint8Array, options: WriteOptions = {}): Promise<void> {
    await this.writeFile(path, data, { flag: 'a', ...options });
  }

  /** Copy contents and permissions; what the pages hold is shared by no two files. */
  async copyFile(from: string, to: string): Promise<void> {
    const { mode, ino } = await this.stat(from);
    // Opening it to write would empty it.
    if (await this.leadsTo(to, ino)) return;
    await this.with(from, 'r', undefined, (source) =>
      this.with(to, 'w', mode & 0o7777, async (target) => {
        const { size } = await source.stat();
        for (let at = 0, took = 1; at < size && took > 0; at += took)
          took = await this.filesystem.copyRange(source.inode, at, target.inode, at, size - at, caller);
      }),
    );
  }

  private async leadsTo(path: string, inode: InodeNumber): Promise<boolean> {
    try {
      return (await this.paths.find(path)).inode === inode;
    } catch (e) {
      if (e instanceof FsError && e.code === 'ENOENT') return false;
      throw e;
    }
  }

  /** Cut a file, or lengthen it by a hole. `length`: in bytes. */
  async truncate(path: string, length = 0): Promise<void> {
    await this.with(path, 'r+', undefined, (file) => file.truncate(length));
  }

  /** Names in a directory, without `.` and `..`. */
  async readdir(path: string): Promise<string[]>;
  /** Entries of a directory, with their types. */
  async readdir(path: string, options: { withFileTypes: true }): Promise<Entry[]>;
  async readdir(path: string, options: { withFileTypes?: boolean } = {}): Promise<string[] | Entry[]> {
    const entries = await this.entries(path);
    return options.withFileTypes ? entries : entries.map(({ name }) => name);
  }

  private async entries(path: string): Promise<Entry[]> {
    const { inode } = await this.paths.find(path);
    const entries: Entry[] = [];
    for (let cookie = 0, more = true; more; ) {
      more = false;
      await run(() =>
        this.filesystem.readdir(inode, cookie, (name, _inode, type, next) => {
          const text = Buffer.from(name).toString();
          if (text !== '.' && text !== '..') entries.push(new Entry(text, path, type));
          cookie = next;
          more = true;
          return true;
        }),
      );
    }
    return entries;
  }

  /** Returns the first directory that was made; undefined if all were there. */
  async mkdir(path: string, options: { recursive?: boolean; mode?: number } = {}): Promise<string | undefined> {
    const { recursive = false, mode = 0o777 } = options;
    try {
      const { parent, name } = await this.paths.place(path);
      await run(() => this.filesystem.mkdir(parent, name, mode, 0o022, caller));
      return recursive ? path : undefined;
    } catch (e) {
      if (!recursive || !(e instanceof FsError)) throw e;
      if (e.code === 'EEXIST' && (await this.stat(path)).isDirectory()) return undefined;
      if (e.code !== 'ENOENT') throw e;
      const parent = path.replace(/\/+[^/]+\/*$/, '');
      if (parent === path) throw e;
      const first = await this.mkdir(parent, options);
      await this.mkdir(path, options);
      return first ?? path;
    }
  }

  /** Remove an empty directory. */
  rmdir(path: string): Promise<void> {
    return this.at(path, ({ parent, name }) => this.filesystem.rmdir(parent, name, caller));
  }

  /** Remove a name that is no directory's. */
  async unlink(path: string): Promise<void> {
    // A slash behind the name wants a directory, and of that it is the wrong call.
    if (path.endsWith('/')) throw new FsError('ENOTDIR', path);
    await this.at(path, ({ parent, name }) => this.filesystem.unlink(parent, name, caller));
  }

  /** Remove a name; `recursive`: and all below it; `force`: or nothing, if it is not there. */
  async rm(path: string, options: { recursive?: boolean; force?: boolean } = {}): Promise<void> {
    let found: Stats;
    try {
      found = await this.lstat(path);
    } catch (e) {
      if (options.force && e instanceof FsError && e.code === 'ENOENT') return;
      throw e;
    }
    if (!found.isDirectory()) return this.unlink(path);
    if (!options.recursive) throw new FsError('EISDIR', path);
    for (const name of await this.readdir(path)) await this.rm(`${path}/${name}`, options);
    await this.rmdir(path);
  }

  /** Give another name, in the place of what had it. At once or not at all, also after a crash. */
  async rename(from: string, to: string): Promise<void> {
    const [source, target] = [await this.paths.place(from), await this.paths.place(to)];
    await run(() => this.filesystem.rename(source.parent, source.name, target.parent, target.name, 0, caller));
  }

  /** Give a file one more name. */
  async link(existing: string, path: string): Promise<void> {
    const { inode } = await this.paths.find(existing, false);
    await this.at(path, ({ parent, name }) => this.filesystem.link(inode, parent, name, caller));
  }

  /** Make a symbolic link to `target`, whatever that is. */
  symlink(target: string, path: string): Promise<void> {
    return this.at(path, ({ parent, name }) => this.filesystem.symlink(parent, name, Buffer.from(target), caller));
  }

  /** Where a symbolic link leads. */
  async readlink(path: string): Promise<string> {
    const { inode } = await this.paths.find(path, false);
    return Buffer.from(await run(() => this.filesystem.readlink(inode))).toString();
  }

  /** Set the permissions. */
  chmod(path: string, mode: number): Promise<void> {
    return this.change(path, true, { mode });
  }

  /** Set owner and group of what the path leads to. */
  chown(path: string, uid: number, gid: number): Promise<void> {
    return this.change(path, true, { uid, gid });
  }

  /** Set owner and group of what is at the path, a link itself. */
  lchown(path: string, uid: number, gid: number): Promise<void> {
    return this.change(path, false, { uid, gid });
  }

  /** Set the times of what the path leads to. */
  utimes(path: string, atime: Moment, mtime: Moment): Promise<void> {
    return this.change(path, true, { atime: timeOf(atime), mtime: timeOf(mtime) });
  }

  /** Set the times of what is at the path, a link itself. */
  lutimes(path: string, atime: Moment, mtime: Moment): Promise<void> {
    return this.change(path, false, { atime: timeOf(atime), mtime: timeOf(mtime) });
  }

  private async change(path: string, follow: boolean, changes: AttributeChanges): Promise<void> {
    const { inode } = await this.paths.find(path, follow);
    await run(() => this.filesystem.setattr(inode, changes, caller));
  }

  private async at(path: string, operation: (place: Place) => unknown): Promise<void> {
    const place = await this.paths.place(path);
    await run(() => operation(place));
  }

  private async with<T>(
    path: string,
    flags: string,
    mode: number | undefined,
    use: (file: FileHandle) => Promise<T>,
  ): Promise<T> {
    const file = await this.open(path, flags, mode);
    try {
      return await use(file);
    } finally {
      await file.close();
    }
  }

  /** The inode that a path leads to, for the layer below. */
  async inode(path: string): Promise<InodeNumber> {
    return (await this.paths.find(path)).inode;
  }
}

function parseFlags(flags: string): Flags {
  const match = /^(r|w|a)(x?)(\+?)$/.exec(flags.replace('s', ''));
  if (match === null || (match[1] === 'r' && match[2] === 'x')) throw new FsError('EINVAL', `open with '${flags}'`);
  const [, kind, exclusive, both] = match;
  return {
    reads: kind === 'r' || both === '+',
    writes: kind !== 'r' || both === '+',
    appends: kind === 'a',
    creates: kind !== 'r',
    exclusive: exclusive === 'x',
    truncates: kind === 'w',
  };
}

function timeOf(moment: Moment): Time {
  const ms = moment instanceof Date ? moment.getTime() : moment * 1000;
  const seconds = Math.floor(ms / 1000);
  return { seconds, nanos: Math.min(999_999_999, Math.round((ms - seconds * 1000) * 1e6)) };
}
