/**
 * A filesystem in memory behind the same interface as the real one, small enough to be obviously right: drivers
 * are tested with it before, and independently of, what stores things.
 *
 * Names are kept as latin1 strings, which map bytes one to one. Nothing is ever written anywhere.
 */
import { FsError } from '../../fs/errors.js';
import {
  type AttributeChanges,
  type Attributes,
  type Credentials,
  type EmitEntry,
  type FileSystemApi,
  fallocateFlag,
  renameFlag,
  seek,
  type Time,
  type VolumeStatistics,
  xattrFlag,
} from '../../fs/posix/api.js';
import { ToyContents } from './toy-contents.js';
import type { Entry, Node } from './toy-node.js';

const typeMask = 0o170000;
const directory = 0o040000;
const regular = 0o100000;
const symlink = 0o120000;

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');
const bytes = (name: string): Uint8Array => Buffer.from(name, 'latin1');
const now = (): Time => ({ seconds: Math.floor(Date.now() / 1000), nanos: (Date.now() % 1000) * 1e6 });

export class ToyFileSystem implements FileSystemApi {
  readonly nodes = new Map<number, Node>();
  /** Calls that reached it, by name: what the kernel asked for. */
  readonly calls = new Map<string, number>();
  private lastInode = 0;
  private lastCookie = 2;

  constructor(private readonly capacityPages = 262_144) {
    const root = this.make(directory | 0o755, { uid: 0, gid: 0, pid: 0 });
    root.links = 2;
    root.parent = root.inode;
    root.holds = 1;
  }

  private called(name: string): void {
    this.calls.set(name, (this.calls.get(name) ?? 0) + 1);
  }

  private make(mode: number, who: Credentials): Node {
    const time = now();
    const node: Node = {
      inode: ++this.lastInode,
      mode,
      links: 1,
      uid: who.uid,
      gid: who.gid,
      device: 0,
      atime: time,
      mtime: time,
      ctime: time,
      btime: time,
      holds: 0,
      parent: 0,
      contents: new ToyContents(),
      entries: new Map(),
      target: new Uint8Array(),
      xattrs: new Map(),
    };
    this.nodes.set(node.inode, node);
    return node;
  }

  private node(inode: number, operation: string): Node {
    this.called(operation);
    const node = this.nodes.get(inode);
    if (node === undefined) throw new FsError('ESTALE', operation, inode);
    return node;
  }

  private dir(inode: number, operation: string): Node {
    const node = this.node(inode, operation);
    if ((node.mode & typeMask) !== directory) throw new FsError('ENOTDIR', operation, inode);
    return node;
  }

  private entry(parent: Node, name: Uint8Array, operation: string): Entry {
    if (name.length > 255) throw new FsError('ENAMETOOLONG', operation, parent.inode);
    const entry = parent.entries.get(text(name));
    if (entry === undefined) throw new FsError('ENOENT', operation, parent.inode);
    return entry;
  }

  private attributes(node: Node): Attributes {
    const { size, count } = node.contents;
    return { ...node, size, generation: 0, blocks: count * 8, flags: 0, project: 0 };
  }

  private touch(node: Node): void {
    node.mtime = now();
    node.ctime = node.mtime;
  }

  private enter(parent: Node, name: Uint8Array, node: Node): void {
    if (name.length > 255) throw new FsError('ENAMETOOLONG', 'create', parent.inode);
    parent.entries.set(text(name), { name: text(name), inode: node.inode, cookie: ++this.lastCookie });
    node.parent = parent.inode;
    this.touch(parent);
  }

  private vacant(parent: Node, name: Uint8Array, operation: string): void {
    if (parent.entries.has(text(name))) throw new FsError('EEXIST', operation, parent.inode);
    if (name.length > 255) throw new FsError('ENAMETOOLONG', operation, parent.inode);
  }

  private reclaim(node: Node): void {
    if (node.links === 0 && node.holds === 0) this.nodes.delete(node.inode);
  }

  lookup(parent: number, name: Uint8Array): Attributes {
    const entry = this.entry(this.dir(parent, 'lookup'), name, 'lookup');
    return this.attributes(this.nodes.get(entry.inode) as Node);
  }

  getattr(inode: number): Attributes {
    return this.attributes(this.node(inode, 'getattr'));
  }

  setattr(inode: number, changes: AttributeChanges): Attributes {
    const node = this.node(inode, 'setattr');
    const time = (t: Time | 'now'): Time => (t === 'now' ? now() : t);
    if (changes.size !== undefined) {
      node.contents.truncate(changes.size);
      this.touch(node);
    }
    if (changes.mode !== undefined) node.mode = (node.mode & typeMask) | (changes.mode & 0o7777);
    if (changes.uid !== undefined) node.uid = changes.uid;
    if (changes.gid !== undefined) node.gid = changes.gid;
    if (changes.atime !== undefined) node.atime = time(changes.atime);
    if (changes.mtime !== undefined) node.mtime = time(changes.mtime);
    node.ctime = changes.ctime ?? now();
    if (changes.killPrivileges) this.killPrivileges(node);
    return this.attributes(node);
  }

