/**
 * The operations of the inode API done by system calls in a folder of any filesystem, so that the harness can compare
 * what a mount answers with the model.
 *
 * Invariants
 * 1. Every path begins at a descriptor of the folder or of one that was made in it, and its last part is never followed if
 *    it is a link: nothing outside the folder is touched.
 * 2. Inodes have numbers of their own, as the filesystem may give a number to another file later. The folder is number 1.
 * 3. A file that is held is open: it outlives its names.
 *
 * Times of now are told as 0, others (set by the caller) as they are: nobody can know when the other side did something.
 */
import * as fs from 'node:fs';
import { FsError } from '../../fs/errors.js';
import { getXattr, listXattr, removeXattr, setXattr } from '../../fs/host/xattr.js';
import type {
  AttributeChanges,
  Attributes,
  Credentials,
  EmitEntry,
  FileSystemApi,
  Time,
  VolumeStatistics,
} from '../../fs/posix/api.js';
import { pageSize, rootInode } from '../../fs/units.js';
import { fileType } from '../model/nodes.js';
import { textOf } from '../model/state.js';
import { copyRange, fallocate, lseek, mknod, rename, setTimes } from './directory-calls.js';
import { asked, DirectoryInodes, pathOf } from './directory-inodes.js';

/** As in fcntl.h; Node does not name it. */
const withoutName = 0o20000000 | fs.constants.O_DIRECTORY;
const exchange = 2;

export const now: Time = { seconds: 0, nanos: 0 };

export class DirectoryApi implements FileSystemApi {
  private readonly inodes: DirectoryInodes;
  private readonly began = Date.now() / 1000 - 2;

  constructor(private readonly folder: string) {
    this.inodes = new DirectoryInodes(folder);
  }

  /** Close what is open. */
  close(): void {
    this.inodes.close();
  }

  /** All files are let go. */
  letAllGo(): void {
    for (const inode of this.inodes.held) this.letGo(inode, this.inodes.of(inode).holds);
  }

  private time(nanos: bigint): Time {
    const seconds = Number(nanos / 1_000_000_000n);
    const recent = seconds >= this.began && seconds <= Date.now() / 1000 + 2;
    return recent ? now : { seconds, nanos: Number(nanos % 1_000_000_000n) };
  }

  private attributes(inode: number, stat = this.inodes.stat(inode)): Attributes {
    const type = Number(stat.mode) & fileType.mask;
    return {
      inode,
      generation: 0,
      mode: Number(stat.mode),
      links: Number(stat.nlink),
      uid: Number(stat.uid),
      gid: Number(stat.gid),
      device: Number(stat.rdev),
      size: type === fileType.regular || type === fileType.link ? Number(stat.size) : 0,
      blocks: Number(stat.blocks),
      atime: this.time(stat.atimeNs),
      mtime: this.time(stat.mtimeNs),
      ctime: this.time(stat.ctimeNs),
      btime: this.time(stat.birthtimeNs),
      flags: 0,
      project: 0,
    };
  }

  lookup(parent: number, name: Uint8Array): Attributes {
    return asked('lookup', () => {
      const stat = fs.lstatSync(this.inodes.entry(parent, name), { bigint: true });
      return this.attributes(this.inodes.numberOf(stat), stat);
    });
  }

  getattr(inode: number): Attributes {
    return asked('getattr', () => this.attributes(inode));
  }

  setattr(inode: number, changes: AttributeChanges): Attributes {
    const { mode, uid, gid, size, atime, mtime } = changes;
    return asked('setattr', () => {
      const path = this.inodes.path(inode);
      if (size !== undefined) this.inodes.withFile('setattr', inode, (fd) => fs.ftruncateSync(fd, size));
      if (uid !== undefined || gid !== undefined) {
        const is = this.inodes.stat(inode);
        fs.chownSync(path, uid ?? Number(is.uid), gid ?? Number(is.gid));
      }
      if (mode !== undefined) fs.chmodSync(path, mode & 0o7777);
      if (typeof atime === 'object' && typeof mtime === 'object')
        setTimes(path, [atime.seconds, atime.nanos, mtime.seconds, mtime.nanos]);
      return this.attributes(inode);
    });
  }

