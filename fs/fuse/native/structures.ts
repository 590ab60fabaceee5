/** struct stat and struct statvfs of x86-64, as libfuse passes them on to the kernel. */
import type { Attributes, Time, VolumeStatistics } from '../../posix/api.js';
import { maxNameBytes, pageSize } from '../../units.js';

const statBytes = 144;
const statvfsBytes = 88;

export function statOf(a: Attributes): Buffer {
  const stat = Buffer.alloc(statBytes);
  stat.writeBigUInt64LE(BigInt(a.inode), 8);
  stat.writeUInt32LE(a.links, 16);
  stat.writeUInt32LE(a.mode, 24);
  stat.writeUInt32LE(a.uid, 28);
  stat.writeUInt32LE(a.gid, 32);
  stat.writeUInt32LE(a.device, 40);
  stat.writeBigInt64LE(BigInt(a.size), 48);
  stat.writeUInt32LE(pageSize, 56);
  stat.writeBigInt64LE(BigInt(a.blocks), 64);
  writeTime(stat, 72, a.atime);
  writeTime(stat, 88, a.mtime);
  writeTime(stat, 104, a.ctime);
  return stat;
}

/** What a directory listing tells of an entry: its inode and its type (0 to 15, as in a directory entry). */
export function entryStat(inode: number, type: number): Buffer {
  const stat = Buffer.alloc(statBytes);
  stat.writeBigUInt64LE(BigInt(inode), 8);
  stat.writeUInt32LE(type << 12, 24);
  return stat;
}

export function statvfsOf(s: VolumeStatistics): Buffer {
  const { pages, freePages, availablePages, inodes, freeInodes } = s;
  const values = [pageSize, pageSize, pages, freePages, availablePages, inodes, freeInodes, freeInodes];
  const statvfs = Buffer.alloc(statvfsBytes);
  values.forEach((value, i) => {
    statvfs.writeBigUInt64LE(BigInt(value), i * 8);
  });
  statvfs.writeBigUInt64LE(BigInt(maxNameBytes), 80);
  return statvfs;
}

const writeTime = (stat: Buffer, at: number, { seconds, nanos }: Time): void => {
  stat.writeBigInt64LE(BigInt(seconds), at);
  stat.writeUInt32LE(nanos, at + 8);
};
