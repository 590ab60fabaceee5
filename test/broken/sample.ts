/**
 * A small volume with one of everything, made of items put together here by hand: what fsck expects must not come
 * from the code that it checks.
 *
 *     /            1
 *     /docs        2   with 400 files /docs/f0 to /docs/f399 (100 to 499), so that the tree has inner nodes
 *     /big         3   extents: 3 pages, a hole, 2 pages, 4 reserved pages beyond the end
 *     /small       4   inline; also /docs/link
 *     /lonk        5   symbolic link
 *     (no name)    6   orphan with one page
 *     /fifo        7   with an attribute, and another one in two pieces
 */
import { checksum } from '../../fs/format/checksum.js';
import { Dirent, ExtentHeader, InodeRecord, inodeFlag, itemKind, Orphan, Xattr } from '../../fs/format/item.js';
import { firstOffset, hash45 } from '../../fs/format/name-hash.js';
import { MemoryStore } from '../../fs/store/memory.js';
import type { Store } from '../../fs/store/store.js';
import { run } from '../../fs/suspend.js';
import { Batch } from '../../fs/tree/batch.js';
import { pageSize } from '../../fs/units.js';
import { checksumOfPages } from '../../fs/volume/recovery.js';
import { Volume } from '../../fs/volume/volume.js';
import { formatTestVolume } from '../support/volume-image.js';

export const sampleBytes = 16 * 2 ** 20;
export const nameSeed = 12345;
export const inodeOf = { root: 1, docs: 2, big: 3, small: 4, lonk: 5, orphan: 6, fifo: 7, firstFile: 100 } as const;
const files = 400;
const directory = 0o040755;
const regular = 0o100644;

const zeroRecord = InodeRecord.read(new DataView(new ArrayBuffer(InodeRecord.size)));

export function inodeValue(record: Partial<InodeRecord>): Uint8Array {
  const value = new Uint8Array(InodeRecord.size);
  InodeRecord.write(new DataView(value.buffer), 0, { ...zeroRecord, links: 1, ...record });
  return value;
}

export function direntValue(inode: number, type: number, name: string): Uint8Array {
  const value = new Uint8Array(Dirent.size + Buffer.byteLength(name));
  Dirent.write(new DataView(value.buffer), 0, { inode, type });
  value.set(Buffer.from(name), Dirent.size);
  return value;
}

export const nameOffset = (name: string): number => firstOffset(hash45(Buffer.from(name), nameSeed));

export function putName(batch: Batch, parent: number, name: string, inode: number, type: number): Batch {
  return batch.put(parent, itemKind.dirent, nameOffset(name), direntValue(inode, type, name));
}

export function extentValue(address: number, birth: number, pages: number, sums: readonly number[]): Uint8Array {
  const value = new Uint8Array(ExtentHeader.size + 4 * sums.length);
  const view = new DataView(value.buffer);
  for (const [i, sum] of sums.entries()) view.setUint32(ExtentHeader.size + 4 * i, sum, true);
  const bytes = pages * pageSize;
  const pointer = { address, birth, checksum: 0, pages, transform: 0, flags: 0, storedBytes: bytes, plainBytes: bytes };
  if (address !== 0) pointer.checksum = checksum(value.subarray(ExtentHeader.size));
  ExtentHeader.write(view, 0, { pointer });
  return value;
}

/** Append pages and put the extent for them. */
export async function putPages(
  volume: Volume,
  inode: number,
  firstPage: number,
  pages: number,
  more = new Batch(),
): Promise<void> {
  const bytes = Buffer.alloc(pages * pageSize, `page of ${inode} `);
  await run(() => {
    volume.prepare([{ inode, kind: itemKind.extent, offset: firstPage }], pages, false);
    const [at] = volume.appendData(inode, firstPage, [bytes], () => undefined);
    const sums = Array.from({ length: pages }, (_, i) => checksum(bytes.subarray(i * pageSize, (i + 1) * pageSize)));
    const { generation } = volume;
    more.put(inode, itemKind.extent, firstPage, extentValue(at.address, generation, pages, sums));
    more.claim(at.address, pages, generation, checksumOfPages(bytes));
    volume.apply(more);
  });
}

const sizeOf = (names: readonly string[]): number => names.reduce((sum, name) => sum + name.length + 8, 0);
const rootSize = sizeOf(['docs', 'small', 'lonk', 'fifo', 'big']);
const docsSize = sizeOf(['link', ...Array.from({ length: files }, (_, i) => `f${i}`)]);

/** Records of the two directories, with one thing different. */
export const rootValue = (record: Partial<InodeRecord> = {}): Uint8Array =>
  inodeValue({ mode: directory, size: rootSize, parent: 1, subdirectories: 1, ...record });
export const docsValue = (record: Partial<InodeRecord> = {}): Uint8Array =>
  inodeValue({ mode: directory, size: docsSize, parent: 1, ...record });

