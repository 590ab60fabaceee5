/**
 * What an image or device already holds, known by its magic numbers: mkfs refuses to format over it without -f.
 *
 * A signature is bytes at an offset; a few need a second look (ext2, 3 or 4; a boot sector is only a partition
 * table if it has a partition). Nothing is parsed further: a false alarm costs an -f, a miss costs a filesystem.
 */
import { superblockMagic } from '../fs/format/superblock.js';
import type { Store } from '../fs/store/store.js';

interface Signature {
  readonly what: string;
  readonly offset: number;
  readonly bytes: Uint8Array;
}

const at = (offset: number, bytes: string | readonly number[], what: string): Signature => ({
  what,
  offset,
  bytes: typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : Uint8Array.from(bytes),
});

const littleEndian = (value: number): number[] => [
  value & 255,
  (value >>> 8) & 255,
  (value >>> 16) & 255,
  value >>> 24,
];

const signatures: readonly Signature[] = [
  at(0, littleEndian(superblockMagic), 'a Varve volume'),
  at(0, 'XFSB', 'an XFS filesystem'),
  at(0x10040, '_BHRfS_M', 'a btrfs filesystem'),
  at(1024, littleEndian(0xf2f52010), 'an f2fs filesystem'),
  at(1024, littleEndian(0xe0f5e1e2), 'an EROFS filesystem'),
  at(3, 'NTFS    ', 'an NTFS filesystem'),
  at(3, 'EXFAT   ', 'an exFAT filesystem'),
  at(54, 'FAT12   ', 'a FAT filesystem'),
  at(54, 'FAT16   ', 'a FAT filesystem'),
  at(82, 'FAT32   ', 'a FAT filesystem'),
  at(4086, 'SWAPSPACE2', 'swap space'),
  at(4086, 'SWAP-SPACE', 'swap space'),
  at(0, 'LUKS\xba\xbe', 'a LUKS encrypted volume'),
  at(0, 'hsqs', 'a squashfs filesystem'),
  at(0x8001, 'CD001', 'an ISO 9660 filesystem'),
  at(0x8001, 'BEA01', 'a UDF filesystem'),
  at(0x8000, 'JFS1', 'a JFS filesystem'),
  at(0x10034, 'ReIsEr', 'a ReiserFS filesystem'),
  at(4096 + 24, [0xc6, 0x85, 0x73, 0xf6, 0x4e, 0x1a, 0x45, 0xca], 'a bcachefs filesystem'),
  at(512, 'LABELONE', 'an LVM physical volume'),
  at(0, littleEndian(0xa92b4efc), 'a RAID member'),
  at(4096, littleEndian(0xa92b4efc), 'a RAID member'),
  at(512, 'EFI PART', 'a GPT partition table'),
  at(4096, 'EFI PART', 'a GPT partition table'),
];

/** ZFS has no magic at a fixed place: any of 128 uberblocks in a label may be in use. */
const zfsMagic = [littleEndian(0x00bab10c), littleEndian(0x00bab10c).reverse()];
const zfsUberblocks = 128 * 1024;
const headBytes = 256 * 1024;

/** What the store holds, in words that follow "holds"; undefined if nothing known was found. */
export async function whatIsThere(store: Store): Promise<string | undefined> {
  const head = new Uint8Array(Math.min(headBytes, store.size));
  await store.read(0, head);
  const found = signatures.find((signature) => matches(head, signature.offset, signature.bytes));
  return found?.what ?? extended(head) ?? zfs(head) ?? partitions(head);
}

/** True if the first page holds anything but zeros: data of a kind that no signature tells. */
export async function holdsAnything(store: Store): Promise<boolean> {
  const first = new Uint8Array(Math.min(4096, store.size));
  await store.read(0, first);
  return first.some((byte) => byte !== 0);
}

function matches(head: Uint8Array, offset: number, bytes: ArrayLike<number>): boolean {
  if (offset + bytes.length > head.length) return false;
  for (let i = 0; i < bytes.length; i++) if (head[offset + i] !== bytes[i]) return false;
  return true;
}

/** ext2, ext3 and ext4 share a magic; a journal makes an ext3, extents or later features an ext4. */
function extended(head: Uint8Array): string | undefined {
  if (!matches(head, 1024 + 56, [0x53, 0xef])) return undefined;
  const compatible = head[1024 + 92];
  const incompatible = head[1024 + 96];
  const extentsOrLater = (incompatible & 0xc0) !== 0;
  return extentsOrLater ? 'an ext4 filesystem' : (compatible & 4) !== 0 ? 'an ext3 filesystem' : 'an ext2 filesystem';
}

function zfs(head: Uint8Array): string | undefined {
  for (let offset = zfsUberblocks; offset + 4 <= head.length; offset += 1024) {
    if (zfsMagic.some((magic) => matches(head, offset, magic))) return 'a ZFS pool member';
  }
  return undefined;
}

/** A boot sector with at least one partition whose entry makes sense. */
function partitions(head: Uint8Array): string | undefined {
  if (!matches(head, 510, [0x55, 0xaa])) return undefined;
  for (let entry = 446; entry < 510; entry += 16) {
    const status = head[entry];
    const type = head[entry + 4];
    if ((status === 0 || status === 0x80) && type !== 0) return 'an MBR partition table';
  }
  return undefined;
}