  readlink(inode: number): Uint8Array {
    return asked('readlink', () => fs.readlinkSync(this.inodes.path(inode), { encoding: 'buffer' }));
  }

  /** Something new has this name: whose it shall be, and its number. */
  private made(parent: number, name: Uint8Array, who: Credentials): Attributes {
    fs.lchownSync(this.inodes.entry(parent, name), who.uid, who.gid);
    return this.attributes(this.inodes.knowEntry(parent, name));
  }

  mknod(parent: number, name: Uint8Array, mode: number, device: number, umask: number, who: Credentials): Attributes {
    return asked('mknod', () => {
      mknod(this.inodes.entry(parent, name), mode & ~umask, device);
      return this.made(parent, name, who);
    });
  }

  mkdir(parent: number, name: Uint8Array, mode: number, umask: number, who: Credentials): Attributes {
    return asked('mkdir', () => {
      fs.mkdirSync(this.inodes.entry(parent, name), { mode: mode & 0o7777 & ~umask });
      return this.made(parent, name, who);
    });
  }

  symlink(parent: number, name: Uint8Array, target: Uint8Array, who: Credentials): Attributes {
    return asked('symlink', () => {
      fs.symlinkSync(Buffer.from(target), this.inodes.entry(parent, name));
      return this.made(parent, name, who);
    });
  }

  link(inode: number, parent: number, name: Uint8Array): Attributes {
    return asked('link', () => {
      if (this.inodes.of(inode).folder !== undefined) throw new FsError('EPERM', 'link', inode);
      fs.linkSync(this.inodes.path(inode), this.inodes.entry(parent, name));
      this.inodes.addName(inode, parent, name);
      return this.attributes(inode);
    });
  }

  unlink(parent: number, name: Uint8Array): void {
    asked('unlink', () => fs.unlinkSync(this.inodes.entry(parent, name)));
    this.gone(parent, name);
  }

  rmdir(parent: number, name: Uint8Array): void {
    asked('rmdir', () => fs.rmdirSync(this.inodes.entry(parent, name)));
    this.gone(parent, name);
  }

  private gone(parent: number, name: Uint8Array): void {
    const inode = this.inodes.named(parent, name);
    if (inode !== undefined) this.inodes.dropName(inode, parent, name);
  }

  rename(parent: number, name: Uint8Array, newParent: number, newName: Uint8Array, flags: number): void {
    const { inodes } = this;
    const [moved, target] = [inodes.named(parent, name), inodes.named(newParent, newName)];
    asked('rename', () => void rename(inodes.entry(parent, name), inodes.entry(newParent, newName), flags));
    // Two names of one file: nothing happens.
    if (moved === undefined || moved === target) return;
    inodes.addName(moved, newParent, newName);
    inodes.dropName(moved, parent, name);
    if (target === undefined) return;
    if ((flags & exchange) !== 0) inodes.addName(target, parent, name);
    inodes.dropName(target, newParent, newName);
  }

  tmpfile(parent: number, mode: number, umask: number, who: Credentials): Attributes {
    return asked('tmpfile', () => {
      const fd = fs.openSync(this.inodes.path(parent), fs.constants.O_RDWR | withoutName, mode & 0o7777 & ~umask);
      fs.fchownSync(fd, who.uid, who.gid);
      return this.attributes(this.inodes.know(fs.fstatSync(fd, { bigint: true }), { open: fd }));
    });
  }

  hold(inode: number): void {
    if (this.inodes.of(inode).type !== fileType.regular) throw new FsError('EINVAL', 'hold', inode);
    asked('hold', () => this.inodes.hold(inode));
  }

  letGo(inode: number, count: number): void {
    this.inodes.letGo(inode, count);
  }

  read(inode: number, offset: number, into: Uint8Array): number {
    return this.inodes.withFile('read', inode, (fd) => fs.readSync(fd, into, 0, into.length, offset));
  }

  write(inode: number, offset: number, data: Uint8Array): number {
    return this.inodes.withFile('write', inode, (fd) => {
      let done = 0;
      while (done < data.length) done += fs.writeSync(fd, data, done, data.length - done, offset + done);
      return done;
    });
  }

