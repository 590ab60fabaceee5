/**
 * Which inode lies where in a folder of any filesystem: their names, what is held open, and descriptors of directories,
 * from which all paths begin. No path is longer than a name, and none leaves the folder.
 */
import * as fs from 'node:fs';
import { type ErrorCode, FsError } from '../../fs/errors.js';
import { rootInode } from '../../fs/units.js';
import { fileType } from '../model/nodes.js';
import { textOf } from '../model/state.js';

/** As in fcntl.h; Node does not name it. */
const pathOnly = 0o10000000;
const { O_RDONLY, O_RDWR, O_NOFOLLOW, O_DIRECTORY, O_NONBLOCK } = fs.constants;

interface Entry {
  readonly parent: number;
  readonly name: Uint8Array;
}

interface Known {
  readonly type: number;
  readonly real: bigint;
  readonly names: Map<string, Entry>;
  /** Of a directory: its descriptor. */
  readonly folder: number | undefined;
  /** Of a file that is held. */
  open: number | undefined;
  holds: number;
}

const keyOf = (parent: number, name: Uint8Array): string => `${parent} ${textOf(name)}`;
export const pathOf = (fd: number): string => `/proc/self/fd/${fd}`;

/** What the system says as what the API says. */
export function asked<T>(operation: string, work: () => T): T {
  try {
    return work();
  } catch (e) {
    const { code, message } = e as NodeJS.ErrnoException;
    if (e instanceof FsError || code === undefined || !/^E[A-Z0-9]+$/.test(code)) throw e;
    throw new FsError(code as ErrorCode, operation, undefined, message);
  }
}

export class DirectoryInodes {
  private readonly known = new Map<number, Known>();
  private readonly numbers = new Map<bigint, number>();
  private next = rootInode;

  /** `folder`: number 1. */
  constructor(folder: string) {
    const fd = fs.openSync(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    this.know(fs.fstatSync(fd, { bigint: true }), { folder: fd });
  }

  /** Close what is open. */
  close(): void {
    for (const { folder, open } of this.known.values()) {
      if (folder !== undefined) fs.closeSync(folder);
      if (open !== undefined) fs.closeSync(open);
    }
    this.known.clear();
  }

  of(inode: number): Known {
    const known = this.known.get(inode);
    if (known === undefined) throw new FsError('ENOENT', 'inode', inode);
    return known;
  }

  /** Inodes that are held. */
  get held(): number[] {
    return [...this.known].filter(([, { holds }]) => holds > 0).map(([inode]) => inode);
  }

  /** Number of what the system knows as this; a negative one if it was not made here. */
  numberOf({ ino }: fs.BigIntStats): number {
    return this.numbers.get(ino) ?? -Number(ino);
  }

  /** Something new gets a number. */
  know(stat: fs.BigIntStats, { folder, open }: { folder?: number; open?: number } = {}): number {
    const inode = this.next++;
    const type = Number(stat.mode) & fileType.mask;
    this.known.set(inode, { type, real: stat.ino, names: new Map(), folder, open, holds: 0 });
    this.numbers.set(stat.ino, inode);
    return inode;
  }

  /** Something new has this name. */
  knowEntry(parent: number, name: Uint8Array): number {
    const path = this.entry(parent, name);
    const stat = fs.lstatSync(path, { bigint: true });
    const inode = this.know(
      stat,
      stat.isDirectory() ? { folder: fs.openSync(path, pathOnly | O_DIRECTORY | O_NOFOLLOW) } : {},
    );
    this.addName(inode, parent, name);
    return inode;
  }

  addName(inode: number, parent: number, name: Uint8Array): void {
    this.of(inode).names.set(keyOf(parent, name), { parent, name });
  }

  /** The inode has this name no more, and is gone if nothing else keeps it. */
  dropName(inode: number, parent: number, name: Uint8Array): void {
    this.of(inode).names.delete(keyOf(parent, name));
    this.forgetUnused(inode);
  }

  named(parent: number, name: Uint8Array): number | undefined {
    const key = keyOf(parent, name);
    for (const [inode, { names }] of this.known) if (names.has(key)) return inode;
    return undefined;
  }

  hold(inode: number): void {
    const known = this.of(inode);
    known.open ??= fs.openSync(this.path(inode), O_RDWR | O_NOFOLLOW);
    known.holds++;
  }

  letGo(inode: number, count: number): void {
    const known = this.of(inode);
    known.holds -= count;
    if (known.holds > 0) return;
    if (known.open !== undefined) fs.closeSync(known.open);
    known.open = undefined;
    this.forgetUnused(inode);
  }

  private forgetUnused(inode: number): void {
    const { names, holds, folder, real } = this.of(inode);
    if (names.size > 0 || holds > 0) return;
    if (folder !== undefined) fs.closeSync(folder);
    this.known.delete(inode);
    this.numbers.delete(real);
  }

  entry(parent: number, name: Uint8Array): Buffer {
    const { folder } = this.of(parent);
    if (folder === undefined) throw new FsError('ENOTDIR', 'path', parent);
    return Buffer.concat([Buffer.from(`${pathOf(folder)}/`), name]);
  }

  /** A path that leads to the inode. */
  path(inode: number): Buffer {
    const { folder, open, names } = this.of(inode);
    if (folder !== undefined) return Buffer.from(pathOf(folder));
    const [first] = names.values();
    if (first !== undefined) return this.entry(first.parent, first.name);
    if (open !== undefined) return Buffer.from(pathOf(open));
    throw new FsError('ENOENT', 'path', inode);
  }

  /** Do something with the file, opened for this if it is not held. */
  withFile<T>(operation: string, inode: number, work: (fd: number) => T): T {
    return asked(operation, () => {
      const { open } = this.of(inode);
      if (open !== undefined) return work(open);
      const fd = fs.openSync(this.path(inode), O_RDWR | O_NOFOLLOW | O_NONBLOCK);
      try {
        return work(fd);
      } finally {
        fs.closeSync(fd);
      }
    });
  }

  stat(inode: number): fs.BigIntStats {
    const { folder, open } = this.of(inode);
    const fd = folder ?? open;
    return fd === undefined ? fs.lstatSync(this.path(inode), { bigint: true }) : fs.fstatSync(fd, { bigint: true });
  }
}