  private killPrivileges(node: Node): void {
    if ((node.mode & typeMask) !== regular) return;
    node.mode &= ~0o4000;
    if (node.mode & 0o010) node.mode &= ~0o2000;
  }

  readlink(inode: number): Uint8Array {
    return this.node(inode, 'readlink').target;
  }

  mknod(parent: number, name: Uint8Array, mode: number, device: number, umask: number, who: Credentials): Attributes {
    const dir = this.dir(parent, 'mknod');
    this.vacant(dir, name, 'mknod');
    const node = this.make(mode & ~umask, who);
    node.device = device;
    this.enter(dir, name, node);
    return this.attributes(node);
  }

  mkdir(parent: number, name: Uint8Array, mode: number, umask: number, who: Credentials): Attributes {
    const dir = this.dir(parent, 'mkdir');
    this.vacant(dir, name, 'mkdir');
    const node = this.make(directory | (mode & ~umask & 0o7777), who);
    node.links = 2;
    dir.links++;
    this.enter(dir, name, node);
    return this.attributes(node);
  }

  symlink(parent: number, name: Uint8Array, target: Uint8Array, who: Credentials): Attributes {
    const dir = this.dir(parent, 'symlink');
    this.vacant(dir, name, 'symlink');
    const node = this.make(symlink | 0o777, who);
    node.target = target.slice();
    node.contents.size = target.length;
    this.enter(dir, name, node);
    return this.attributes(node);
  }

  link(inode: number, parent: number, name: Uint8Array): Attributes {
    const dir = this.dir(parent, 'link');
    this.vacant(dir, name, 'link');
    const node = this.node(inode, 'link');
    node.links++;
    node.ctime = now();
    this.enter(dir, name, node);
    return this.attributes(node);
  }

  unlink(parent: number, name: Uint8Array): void {
    const dir = this.dir(parent, 'unlink');
    this.drop(dir, this.entry(dir, name, 'unlink'));
  }

  private drop(dir: Node, entry: Entry): void {
    const node = this.nodes.get(entry.inode) as Node;
    dir.entries.delete(entry.name);
    this.touch(dir);
    node.links--;
    if ((node.mode & typeMask) === directory) {
      node.links = 0;
      dir.links--;
    }
    node.ctime = now();
    this.reclaim(node);
  }

  rmdir(parent: number, name: Uint8Array): void {
    const dir = this.dir(parent, 'rmdir');
    const entry = this.entry(dir, name, 'rmdir');
    const node = this.dir(entry.inode, 'rmdir');
    if (node.entries.size > 0) throw new FsError('ENOTEMPTY', 'rmdir', node.inode);
    this.drop(dir, entry);
  }

  rename(parent: number, name: Uint8Array, newParent: number, newName: Uint8Array, flags: number): void {
    const [from, to] = [this.dir(parent, 'rename'), this.dir(newParent, 'rename')];
    const moved = this.entry(from, name, 'rename');
    const replaced = to.entries.get(text(newName));
    if (flags & renameFlag.noReplace && replaced) throw new FsError('EEXIST', 'rename', newParent);
    if (flags & renameFlag.whiteout) throw new FsError('EINVAL', 'rename', parent);
    const node = this.nodes.get(moved.inode) as Node;
    if (flags & renameFlag.exchange) {
      if (replaced === undefined) throw new FsError('ENOENT', 'rename', newParent);
      this.enter(from, name, this.nodes.get(replaced.inode) as Node);
      this.enter(to, newName, node);
      return;
    }
    if (replaced?.inode === moved.inode) return;
    if (replaced) {
      const old = this.nodes.get(replaced.inode) as Node;
      if (old.entries.size > 0) throw new FsError('ENOTEMPTY', 'rename', old.inode);
      this.drop(to, replaced);
    }
    from.entries.delete(text(name));
    this.touch(from);
    if ((node.mode & typeMask) === directory) {
      from.links--;
      to.links++;
    }
    this.enter(to, newName, node);
  }

  tmpfile(parent: number, mode: number, umask: number, who: Credentials): Attributes {
    this.dir(parent, 'tmpfile');
    const node = this.make(regular | (mode & ~umask & 0o7777), who);
    node.links = 0;
    return this.attributes(node);
  }

  hold(inode: number): void {
    this.node(inode, 'hold').holds++;
  }