function firstItems(): Batch {
  const batch = new Batch();
  batch.put(inodeOf.root, itemKind.inode, 0, rootValue());
  putName(batch, inodeOf.root, 'docs', inodeOf.docs, 4);
  batch.put(inodeOf.docs, itemKind.inode, 0, docsValue());
  putName(batch, inodeOf.root, 'small', inodeOf.small, 8);
  putName(batch, inodeOf.docs, 'link', inodeOf.small, 8);
  batch.put(inodeOf.small, itemKind.inode, 0, inodeValue({ mode: regular, links: 2, size: 5 }));
  batch.put(inodeOf.small, itemKind.inline, 0, Buffer.from('hello'));
  putName(batch, inodeOf.root, 'lonk', inodeOf.lonk, 10);
  batch.put(inodeOf.lonk, itemKind.inode, 0, inodeValue({ mode: 0o120777, size: 4 }));
  batch.put(inodeOf.lonk, itemKind.inline, 0, Buffer.from('docs'));
  putName(batch, inodeOf.root, 'fifo', inodeOf.fifo, 1);
  batch.put(inodeOf.fifo, itemKind.inode, 0, inodeValue({ mode: 0o010644, flags: inodeFlag.xattrs }));
  putXattr(batch, inodeOf.fifo, 'user.colour', Buffer.from('blue'));
  putXattr(batch, inodeOf.fifo, 'user.long', [Buffer.alloc(4000, 1), Buffer.alloc(500, 2)]);
  batch.inodes += 5;
  return batch;
}

/** An attribute, its value beside it or in pieces. */
export function putXattr(batch: Batch, inode: number, name: string, given: Uint8Array | readonly Uint8Array[]): Batch {
  const pieces = given instanceof Uint8Array ? [] : given;
  const inside = given instanceof Uint8Array ? given : new Uint8Array();
  const valueBytes = [inside, ...pieces].reduce((sum, piece) => sum + piece.length, 0);
  const value = new Uint8Array(Xattr.size + name.length + inside.length);
  const head = { nameBytes: name.length, reserved: 0, valueBytes, pieces: pieces.length === 0 ? 0 : 9 };
  Xattr.write(new DataView(value.buffer), 0, head);
  value.set(Buffer.from(name), Xattr.size);
  value.set(inside, Xattr.size + name.length);
  batch.put(inode, itemKind.xattr, nameOffset(name), value);
  for (const [i, piece] of pieces.entries()) batch.put(inode, itemKind.xattrPiece, 9 * 256 + i, piece);
  return batch;
}

/** Fill an empty volume with the sample. */
async function fill(volume: Volume): Promise<void> {
  while (volume.allocateInode() < inodeOf.firstFile + files) {}
  await run(() => volume.apply(firstItems()));
  for (let i = 0; i < files; i += 50) {
    const batch = new Batch();
    for (let k = i; k < i + 50; k++) {
      putName(batch, inodeOf.docs, `f${k}`, inodeOf.firstFile + k, 8);
      batch.put(inodeOf.firstFile + k, itemKind.inode, 0, inodeValue({ mode: regular, size: 0 }));
    }
    batch.inodes = 50;
    await run(() => volume.apply(batch));
  }
  const big = putName(new Batch(), inodeOf.root, 'big', inodeOf.big, 8);
  big.put(inodeOf.big, itemKind.inode, 0, inodeValue({ mode: regular, size: 8 * pageSize, pages: 9 }));
  big.put(inodeOf.big, itemKind.extent, 10, extentValue(0, volume.generation, 4, []));
  big.claim(0, 4, volume.generation, 0);
  big.inodes = 1;
  await putPages(volume, inodeOf.big, 0, 3, big);
  await putPages(volume, inodeOf.big, 6, 2);
  const orphan = new Batch();
  orphan.put(inodeOf.orphan, itemKind.inode, 0, inodeValue({ mode: regular, links: 0, size: 0, pages: 1 }));
  orphan.put(0, itemKind.orphan, inodeOf.orphan, new Uint8Array(Orphan.size));
  orphan.inodes = 1;
  await putPages(volume, inodeOf.orphan, 0, 1, orphan);
}

/** A store with the sample in it, cleanly closed. `change` adds to it before that, after a snapshot named `kept`. */
export async function sampleVolume(
  change?: (volume: Volume) => Promise<void> | void,
  kept?: string,
): Promise<MemoryStore> {
  const store = new MemoryStore(sampleBytes);
  await formatTestVolume(store);
  await changeVolume(store, async (volume) => {
    await fill(volume);
    if (kept !== undefined) await volume.snapshots.create(kept);
    await change?.(volume);
  });
  return store;
}

/** The same with the snapshot named first. */
export const sampleWith =
  (kept: string | undefined) =>
  (change: (volume: Volume) => Promise<void> | void): Promise<Store> =>
    sampleVolume(change, kept);

/** Open, change, close. */
export async function changeVolume(store: Store, change: (volume: Volume) => Promise<void> | void): Promise<void> {
  const volume = await Volume.open(store, { commitSeconds: 3600 });
  await change(volume);
  await volume.close();
}

/** Put and delete items as no filesystem would, under good checksums. */
export function applying(build: (batch: Batch, volume: Volume) => unknown): (volume: Volume) => Promise<void> {
  return async (volume) => {
    const batch = new Batch();
    build(batch, volume);
    await run(() => volume.apply(batch));
  };
}
