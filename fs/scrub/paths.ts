/**
 * Names for the inodes of findings. Nothing leads from a file to its names, so the entries of all directories are
 * gone through once, and only if there is something to be named. The directories above are found by their parents, which
 * know them by name: a stretch of entries at a time, as a directory may have a million.
 */
import { FsError } from '../errors.js';
import { itemKind } from '../format/item.js';
import { decodeInode } from '../posix/inode/inode-record.js';
import { direntInode, direntName } from '../posix/namespace/dirents.js';
import { nextTurn, run } from '../suspend.js';
import { keyInode, keyKind } from '../tree/key.js';
import type { Node } from '../tree/node.js';
import { type InodeNumber, rootInode } from '../units.js';
import type { VolumeApi } from '../volume/api.js';

/** Deeper paths are not told. */
const maxDepth = 1000;
/** Entries that are looked at in one stretch. */
const entriesAtOnce = 1000;

interface Name {
  readonly directory: InodeNumber;
  readonly name: string;
}

export class NameSearch {
  private readonly found = new Map<InodeNumber, Name>();
  /** Of directories; undefined: looked for, and not found. */
  private readonly directories = new Map<InodeNumber, Name | undefined>();

  /** `wanted`: of which entries (their values) to keep the names. */
  constructor(
    private readonly volume: VolumeApi,
    private readonly wanted: (inode: InodeNumber, entry: Uint8Array) => boolean,
  ) {}

  /** Look through the entries in a leaf. */
  visit(leaf: Node): void {
    for (let i = 0; i < leaf.count; i++) {
      if (keyKind(leaf.keyWord(i, 1)) !== itemKind.dirent) continue;
      const value = leaf.value(i);
      const inode = direntInode(value);
      if (!this.wanted(inode, value)) continue;
      const directory = keyInode(leaf.keyWord(i, 0), leaf.keyWord(i, 1));
      this.found.set(inode, { directory, name: printable(direntName(value)) });
    }
  }

  /** A path of each inode that was found. One without: what leads to it is gone, or can't be read. */
  async paths(): Promise<Map<InodeNumber, string>> {
    await this.nameDirectories();
    const paths = new Map<InodeNumber, string>([[rootInode, '/']]);
    for (const [inode, name] of this.found) {
      const path = this.pathOf(name);
      if (path !== undefined) paths.set(inode, path);
    }
    return paths;
  }

  private pathOf(name: Name): string | undefined {
    const parts = [name.name];
    for (let at = name.directory; at !== rootInode; ) {
      const above = this.directories.get(at);
      if (above === undefined || parts.length > maxDepth) return undefined;
      parts.push(above.name);
      at = above.directory;
    }
    return `/${parts.reverse().join('/')}`;
  }

  /** Those above what was found, a level after another: so the entries of each directory are gone through once a level. */
  private async nameDirectories(): Promise<void> {
    let wanted = new Set([...this.found.values()].map(({ directory }) => directory));
    for (let depth = 0; wanted.size > 0 && depth < maxDepth; depth++) {
      const children = new Map<InodeNumber, Set<InodeNumber>>();
      for (const directory of wanted) {
        if (directory === rootInode || this.directories.has(directory)) continue;
        this.directories.set(directory, undefined);
        const parent = await readable(() => parentOf(this.volume, directory));
        if (parent !== undefined) children.set(parent, (children.get(parent) ?? new Set()).add(directory));
      }
      for (const [parent, named] of children) await this.nameIn(parent, named);
      wanted = new Set(children.keys());
    }
  }

  /** Find the names of some directories in the one above them. */
  private async nameIn(parent: InodeNumber, wanted: Set<InodeNumber>): Promise<void> {
    for (let from = 0; from >= 0 && wanted.size > 0; ) {
      const start = from;
      const part = await readable(() => directoriesIn(this.volume, parent, start, wanted));
      for (const [inode, name] of part?.found ?? []) {
        this.directories.set(inode, { directory: parent, name });
        wanted.delete(inode);
      }
      from = part?.next ?? -1;
      await nextTurn();
    }
  }
}

/** Run to its end; undefined where something can't be read. */
async function readable<T>(operation: () => T): Promise<T | undefined> {
  try {
    return await run(operation);
  } catch (e) {
    if (e instanceof FsError) return undefined;
    throw e;
  }
}

/** Undefined: the directory is gone. May throw Suspend. */
function parentOf(volume: VolumeApi, directory: InodeNumber): InodeNumber | undefined {
  const value = volume.get(directory, itemKind.inode, 0);
  return value === undefined ? undefined : decodeInode(directory, value).parent;
}

/** Some entries of a directory, from an offset on: which of `wanted` they name. `next`: to go on with, or -1. May throw Suspend. */
function directoriesIn(
  volume: VolumeApi,
  parent: InodeNumber,
  from: number,
  wanted: ReadonlySet<InodeNumber>,
): { readonly found: readonly (readonly [InodeNumber, string])[]; readonly next: number } {
  const found: [InodeNumber, string][] = [];
  const items = volume.seek(parent, itemKind.dirent, from);
  for (let left = entriesAtOnce; items.valid; items.next()) {
    if (items.inode !== parent || items.kind !== itemKind.dirent) break;
    if (left-- === 0) return { found, next: items.offset };
    const inode = direntInode(items.value);
    if (wanted.has(inode)) found.push([inode, printable(direntName(items.value))]);
  }
  return { found, next: -1 };
}

/** Control characters and quotes escaped. */
const printable = (name: Uint8Array): string => JSON.stringify(Buffer.from(name).toString('utf8')).slice(1, -1);
