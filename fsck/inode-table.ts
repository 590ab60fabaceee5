/**
 * What fsck keeps about every inode of a tree: about 40 bytes each, in columns, ascending by inode number.
 */
import type { InodeNumber } from '../fs/units.js';
import { halves, indexOf, numbers, words } from './column.js';

export const fileType = { fifo: 1, character: 2, directory: 4, block: 6, regular: 8, symlink: 10, socket: 12 } as const;
export const typeNames: Readonly<Record<number, string>> = Object.fromEntries(
  Object.entries(fileType).map(([name, value]) => [value, name]),
);

export class InodeTable {
  readonly number = numbers();
  readonly mode = halves();
  /** Links as recorded. */
  readonly links = words();
  /** Parent as recorded, for directories. */
  readonly parent = numbers();
  /** Subdirectories as recorded. */
  readonly subdirectories = words();
  /** Names found. */
  readonly names = words();
  /** Subdirectories found. */
  readonly subdirectoriesFound = words();
  /** Directory in which a name was found first: its index + 1, or 0. */
  readonly foundIn = words();

  get length(): number {
    return this.number.length;
  }

  /** Enter an inode; numbers ascend. Returns its index. */
  add(inode: InodeNumber, mode: number, links: number, parent: InodeNumber, subdirectories: number): number {
    this.number.push(inode);
    this.mode.push(mode);
    this.links.push(links);
    this.parent.push(parent);
    this.subdirectories.push(subdirectories);
    this.names.push(0);
    this.subdirectoriesFound.push(0);
    this.foundIn.push(0);
    return this.number.length - 1;
  }

  /** Index of an inode, or -1 if there is no such inode. */
  find(inode: InodeNumber): number {
    return indexOf(this.number, inode);
  }

  type(index: number): number {
    return this.mode.values[index] >>> 12;
  }
}
