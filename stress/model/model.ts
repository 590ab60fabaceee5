/**
 * The model: a filesystem in plain Maps that is too simple to be wrong, with the interface of the real one, so
 * that the same operation can be done on both. It tells its history what each operation changed.
 *
 * `nextInode` must be set before an operation that makes a file: to the number that the real one chose.
 */
import { type ErrorCode, FsError } from '../../fs/errors.js';
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
import { maxFileSize, maxNameBytes, pageSize, rootInode } from '../../fs/units.js';
import { Contents } from './contents.js';
import { History } from './history.js';
import { attributesOf, factOf, fileType, isDirectory, isRegular, type ModelNode } from './nodes.js';
import { bytesOf, entryKey, inodeKey, textOf, xattrFact, xattrKey } from './state.js';

const setuid = 0o4000;
const setgid = 0o2000;

export class Model implements FileSystemApi {
  readonly history = new History();
  readonly nodes = new Map<number, ModelNode>();
  nextInode = 0;
  private changes = new Map<string, string | undefined>();

  constructor(private readonly clock: () => Time) {}

  node(inode: number, operation = 'node'): ModelNode {
    const node = this.nodes.get(inode);
    if (!node) throw new FsError('ENOENT', operation, inode);
    return node;
  }

  /** Contents of a regular file. */
  contents(inode: number, operation = 'contents'): Contents {
    const node = this.node(inode, operation);
    if (!node.contents) throw new FsError(isDirectory(node) ? 'EISDIR' : 'EINVAL', operation, inode);
    return node.contents;
  }

  private directory(inode: number, operation: string): ModelNode & { entries: Map<string, number> } {
    const node = this.node(inode, operation);
    if (!node.entries) throw new FsError('ENOTDIR', operation, inode);
    return node as ModelNode & { entries: Map<string, number> };
  }

  private child(parent: number, name: string, operation: string): number | undefined {
    if (name.length > maxNameBytes) throw new FsError('ENAMETOOLONG', operation, parent);
    return this.directory(parent, operation).entries.get(name);
  }

  private existing(parent: number, name: string, operation: string): ModelNode {
    const inode = this.child(parent, name, operation);
    if (inode === undefined) throw new FsError('ENOENT', operation, parent);
    return this.node(inode, operation);
  }

  private free(parent: number, name: string, operation: string): void {
    if (this.child(parent, name, operation) !== undefined) throw new FsError('EEXIST', operation, parent);
    if (this.directory(parent, operation).links === 0) throw new FsError('ENOENT', operation, parent);
  }

  // What changes is noted as facts; `commit` hands them to the history as one metadata operation.

  private changed(node: ModelNode): void {
    this.changes.set(inodeKey(node.inode), factOf(node));
  }

  private setEntry(parent: ModelNode, name: string, inode: number | undefined): void {
    if (inode === undefined) parent.entries?.delete(name);
    else parent.entries?.set(name, inode);
    this.changes.set(entryKey(parent.inode, name), inode === undefined ? undefined : String(inode));
    parent.mtime = parent.ctime = this.clock();
  }

  private setLinks(node: ModelNode, links: number): void {
    node.links = links;
    this.changed(node);
  }

  private commit(label: string, flushes: readonly number[] = [], apart = false): void {
    this.history.effect(label, this.changes, flushes, apart);
    this.changes = new Map();
  }

  private reclaimIfUnused(node: ModelNode): void {
    if (node.links > 0 || node.holds > 0) return;
    this.nodes.delete(node.inode);
    this.changes.set(inodeKey(node.inode), undefined);
    for (const name of node.xattrs.keys()) this.changes.set(xattrKey(node.inode, name), undefined);
  }

  private make(parent: number, mode: number, who: Credentials, rest: Partial<ModelNode>): ModelNode {
    const now = this.clock();
    const node: ModelNode = {
      inode: this.nextInode,
      mode,
      uid: who.uid,
      gid: who.gid,
      links: 1,
      device: 0,
      target: undefined,
      contents: undefined,
      entries: undefined,
      parent,
      xattrs: new Map(),
      atime: now,
      mtime: now,
      ctime: now,
      btime: now,
      holds: 0,
      ...rest,
    };
    if (this.nodes.has(node.inode)) throw new Error(`inode ${node.inode} is given to a second file`);
    this.nodes.set(node.inode, node);
    this.changed(node);
    return node;
  }

  private made(label: string, parent: number, name: string, node: ModelNode): Attributes {
    this.setEntry(this.node(parent), name, node.inode);
    this.commit(label);
    if (node.contents) this.history.version(node.inode, node.contents);
    return attributesOf(node);
  }

