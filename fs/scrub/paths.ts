/**
 * Names for the inodes of findings. Nothing leads from a file to its names, so the entries of all directories are
 * gone through once, and only if there is something to be named.
 */
import { FsError } from '../errors.js';
import { itemKind } from '../format/item.js';
import { decodeInode } from '../posix/inode/inode-record.js';
import { direntInode, direntName } from '../posix/namespace/dirents.js';
import { run } from '../suspend.js';
import { keyInode, keyKind } from '../tree/key.js';
import type { Node } from '../tree/node.js';
import { type InodeNumber, rootInode } from '../units.js';
import type { VolumeApi } from '../volume/api.js';

/** Deeper paths are not told. */
const maxDepth = 1000;

interface Name {
  readonly directory: InodeNumber;
  readonly name: string;
}

export class NameSearch {
  private readonly found = new Map<InodeNumber, Name>();

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

  /** A path of the inode; undefined: none was seen, or what leads to it is gone or can't be read. */
  async path(inode: InodeNumber): Promise<string | undefined> {
    if (inode === rootInode) return '/';
    const name = this.found.get(inode);
    if (name === undefined) return undefined;
    let path = `/${name.name}`;
    let at = name.directory;
    try {
      for (let depth = 0; at !== rootInode; depth++) {
        const above = await run(() => nameOfDirectory(this.volume, at));
        if (above === undefined || depth === maxDepth) return undefined;
        path = `/${above.name}${path}`;
        at = above.directory;
      }
    } catch (e) {
      if (e instanceof FsError) return undefined;
      throw e;
    }
    return path;
  }
}

/** Where a directory hangs, by its parent, which knows it by name. May throw Suspend. */
function nameOfDirectory(volume: VolumeApi, directory: InodeNumber): Name | undefined {
  const value = volume.get(directory, itemKind.inode, 0);
  if (value === undefined) return undefined;
  const { parent } = decodeInode(directory, value);
  const items = volume.seek(parent, itemKind.dirent, 0);
  for (; items.valid && items.inode === parent && items.kind === itemKind.dirent; items.next()) {
    if (direntInode(items.value) === directory) return { directory: parent, name: printable(direntName(items.value)) };
  }
  return undefined;
}

/** Control characters and quotes escaped. */
const printable = (name: Uint8Array): string => JSON.stringify(Buffer.from(name).toString('utf8')).slice(1, -1);