  fallocate(inode: number, mode: number, offset: number, length: number): void {
    this.inodes.withFile('fallocate', inode, (fd) => fallocate(fd, mode, offset, length));
  }

  seek(inode: number, offset: number, whence: number): number {
    return this.inodes.withFile('seek', inode, (fd) => lseek(fd, offset, whence));
  }

  async copyRange(from: number, fromOffset: number, to: number, toOffset: number, length: number): Promise<number> {
    return this.inodes.withFile('copy', from, (source) =>
      this.inodes.withFile('copy', to, (target) => {
        const [at, there] = [BigInt64Array.of(BigInt(fromOffset)), BigInt64Array.of(BigInt(toOffset))];
        let done = 0;
        for (let count = 1; count > 0 && done < length; done += count)
          count = copyRange(source, at, target, there, length - done, 0);
        return done;
      }),
    );
  }

  settled(): undefined {}

  async fsync(inode: number, dataOnly: boolean): Promise<void> {
    this.inodes.withFile('fsync', inode, (fd) => (dataOnly ? fs.fdatasyncSync(fd) : fs.fsyncSync(fd)));
  }

  async sync(): Promise<void> {
    asked('sync', () => fs.fsyncSync(this.inodes.of(rootInode).folder as number));
  }

  readdir(inode: number, cookie: number, emit: EmitEntry): void {
    const entries = asked('readdir', () => {
      const names = fs.readdirSync(this.inodes.path(inode), { encoding: 'buffer' });
      const [self, above] = [Buffer.from('.'), Buffer.from('..')];
      return [self, above, ...names].map((name) => {
        // What is above the folder is none of ours.
        const entry = this.inodes.entry(inode, name === above && inode === rootInode ? self : name);
        return { name, stat: fs.lstatSync(entry, { bigint: true }) };
      });
    });
    for (let i = cookie; i < entries.length; i++) {
      const { name, stat } = entries[i];
      if (!emit(name, this.inodes.numberOf(stat), Number(stat.mode) >>> 12, i + 1)) return;
    }
  }

  /** A path for calls that follow links: of a file or a directory, which are all that can have attributes. */
  private bearer<T>(operation: string, inode: number, work: (path: string) => T): T {
    const { folder } = this.inodes.of(inode);
    if (folder !== undefined) return work(pathOf(folder));
    return this.inodes.withFile(operation, inode, (fd) => work(pathOf(fd)));
  }

  getxattr(inode: number, name: Uint8Array): Uint8Array {
    const value = this.bearer('getxattr', inode, (path) => getXattr(path, textOf(name)));
    if (value === undefined) throw new FsError('ENODATA', 'getxattr', inode);
    return value;
  }

  setxattr(inode: number, name: Uint8Array, value: Uint8Array, flags: number): void {
    this.bearer('setxattr', inode, (path) => setXattr(path, textOf(name), value, flags));
  }

  /** Those of users: others are the system's own affair. */
  listxattr(inode: number): Uint8Array {
    const { type } = this.inodes.of(inode);
    if (type !== fileType.regular && type !== fileType.directory) return new Uint8Array(0);
    const list = this.bearer('listxattr', inode, listXattr).filter((name) => name.startsWith('user.'));
    return Buffer.from(list.map((name) => `${name}\0`).join(''));
  }

  removexattr(inode: number, name: Uint8Array): void {
    this.bearer('removexattr', inode, (path) => removeXattr(path, textOf(name)));
  }

  checkOpen(): void {}

  setFlags(): void {
    throw new FsError('EOPNOTSUPP', 'setFlags');
  }

  statfs(): VolumeStatistics {
    const { blocks, bfree, bavail, bsize, files, ffree } = fs.statfsSync(this.folder);
    const pages = (count: number): number => Math.floor((count * bsize) / pageSize);
    const [all, free, available] = [pages(blocks), pages(bfree), pages(bavail)];
    return { pages: all, freePages: free, availablePages: available, inodes: files, freeInodes: ffree };
  }
}
