/**
 * Paths in a snapshot, for those who know a directory and a name in it, or only an inode. Each directory above is
 * searched once for all that is in it.
 */
import { itemKind } from '../format/item.js';
import { decodeInode } from '../posix/inode/inode-record.js';
import { fileType } from '../posix/inode/mode.js';
import { direntInode, direntName, direntType } from '../posix/namespace/dirents.js';
import { run } from '../suspend.js';
import { endOfInodes, type InodeNumber, rootInode } from '../units.js';
import type { ItemCursor, VolumeApi } from '../volume/api.js';

/** Deeper paths are cut short: nothing but a hostile image has them. */
const maxDepth = 2000;
/** Items looked at in one stretch. */
const itemsInStep = 2000;

interface Place {
  readonly directory: InodeNumber;
  readonly name: Uint8Array;
}

export class PathFinder {
  /** Where directories hang, of those above which somebody was asked for. */
  private readonly directories = new Map<InodeNumber, Place>();
  private readonly searched = new Set<InodeNumber>();

  constructor(
    private readonly volume: VolumeApi,
    private readonly breathe: () => Promise<void>,
  ) {}

  /** Path of an entry, from the root directory on. */
  async pathOf({ directory, name }: Place): Promise<string> {
    const parts = [printable(name)];
    for (let at = directory; at !== rootInode; ) {
      const above = await this.placeOf(at);
      if (above === undefined || parts.length === maxDepth) return `.../${parts.reverse().join('/')}`;
      parts.push(printable(above.name));
      at = above.directory;
    }
    return `/${parts.reverse().join('/')}`;
  }

  private async placeOf(directory: InodeNumber): Promise<Place | undefined> {
    const known = this.directories.get(directory);
    if (known !== undefined) return known;
    const parent = await run(() => {
      const value = this.volume.get(directory, itemKind.inode, 0);
      return value === undefined ? 0 : decodeInode(directory, value).parent;
    });
    if (!this.searched.has(parent)) await this.search(parent);
    return this.directories.get(directory);
  }

  /** Note all directories in one. */
  private async search(parent: InodeNumber): Promise<void> {
    this.searched.add(parent);
    for (let from = 0; from >= 0; ) {
      from = await run(() => {
        const found = new Map<InodeNumber, Place>();
        const items = this.volume.seek(parent, itemKind.dirent, from);
        for (let left = itemsInStep; isEntryOf(items, parent); items.next()) {
          if (left-- === 0) return this.take(found, items.offset);
          if (direntType(items.value) * 2 ** 12 !== fileType.directory) continue;
          found.set(direntInode(items.value), { directory: parent, name: direntName(items.value).slice() });
        }
        return this.take(found, -1);
      });
      await this.breathe();
    }
  }

  private take(found: ReadonlyMap<InodeNumber, Place>, next: number): number {
    for (const [inode, place] of found) this.directories.set(inode, place);
    return next;
  }

  /** All paths of some inodes: goes through all directories, unless these are directories or nothing is asked for. */
  async namesOf(wanted: ReadonlyMap<InodeNumber, unknown>): Promise<Map<InodeNumber, string[]>> {
    const paths = new Map<InodeNumber, string[]>();
    if (wanted.has(rootInode)) paths.set(rootInode, ['/']);
    const places: [InodeNumber, Place][] = [];
    let missing = wanted.size - paths.size;
    for (let at: InodeNumber = rootInode, offset = 0; missing > 0 && at < endOfInodes; ) {
      const next = await run(() => this.entries(at, offset, wanted));
      places.push(...next.found);
      if (next.inode === undefined) missing = 0;
      else at = next.inode;
      offset = next.offset;
      await this.breathe();
    }
    for (const [inode, place] of places) {
      const list = paths.get(inode) ?? [];
      list.push(await this.pathOf(place));
      paths.set(inode, list);
    }
    return paths;
  }

  /** Entries that lead to what is wanted, of some directories from one on; and where to go on. May throw Suspend. */
  private entries(from: InodeNumber, offset: number, wanted: ReadonlyMap<InodeNumber, unknown>): EntriesStep {
    const found: [InodeNumber, Place][] = [];
    let items = this.volume.seek(from, offset > 0 ? itemKind.dirent : itemKind.inode, offset);
    for (let left = itemsInStep; items.valid; left--) {
      const { inode, kind } = items;
      if (left === 0) return { found, inode, offset: kind === itemKind.dirent ? items.offset : 0 };
      if (kind === itemKind.dirent) {
        const target = direntInode(items.value);
        if (wanted.has(target)) found.push([target, { directory: inode, name: direntName(items.value).slice() }]);
        items.next();
      } else if (kind === itemKind.inode && isDirectory(inode, items.value)) {
        items = this.volume.seek(inode, itemKind.dirent, 0);
      } else {
        items = this.volume.seek(inode + 1, itemKind.inode, 0);
      }
    }
    return { found, inode: undefined, offset: 0 };
  }
}

interface EntriesStep {
  readonly found: readonly [InodeNumber, Place][];
  /** Undefined: that was all. */
  readonly inode: InodeNumber | undefined;
  readonly offset: number;
}

const isEntryOf = (items: ItemCursor, directory: InodeNumber): boolean =>
  items.valid && items.inode === directory && items.kind === itemKind.dirent;

const isDirectory = (inode: InodeNumber, value: Uint8Array): boolean =>
  (decodeInode(inode, value).mode & fileType.mask) === fileType.directory;

/** Control characters escaped. */
const printable = (name: Uint8Array): string => JSON.stringify(Buffer.from(name).toString('utf8')).slice(1, -1);