  letGo(inode: number, count: number): void {
    const node = this.node(inode, 'letGo');
    node.holds -= count;
    if (node.holds < 0) throw new Error(`inode ${inode} was let go more often than held`);
    this.reclaim(node);
  }

  read(inode: number, offset: number, into: Uint8Array): number {
    return this.node(inode, 'read').contents.read(offset, into);
  }

  write(inode: number, offset: number, data: Uint8Array, _who: Credentials, killPrivileges = false): number {
    const node = this.node(inode, 'write');
    node.contents.write(offset, data);
    this.touch(node);
    if (killPrivileges) this.killPrivileges(node);
    return data.length;
  }

  fallocate(inode: number, mode: number, offset: number, length: number): void {
    const node = this.node(inode, 'fallocate');
    const { collapseRange, insertRange, keepSize, punchHole, zeroRange } = fallocateFlag;
    if (mode & (collapseRange | insertRange)) throw new FsError('EOPNOTSUPP', 'fallocate', inode);
    if (mode & (punchHole | zeroRange)) node.contents.punch(offset, length);
    if (!(mode & punchHole)) node.contents.allocate(offset, length);
    if (!(mode & keepSize)) node.contents.size = Math.max(node.contents.size, offset + length);
    this.touch(node);
  }

  seek(inode: number, offset: number, whence: number): number {
    const { contents } = this.node(inode, 'seek');
    const found = contents.find(offset, whence === seek.data);
    if (found !== undefined) return found;
    if (whence === seek.hole && offset < contents.size) return contents.size;
    throw new FsError('ENXIO', 'seek', inode);
  }

  async copyRange(
    from: number,
    fromOffset: number,
    to: number,
    toOffset: number,
    length: number,
    who: Credentials,
  ): Promise<number> {
    this.called('copyRange');
    const data = new Uint8Array(length);
    const got = this.read(from, fromOffset, data);
    return this.write(to, toOffset, data.subarray(0, got), who);
  }

  settled(): undefined {
    return undefined;
  }

  async fsync(inode: number, dataOnly: boolean): Promise<void> {
    this.node(inode, dataOnly ? 'fdatasync' : 'fsync');
  }

  async sync(): Promise<void> {
    this.called('sync');
  }

  readdir(inode: number, cookie: number, emit: EmitEntry): void {
    const dir = this.dir(inode, 'readdir');
    if (cookie < 1 && !emit(bytes('.'), inode, 4, 1)) return;
    if (cookie < 2 && !emit(bytes('..'), dir.parent, 4, 2)) return;
    const later = [...dir.entries.values()]
      .filter((entry) => entry.cookie > cookie)
      .sort((a, b) => a.cookie - b.cookie);
    for (const entry of later) {
      const type = (this.nodes.get(entry.inode) as Node).mode >>> 12;
      if (!emit(bytes(entry.name), entry.inode, type, entry.cookie)) return;
    }
  }

  getxattr(inode: number, name: Uint8Array): Uint8Array {
    const value = this.node(inode, 'getxattr').xattrs.get(text(name));
    if (value === undefined) throw new FsError('ENODATA', 'getxattr', inode);
    return value;
  }

  setxattr(inode: number, name: Uint8Array, value: Uint8Array, flags: number): void {
    const node = this.node(inode, 'setxattr');
    const exists = node.xattrs.has(text(name));
    if (flags & xattrFlag.create && exists) throw new FsError('EEXIST', 'setxattr', inode);
    if (flags & xattrFlag.replace && !exists) throw new FsError('ENODATA', 'setxattr', inode);
    node.xattrs.set(text(name), value.slice());
    node.ctime = now();
  }

  listxattr(inode: number): Uint8Array {
    return bytes([...this.node(inode, 'listxattr').xattrs.keys()].map((name) => `${name}\0`).join(''));
  }

  removexattr(inode: number, name: Uint8Array): void {
    const node = this.node(inode, 'removexattr');
    if (!node.xattrs.delete(text(name))) throw new FsError('ENODATA', 'removexattr', inode);
    node.ctime = now();
  }

  checkOpen(inode: number): void {
    this.node(inode, 'checkOpen');
  }

  setFlags(inode: number): void {
    throw new FsError('EOPNOTSUPP', 'setFlags', inode);
  }

  statfs(): VolumeStatistics {
    this.called('statfs');
    const used = [...this.nodes.values()].reduce((pages, node) => pages + node.contents.count, 0);
    const freePages = this.capacityPages - used;
    return {
      pages: this.capacityPages,
      freePages,
      availablePages: freePages,
      inodes: this.nodes.size + 1_000_000,
      freeInodes: 1_000_000,
    };
  }
}
