/** Open files: the numbers that libfuse knows them by, each with a hold on its inode. */
import { FsError } from '../../errors.js';
import type { FileSystemApi } from '../../posix/api.js';
import type { InodeNumber } from '../../units.js';

/** The binding passes handles on as positive numbers of 31 bits. */
const last = 2 ** 31 - 1;

export class Handles {
  private readonly inodes = new Map<number, InodeNumber>();
  private readonly counts = new Map<InodeNumber, number>();
  private newest = 0;

  open(filesystem: FileSystemApi, inode: InodeNumber): number {
    do this.newest = (this.newest % last) + 1;
    while (this.inodes.has(this.newest));
    filesystem.hold(inode);
    this.inodes.set(this.newest, inode);
    this.counts.set(inode, (this.counts.get(inode) ?? 0) + 1);
    return this.newest;
  }

  /** Throws FsError EBADF. */
  inode(handle: number): InodeNumber {
    const inode = this.inodes.get(handle);
    if (inode === undefined) throw new FsError('EBADF', `handle ${handle}`);
    return inode;
  }

  close(filesystem: FileSystemApi, handle: number): void {
    const inode = this.inode(handle);
    this.inodes.delete(handle);
    const count = (this.counts.get(inode) as number) - 1;
    if (count > 0) this.counts.set(inode, count);
    else this.counts.delete(inode);
    filesystem.letGo(inode, 1);
  }

  isOpen(inode: InodeNumber): boolean {
    return this.counts.has(inode);
  }
}