  makeRoot(mode: number, uid: number, gid: number): void {
    this.nextInode = rootInode;
    this.make(rootInode, mode, { uid, gid, pid: 0 }, { entries: new Map(), links: 2 });
    this.commit('mkfs');
  }

  lookup(parent: number, name: Uint8Array): Attributes {
    return attributesOf(this.existing(parent, textOf(name), 'lookup'));
  }

  getattr(inode: number): Attributes {
    return attributesOf(this.node(inode, 'getattr'));
  }

  setattr(inode: number, wanted: AttributeChanges): Attributes {
    const node = this.node(inode, 'setattr');
    const now = this.clock();
    const at = (time: Time | 'now'): Time => (time === 'now' ? now : time);
    const size = wanted.size;
    if (size !== undefined) {
      if (size > maxFileSize) throw new FsError('EFBIG', 'setattr', inode);
      this.contents(inode, 'setattr');
      node.mtime = now;
    }
    if (wanted.uid !== undefined) node.uid = wanted.uid;
    if (wanted.gid !== undefined) node.gid = wanted.gid;
    if (wanted.uid !== undefined || wanted.gid !== undefined || wanted.killPrivileges) this.killPrivileges(node);
    if (wanted.mode !== undefined) node.mode = (node.mode & fileType.mask) | (wanted.mode & 0o7777);
    if (wanted.atime !== undefined) node.atime = at(wanted.atime);
    if (wanted.mtime !== undefined) node.mtime = at(wanted.mtime);
    node.ctime = wanted.ctime ?? now;
    this.changed(node);
    this.commit('setattr');
    if (size !== undefined && node.contents) {
      const what = size < node.contents.size ? 'cut' : 'extend';
      node.contents = node.contents.resize(size);
      this.history.version(inode, node.contents, { what, size });
    }
    return attributesOf(node);
  }

  private killPrivileges(node: ModelNode): void {
    if (isDirectory(node)) return;
    node.mode &= ~setuid;
    if ((node.mode & 0o010) !== 0) node.mode &= ~setgid;
  }

  readlink(inode: number): Uint8Array {
    const { target } = this.node(inode, 'readlink');
    if (!target) throw new FsError('EINVAL', 'readlink', inode);
    return target;
  }

  mknod(parent: number, name: Uint8Array, mode: number, device: number, umask: number, who: Credentials): Attributes {
    this.free(parent, textOf(name), 'mknod');
    const regular = (mode & fileType.mask) === fileType.regular;
    const contents = regular ? Contents.empty : undefined;
    const node = this.make(parent, mode & ~umask, who, { contents, device });
    return this.made('mknod', parent, textOf(name), node);
  }

  mkdir(parent: number, name: Uint8Array, mode: number, umask: number, who: Credentials): Attributes {
    this.free(parent, textOf(name), 'mkdir');
    const node = this.make(parent, fileType.directory | (mode & 0o7777 & ~umask), who, {
      entries: new Map(),
      links: 2,
    });
    const above = this.node(parent);
    this.setLinks(above, above.links + 1);
    return this.made('mkdir', parent, textOf(name), node);
  }

  symlink(parent: number, name: Uint8Array, target: Uint8Array, who: Credentials): Attributes {
    this.free(parent, textOf(name), 'symlink');
    const node = this.make(parent, fileType.link | 0o777, who, { target: target.slice() });
    return this.made('symlink', parent, textOf(name), node);
  }

  link(inode: number, parent: number, name: Uint8Array): Attributes {
    const node = this.node(inode, 'link');
    if (isDirectory(node)) throw new FsError('EPERM', 'link', inode);
    this.free(parent, textOf(name), 'link');
    node.ctime = this.clock();
    this.setLinks(node, node.links + 1);
    this.setEntry(this.node(parent), textOf(name), inode);
    this.commit('link', node.contents ? [inode] : []);
    return attributesOf(node);
  }

  unlink(parent: number, name: Uint8Array): void {
    const node = this.existing(parent, textOf(name), 'unlink');
    if (isDirectory(node)) throw new FsError('EISDIR', 'unlink', node.inode);
    this.setEntry(this.node(parent), textOf(name), undefined);
    this.dropLink(node);
    this.commit('unlink');
  }

  private dropLink(node: ModelNode): void {
    node.ctime = this.clock();
    this.setLinks(node, isDirectory(node) ? 0 : node.links - 1);
    this.reclaimIfUnused(node);
  }

