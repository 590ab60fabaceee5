/**
 * `.snapshots`: a directory that no tree holds, with a directory for each snapshot. To make one there makes a snapshot,
 * to remove one deletes it, with all that it holds; to rename one renames it.
 *
 * Changes take a commit, so an operation suspends until that is done, and its restart finds its own mark: another one
 * with the same name meanwhile gets EEXIST or ENOENT.
 */
import { FsError } from '../../errors.js';
import { Suspend } from '../../suspend.js';
import type { InodeNumber } from '../../units.js';
import { rootInode } from '../../units.js';
import type { KeptRoot } from '../../volume/kept-roots.js';
import {
  type Attributes,
  type EmitEntry,
  type FileSystemApi,
  firstElsewhere,
  type Time,
  type VolumeStatistics,
} from '../api.js';
import { direntType, fileType } from '../inode/mode.js';
import { isDot, isDotDot } from '../namespace/names.js';

/** What the directory asks of the volume and of those who serve it. */
export interface SnapshotKeeper {
  list(): readonly KeptRoot[];
  find(name: string): KeptRoot | undefined;
  create(name: string): Promise<unknown>;
  remove(name: string): Promise<void>;
  rename(name: string, newName: string): Promise<void>;
  /** Attributes of the root directory of a snapshot, as an entry from outside of it. May throw Suspend. */
  enter(root: KeptRoot): Attributes;
  statfs(): VolumeStatistics;
}

const decoder = new TextDecoder('utf-8', { fatal: true });
const encoder = new TextEncoder();
const dot = encoder.encode('.');
const dotDot = encoder.encode('..');

export class SnapshotDirectory implements FileSystemApi {
  readonly volatile = true;
  /** Operations that are done and whose callers have not been told yet. */
  private readonly done = new Set<string>();

  constructor(
    private readonly keeper: SnapshotKeeper,
    private readonly owner: { readonly uid: number; readonly gid: number },
    /** Its number among the roots. */
    private readonly root: number,
    private changedAt: Time,
  ) {}

  /** The list of snapshots is another one. The kernel remembers a listing for as long as mtime stays the same. */
  changed(now: Time): void {
    this.changedAt = now;
  }

  lookup(_parent: InodeNumber, name: Uint8Array): Attributes {
    if (isDot(name) || isDotDot(name)) return this.getattr(rootInode);
    const root = this.keeper.find(nameOf(name, 'lookup'));
    if (root === undefined) throw new FsError('ENOENT', 'lookup');
    return this.keeper.enter(root);
  }

  getattr(inode: InodeNumber): Attributes {
    if (inode !== rootInode) throw new FsError('ESTALE', 'getattr', inode);
    const { changedAt, owner, root } = this;
    return {
      inode,
      generation: 0,
      mode: fileType.directory | 0o755,
      // As many filesystems say where they do not count: find(1) then relies on nothing.
      links: 1,
      ...owner,
      device: 0,
      size: 0,
      blocks: 0,
      atime: changedAt,
      mtime: changedAt,
      ctime: changedAt,
      btime: changedAt,
      flags: 0,
      project: 0,
      root,
    };
  }

  readdir(_inode: InodeNumber, cookie: number, emit: EmitEntry): void {
    const type = direntType(fileType.directory);
    if (cookie < 1 && !emit(dot, rootInode, type, 1)) return;
    if (cookie < 2 && !emit(dotDot, rootInode, type, 2)) return;
    // By id, which only grows: a cookie stays right while others come and go.
    const roots = this.keeper.list().filter(({ id }) => id + 2 > cookie);
    for (const { id, name } of roots.sort((a, b) => a.id - b.id))
      if (!emit(encoder.encode(name), firstElsewhere + id, type, id + 2)) return;
  }

  mkdir(_parent: InodeNumber, name: Uint8Array): Attributes {
    const text = nameOf(name, 'mkdir');
    const what = `mkdir ${text}`;
    const root = this.keeper.find(text);
    if (root === undefined) throw this.doing(what, this.keeper.create(text));
    if (!this.done.has(what)) throw new FsError('EEXIST', 'mkdir');
    // This may suspend: the mark must stay until it has not.
    const made = this.keeper.enter(root);
    this.done.delete(what);
    return made;
  }

  rmdir(_parent: InodeNumber, name: Uint8Array): void {
    const text = nameOf(name, 'rmdir');
    if (this.done.delete(`rmdir ${text}`)) return;
    if (this.keeper.find(text) === undefined) throw new FsError('ENOENT', 'rmdir');
    throw this.doing(`rmdir ${text}`, this.keeper.remove(text));
  }

  rename(_parent: InodeNumber, name: Uint8Array, _to: InodeNumber, newName: Uint8Array, flags: number): void {
    const [from, to] = [nameOf(name, 'rename'), nameOf(newName, 'rename')];
    if (this.done.delete(`rename ${from}/${to}`)) return;
    if (flags > 1) throw new FsError('EINVAL', 'rename');
    throw this.doing(`rename ${from}/${to}`, this.keeper.rename(from, to));
  }

  private doing(what: string, work: Promise<unknown>): Suspend {
    return new Suspend(
      work.then(() => this.done.add(what)),
      'a change of snapshots',
    );
  }

  statfs(): VolumeStatistics {
    return this.keeper.statfs();
  }

  hold(): void {}
  letGo(): void {}
  settled(): undefined {
    return undefined;
  }
  fsync(): Promise<void> {
    return Promise.resolve();
  }
  sync(): Promise<void> {
    return Promise.resolve();
  }

  checkOpen(): never {
    throw new FsError('EISDIR', 'open');
  }
  setFlags(): never {
    throw new FsError('ENOTTY', 'setFlags');
  }
  setattr(): never {
    throw new FsError('EPERM', 'setattr');
  }
  mknod(): never {
    throw new FsError('EPERM', 'mknod');
  }
  symlink(): never {
    throw new FsError('EPERM', 'symlink');
  }
  link(): never {
    throw new FsError('EPERM', 'link');
  }
  unlink(): never {
    throw new FsError('EISDIR', 'unlink');
  }
  tmpfile(): never {
    throw new FsError('EOPNOTSUPP', 'tmpfile');
  }
  readlink(): never {
    throw new FsError('EINVAL', 'readlink');
  }
  read(): never {
    throw new FsError('EISDIR', 'read');
  }
  write(): never {
    throw new FsError('EISDIR', 'write');
  }
  fallocate(): never {
    throw new FsError('EISDIR', 'fallocate');
  }
  seek(): never {
    throw new FsError('EISDIR', 'seek');
  }
  copyRange(): never {
    throw new FsError('EISDIR', 'copyRange');
  }
  getxattr(): never {
    throw new FsError('ENODATA', 'getxattr');
  }
  setxattr(): never {
    throw new FsError('EPERM', 'setxattr');
  }
  listxattr(): Uint8Array {
    return new Uint8Array(0);
  }
  removexattr(): never {
    throw new FsError('ENODATA', 'removexattr');
  }
}

/** Names of snapshots are text. EINVAL for other bytes. */
function nameOf(name: Uint8Array, operation: string): string {
  try {
    return decoder.decode(name);
  } catch {
    throw new FsError(operation === 'lookup' ? 'ENOENT' : 'EINVAL', operation, undefined, 'not UTF-8');
  }
}