  rmdir(parent: number, name: Uint8Array): void {
    const node = this.existing(parent, textOf(name), 'rmdir');
    if (!node.entries) throw new FsError('ENOTDIR', 'rmdir', node.inode);
    if (node.entries.size > 0) throw new FsError('ENOTEMPTY', 'rmdir', node.inode);
    const above = this.node(parent);
    this.setEntry(above, textOf(name), undefined);
    this.setLinks(above, above.links - 1);
    this.dropLink(node);
    this.commit('rmdir');
  }

  rename(parent: number, name: Uint8Array, newParent: number, newName: Uint8Array, flags: number): void {
    const [from, to] = [textOf(name), textOf(newName)];
    const node = this.existing(parent, from, 'rename');
    const targetInode = this.child(newParent, to, 'rename');
    const target = targetInode === undefined ? undefined : this.node(targetInode);
    const exchange = (flags & renameFlag.exchange) !== 0;
    if (target && (flags & renameFlag.noReplace) !== 0) throw new FsError('EEXIST', 'rename', target.inode);
    if (!target && exchange) throw new FsError('ENOENT', 'rename', newParent);
    if (isDirectory(node) && this.isWithin(newParent, node.inode)) throw new FsError('EINVAL', 'rename', node.inode);
    if (exchange && target && isDirectory(target) && this.isWithin(parent, target.inode)) {
      throw new FsError('EINVAL', 'rename', target.inode);
    }
    if (this.directory(newParent, 'rename').links === 0) throw new FsError('ENOENT', 'rename', newParent);
    if (target === node) return;
    if (target && !exchange) this.checkReplace(node, target);
    const [above, newAbove] = [this.node(parent), this.node(newParent)];
    const moves = exchange && target ? [node, target] : [node];
    if (exchange && target) this.setEntry(above, from, target.inode);
    else this.setEntry(above, from, undefined);
    this.setEntry(newAbove, to, node.inode);
    if (target && !exchange) {
      if (isDirectory(target)) this.setLinks(newAbove, newAbove.links - 1);
      this.dropLink(target);
    }
    this.moveUnder(node, above, newAbove);
    if (exchange && target) this.moveUnder(target, newAbove, above);
    this.commit(
      'rename',
      moves.filter(isRegular).map((moved) => moved.inode),
    );
  }

  private checkReplace(node: ModelNode, target: ModelNode): void {
    if (isDirectory(node) && !target.entries) throw new FsError('ENOTDIR', 'rename', target.inode);
    if (!isDirectory(node) && target.entries) throw new FsError('EISDIR', 'rename', target.inode);
    if (target.entries && target.entries.size > 0) throw new FsError('ENOTEMPTY', 'rename', target.inode);
  }

  private moveUnder(node: ModelNode, from: ModelNode, to: ModelNode): void {
    node.ctime = this.clock();
    if (!isDirectory(node)) return;
    node.parent = to.inode;
    if (from === to) return;
    this.setLinks(from, from.links - 1);
    this.setLinks(to, to.links + 1);
  }

  /** Is the directory `inode` the directory `ancestor` or below it? */
  isWithin(inode: number, ancestor: number): boolean {
    for (let at = inode; ; at = this.node(at).parent) {
      if (at === ancestor) return true;
      if (at === rootInode || !this.nodes.has(at)) return false;
    }
  }

  tmpfile(parent: number, mode: number, umask: number, who: Credentials): Attributes {
    this.directory(parent, 'tmpfile');
    const permissions = mode & 0o7777 & ~umask;
    const node = this.make(parent, fileType.regular | permissions, who, { contents: Contents.empty, links: 0 });
    this.changed(node);
    this.commit('tmpfile');
    this.history.version(node.inode, Contents.empty);
    return attributesOf(node);
  }

  hold(inode: number): void {
    this.node(inode, 'hold').holds++;
  }

  letGo(inode: number, count: number): void {
    const node = this.node(inode, 'letGo');
    node.holds -= count;
    this.reclaimIfUnused(node);
    if (this.changes.size > 0) this.commit('letGo');
  }

  read(inode: number, offset: number, into: Uint8Array): number {
    const bytes = this.contents(inode, 'read').read(offset, into.length);
    into.set(bytes);
    return bytes.length;
  }

  write(inode: number, offset: number, data: Uint8Array, _who: Credentials, killPrivileges = false): number {
    const contents = this.contents(inode, 'write');
    if (offset + data.length > maxFileSize) throw new FsError('EFBIG', 'write', inode);
    if (data.length === 0) return 0;
    const node = this.node(inode);
    if (killPrivileges) this.dropPrivileges(node);
    this.setData(node, contents.write(offset, data));
    return data.length;
  }

  /** Before the contents change, and apart from that: so kernels do it, as privileges must never meet what is not trusted. */
  private dropPrivileges(node: ModelNode): void {
    const mode = node.mode;
    this.killPrivileges(node);
    if (node.mode === mode) return;
    this.changed(node);
    this.commit('setattr', [], true);
  }

  private setData(node: ModelNode, contents: Contents): void {
    node.contents = contents;
    node.mtime = node.ctime = this.clock();
    this.history.version(node.inode, contents);
  }

  fallocate(inode: number, mode: number, offset: number, length: number): void {
    const contents = this.contents(inode, 'fallocate');
    if (offset + length > maxFileSize) throw new FsError('EFBIG', 'fallocate', inode);
    const erases = (mode & (fallocateFlag.punchHole | fallocateFlag.zeroRange)) !== 0;
    let after = erases ? contents.zero(offset, length) : contents;
    if ((mode & fallocateFlag.keepSize) === 0 && offset + length > after.size) after = after.resize(offset + length);
    this.setData(this.node(inode), after);
  }

  /** The file has these contents, permissions and times. */
  adopt({ inode, mode, mtime, ctime }: Attributes, contents: Contents): void {
    const node = this.node(inode);
    if (node.mode !== mode) {
      node.mode = mode;
      this.changed(node);
      this.commit('adopt');
    }
    this.setData(node, contents);
    node.mtime = mtime;
    node.ctime = ctime;
  }

  /** The nearest hole or data, page by page; the real one may call zeros data. ENXIO: no data follows. */
  seek(inode: number, offset: number, whence: number): number {
    const contents = this.contents(inode, 'seek');
    if (offset >= contents.size) throw new FsError('ENXIO', 'seek', inode);
    const page = contents.nextPage(Math.floor(offset / pageSize), whence === seek.data);
    const found = Math.max(offset, page * pageSize);
    if (whence === seek.hole) return Math.min(found, contents.size);
    if (found >= contents.size) throw new FsError('ENXIO', 'seek', inode);
    return found;
  }

  /** As root copies: setuid and setgid stay. */
  async copyRange(from: number, fromOffset: number, to: number, toOffset: number, length: number): Promise<number> {
    const bytes = this.contents(from, 'copyRange').read(fromOffset, length);
    const into = this.contents(to, 'copyRange');
    if (bytes.length === 0) return 0;
    this.setData(this.node(to), into.write(toOffset, bytes));
    return bytes.length;
  }

  settled(): undefined {
    return undefined;
  }

  async fsync(): Promise<void> {}

  async sync(): Promise<void> {}

  readdir(inode: number, cookie: number, emit: EmitEntry): void {
    const node = this.directory(inode, 'readdir');
    const all: [string, number][] = [['.', inode], ['..', node.parent], ...node.entries];
    for (const [i, [name, child]] of all.entries()) {
      if (i >= cookie && !emit(bytesOf(name), child, this.node(child).mode >>> 12, i + 1)) return;
    }
  }

  getxattr(inode: number, name: Uint8Array): Uint8Array {
    const value = this.node(inode, 'getxattr').xattrs.get(textOf(name));
    if (!value) throw new FsError('ENODATA', 'getxattr', inode);
    return value;
  }

  setxattr(inode: number, name: Uint8Array, value: Uint8Array, flags: number): void {
    const node = this.node(inode, 'setxattr');
    const key = textOf(name);
    const refused = (code: ErrorCode): FsError => new FsError(code, 'setxattr', inode);
    if ((flags & xattrFlag.create) !== 0 && node.xattrs.has(key)) throw refused('EEXIST');
    if ((flags & xattrFlag.replace) !== 0 && !node.xattrs.has(key)) throw refused('ENODATA');
    node.xattrs.set(key, value.slice());
    node.ctime = this.clock();
    this.changes.set(xattrKey(inode, key), xattrFact(value));
    this.commit('setxattr');
  }

  listxattr(inode: number): Uint8Array {
    return bytesOf([...this.node(inode, 'listxattr').xattrs.keys()].map((name) => `${name}\0`).join(''));
  }

  removexattr(inode: number, name: Uint8Array): void {
    const node = this.node(inode, 'removexattr');
    if (!node.xattrs.delete(textOf(name))) throw new FsError('ENODATA', 'removexattr', inode);
    node.ctime = this.clock();
    this.changes.set(xattrKey(inode, textOf(name)), undefined);
    this.commit('removexattr');
  }

  checkOpen(): void {
    // Without flags nothing is refused.
  }

  setFlags(inode: number): void {
    throw new FsError('EOPNOTSUPP', 'setflags', inode, 'the model has none');
  }

  statfs(): VolumeStatistics {
    return { pages: 0, freePages: 0, availablePages: 0, inodes: this.nodes.size, freeInodes: 0 };
  }
}
