/** One way or more to break each invariant, each with the code of the finding that must come of it. */

import { itemKind, Relocation } from '../../fs/format/item.js';
import { IndexEntry, TablePage } from '../../fs/format/segment-table.js';
import { writeU64 } from '../../fs/format/struct.js';
import type { Store } from '../../fs/store/store.js';
import { run } from '../../fs/suspend.js';
import type { Batch } from '../../fs/tree/batch.js';
import { pageSize } from '../../fs/units.js';
import { Volume } from '../../fs/volume/volume.js';
import type { ProblemCode } from '../../fsck/problem.js';
import {
  applying,
  docsValue,
  extentValue,
  inodeOf,
  inodeValue,
  nameOffset,
  putName,
  putPages,
  putXattr,
  rootValue,
  sampleVolume,
  sampleWith,
} from './sample.js';
import {
  editCheckpoint,
  editNode,
  editSuperblock,
  editTablePage,
  flip,
  type NodeBytes,
  offsetOfAddress,
  placeOf,
  tablePageOffset,
} from './surgery.js';

export interface Breakage {
  readonly code: ProblemCode;
  readonly what: string;
  /** `kept`: with a snapshot of that name, of the sample before it was broken. */
  make(kept?: string): Promise<Store>;
}

/** Through the volume itself: items that no filesystem would put. */
const items = (code: ProblemCode, what: string, build: (batch: Batch, volume: Volume) => unknown): Breakage => ({
  code,
  what,
  make: (kept) => sampleVolume(applying(build), kept),
});

/** Behind the volume's back. */
const surgery = (code: ProblemCode, what: string, cut: (store: Store) => Promise<unknown>): Breakage => ({
  code,
  what,
  async make(kept) {
    const store = await sampleVolume(undefined, kept);
    await cut(store);
    return store;
  },
});

const leaf = (code: ProblemCode, what: string, edit: (node: NodeBytes) => void): Breakage =>
  surgery(code, what, (store) => editNode(store, [1], edit));

const regular = 0o100644;
const directory = 0o040755;
const file = inodeOf.firstFile;

/** The system tree of the sample is empty: this puts items there. */
const system = (
  code: ProblemCode,
  what: string,
  put: (volume: Volume) => { offset: number; target: number; pages: number },
): Breakage => ({
  code,
  what,
  make: (kept) =>
    sampleWith(kept)((volume) => {
      const { offset, target, pages } = put(volume);
      const value = new Uint8Array(Relocation.size);
      Relocation.write(new DataView(value.buffer), 0, { target, pages });
      volume.state.system.change([{ type: 'put', inode: 0, kind: itemKind.relocation, offset, value }]);
      volume.state.changed = true;
    }),
});

async function serialOfNodes(store: Store): Promise<number> {
  let address = 0;
  await editCheckpoint(store, (record) => {
    address = record.mainRoot.address;
  });
  return Math.floor(address / 32);
}

/** Change the index entry of the place where the tree's root lies. */
const indexEntry = (code: ProblemCode, what: string, edit: (view: DataView, at: number) => void): Breakage =>
  surgery(code, what, async (store) => {
    const place = await placeOf(store, await serialOfNodes(store));
    const perPage = Math.floor((pageSize - TablePage.size) / IndexEntry.size);
    await editTablePage(store, Math.floor(place / perPage), (view) =>
      edit(view, TablePage.size + (place % perPage) * IndexEntry.size),
    );
  });

export const breakages: readonly Breakage[] = [
  surgery('superblock', 'a flipped bit in the first page', (store) => flip(store, 300)),
  surgery('superblock-copy', 'a flipped bit in the last page', (store) => flip(store, store.size - 4000)),
  surgery('superblock-copy', 'another label in the copy', (store) =>
    editSuperblock(store, 1, (record) => {
      record.label = 'other';
    }),
  ),
  surgery('checkpoint', 'a tree of no levels', (store) =>
    editCheckpoint(store, (record) => {
      record.mainHeight = 0;
    }),
  ),
  surgery('checkpoint', 'a snapshot of the future', (store) =>
    editCheckpoint(store, (record) => {
      record.newestSnapshot = record.generation + 1;
    }),
  ),
  surgery('checkpoint', 'reserved flags', (store) =>
    editCheckpoint(store, (record) => {
      record.flags = 1;
    }),
  ),
  surgery('checkpoint-slot', 'a flipped bit in the older slot', async (store) => {
    let slot = 0;
    let pages = 0;
    await editCheckpoint(store, (record) => {
      slot = record.slot;
    });
    await editSuperblock(store, 0, (record) => {
      pages = record.checkpointPages;
    });
    await flip(store, (1 + (1 - slot) * pages) * pageSize + 40);
  }),
  surgery('table-page', 'a flipped bit in an index page', async (store) =>
    flip(store, (await tablePageOffset(store, 0)) + 1000),
  ),
  surgery('table-page', 'a live-map page of the wrong number', (store) =>
    editTablePage(store, 1, (view) => view.setUint32(TablePage.offsetOf.index, 5, true)),
  ),
  surgery('table-page', 'a map that names neither copy', (store) =>
    editCheckpoint(store, (_, map) => {
      map[0] |= 3;
    }),
  ),
  indexEntry('index-entry', 'an unknown state', (view, at) => view.setUint8(at + IndexEntry.offsetOf.state, 9)),
  indexEntry('index-entry', 'an unknown head', (view, at) => view.setUint8(at + IndexEntry.offsetOf.head, 9)),
  indexEntry('index-entry', 'more live pages than a segment has', (view, at) =>
    view.setUint32(at + IndexEntry.offsetOf.live, 33, true),
  ),
  indexEntry('index-entry', 'a serial from the future', (view, at) => writeU64(view, at, 2 ** 40)),
  indexEntry('live-count', 'a wrong count', (view, at) => view.setUint32(at + IndexEntry.offsetOf.live, 1, true)),
  surgery('log-head', 'a head in a place that holds another serial', (store) =>
    editCheckpoint(store, (record) => {
      record.dataHead = { place: 3, serial: 77, page: 0, described: 0 };
    }),
  ),
  surgery('log-head', 'a head outside the volume', (store) =>
    editCheckpoint(store, (record) => {
      record.coldHead = { place: 1e9, serial: 77, page: 0, described: 0 };
    }),
  ),
  surgery('node-pointer', 'a pointer to nine pages', (store) =>
    editNode(store, [], (node) => node.setPointer(1, { ...node.pointer(1), pages: 9 })),
  ),
  surgery('node-pointer', 'two pointers to one node', (store) =>
    editNode(store, [], (node) => node.setPointer(2, node.pointer(1))),
  ),
  surgery('node-layout', 'a child beyond the log', (store) =>
    editNode(store, [], (node) => node.setPointer(1, { ...node.pointer(1), address: 2 ** 52 + 1 })),
  ),
  surgery('node-checksum', 'a flipped bit in a leaf', (store) =>
    editNode(store, [1], (node) => node.bytes.fill(1, 16000, 16001), { seal: false }),
  ),
  surgery('node-checksum', 'a level that is wrong', (store) =>
    editNode(store, [1], (node) => {
      node.header = { ...node.header, level: 1 };
    }),
  ),
  leaf('node-layout', 'a value outside the heap', (node) => node.setSlot(0, { ...node.slot(0), value: 20 })),
  leaf('node-layout', 'a heap that begins in the slots', (node) => {
    node.header = { ...node.header, heap: 40 };
  }),
  leaf('node-layout', 'garbage miscounted', (node) => {
    node.header = { ...node.header, garbage: node.header.garbage + 1 };
  }),
  leaf('node-layout', 'two values that overlap', (node) => {
    const [a, b] = [node.slot(0), node.slot(1)];
    if (a.value + b.length <= node.bytes.length) node.setSlot(1, { ...b, value: a.value });
    else node.setSlot(0, { ...a, value: b.value });
  }),
  leaf('node-layout', 'an empty leaf', (node) => {
    node.header = { ...node.header, count: 0 };
  }),
  leaf('key-order', 'two keys swapped', (node) => {
    const [a, b] = [node.slot(3), node.slot(4)];
    node.setSlot(3, b);
    node.setSlot(4, a);
  }),
  leaf('key-range', 'a key before its leaf', (node) =>
    node.setSlot(0, { ...node.slot(0), inodeHigh: 0, inodeLowAndKind: 1 }),
  ),
  surgery('birth', 'a leaf born after its parent', (store) =>
    editNode(store, [], (node) => node.setPointer(1, { ...node.pointer(1), birth: 2 ** 40 })),
  ),
  items('birth', 'pages born after their node', (batch) =>
    batch
      .put(inodeOf.big, itemKind.extent, 10, extentValue(0, 1, 4, []))
      .put(file, itemKind.extent, 0, extentValue(33, 2 ** 40, 1, [5])),
  ),
  items('item-unknown', 'an item of kind 99', (batch) => batch.put(file, 99, 0, new Uint8Array(3))),
  items('item-unknown', 'a volume item of kind 99', (batch) => batch.put(0, 99, 0, new Uint8Array(3))),
  items('inode-record', 'an impossible mode', (batch) =>
    batch.put(file, itemKind.inode, 0, inodeValue({ mode: 0o070000 })),
  ),
  items('inode-record', 'a short record', (batch) => batch.put(file, itemKind.inode, 0, new Uint8Array(9))),
  items('inode-record', 'too many nanoseconds', (batch) =>
    batch.put(file, itemKind.inode, 0, inodeValue({ mode: regular, mtimeNanos: 1e9 })),
  ),
  items('item-without-inode', 'contents of no inode', (batch) =>
    batch.put(450000, itemKind.inline, 0, Buffer.from('x')),
  ),
  items('item-without-inode', 'an entry in a file', (batch) => putName(batch, file, 'x', inodeOf.small, 8)),
  items('extent-value', 'too few checksums', (batch) =>
    batch.put(file, itemKind.extent, 0, extentValue(33, 1, 3, [1])),
  ),
  items('extent-value', 'pages of two segments', (batch) =>
    batch.put(file, itemKind.extent, 0, extentValue(63, 1, 2, [1, 2])),
  ),
  items('extent-value', 'no pages', (batch) => batch.put(file, itemKind.extent, 0, extentValue(33, 1, 0, []))),
  items('extent-value', 'two bytes', (batch) => batch.put(file, itemKind.extent, 0, new Uint8Array(2))),
  items('extent-overlap', 'reserved pages over others', (batch) =>
    batch.put(inodeOf.big, itemKind.extent, 5, extentValue(0, 1, 3, [])).claim(0, 3, 1, 0),
  ),
  items('extent-past-end', 'a size too small', (batch) =>
    batch.put(inodeOf.big, itemKind.inode, 0, inodeValue({ mode: regular, size: 4096, pages: 9 })),
  ),
  items('inline', 'contents longer than the size', (batch) =>
    batch.put(inodeOf.small, itemKind.inline, 0, Buffer.from('hello world')),
  ),
  items('inline', 'contents beside extents', (batch) =>
    batch.put(inodeOf.big, itemKind.inline, 0, Buffer.from('hello')),
  ),
  items('inline', 'a link without target', (batch) => batch.delete(inodeOf.lonk, itemKind.inline, 0)),
  items('pages', 'a wrong count of pages', (batch) =>
    batch.put(inodeOf.big, itemKind.inode, 0, inodeValue({ mode: regular, size: 8 * pageSize, pages: 1 })),
  ),
  surgery('inode-number', 'a next inode number that was used', (store) =>
    editCheckpoint(store, (record) => {
      record.nextInode = 50;
    }),
  ),
  items('dirent', 'an entry for no inode', (batch) => putName(batch, inodeOf.docs, 'ghost', 9999, 8)),
  items('dirent', 'an entry of the wrong type', (batch) => putName(batch, inodeOf.docs, 'f7', file + 7, 1)),
  items('name-hash', 'an entry under another hash', (batch) => {
    batch.delete(inodeOf.docs, itemKind.dirent, nameOffset('f7'));
    const value = Buffer.concat([Buffer.from([file + 7, 0, 0, 0, 0, 0, 0, 0, 8]), Buffer.from('f7')]);
    batch.put(inodeOf.docs, itemKind.dirent, 12345, value);
  }),
  items('name', 'a name with a slash', (batch) => putName(batch, inodeOf.docs, 'a/b', file, 8)),
  items('name', 'the name ..', (batch) => putName(batch, inodeOf.docs, '..', file, 8)),
  items('name', 'one name twice', (batch) => {
    const value = Buffer.concat([Buffer.from([file + 8, 0, 0, 0, 0, 0, 0, 0, 8]), Buffer.from('f7')]);
    batch.put(inodeOf.docs, itemKind.dirent, nameOffset('f7') + 1, value);
  }),
  items('links', 'a wrong count of links', (batch) =>
    batch.put(file, itemKind.inode, 0, inodeValue({ mode: regular, links: 4 })),
  ),
  items('links', 'a directory with 9 links', (batch) =>
    batch.put(inodeOf.docs, itemKind.inode, 0, docsValue({ links: 9 })),
  ),
  items('subdirectories', 'a wrong count of subdirectories', (batch) =>
    batch.put(inodeOf.docs, itemKind.inode, 0, docsValue({ subdirectories: 5 })),
  ),
  items('parent', 'a directory that names another parent', (batch) =>
    batch.put(inodeOf.docs, itemKind.inode, 0, docsValue({ parent: 77 })),
  ),
  items('parent', 'a directory with two names', (batch) => putName(batch, inodeOf.root, 'docs2', inodeOf.docs, 4)),
  items('unreachable', 'a file without a name', (batch) =>
    batch.delete(inodeOf.docs, itemKind.dirent, nameOffset('f7')),
  ),
  items('unreachable', 'an orphan that counts links', (batch) =>
    batch.put(inodeOf.orphan, itemKind.inode, 0, inodeValue({ mode: regular, links: 1, size: 0, pages: 1 })),
  ),
  items('unreachable', 'two directories in each other', (batch) => {
    batch.put(
      5000,
      itemKind.inode,
      0,
      inodeValue({ mode: directory, links: 1, size: 9, parent: 5001, subdirectories: 1 }),
    );
    batch.put(
      5001,
      itemKind.inode,
      0,
      inodeValue({ mode: directory, links: 1, size: 9, parent: 5000, subdirectories: 1 }),
    );
    putName(batch, 5000, 'b', 5001, 4);
    putName(batch, 5001, 'a', 5000, 4);
  }),
  items('directory-size', 'a directory of the wrong size', (batch) =>
    batch.put(inodeOf.docs, itemKind.inode, 0, docsValue({ size: 1 })),
  ),
  items('root', 'a root directory with another parent', (batch) =>
    batch.put(1, itemKind.inode, 0, rootValue({ parent: 2 })),
  ),
  items('orphan', 'an orphan that does not exist', (batch) => batch.put(0, itemKind.orphan, 9999, new Uint8Array(8))),
  items('orphan', 'a short orphan entry', (batch) => batch.put(0, itemKind.orphan, inodeOf.orphan, new Uint8Array(3))),
  items('xattr', 'a piece that no attribute has', (batch) =>
    batch.put(inodeOf.fifo, itemKind.xattrPiece, 256 * 50, new Uint8Array(9)),
  ),
  items('xattr', 'a missing piece', (batch) => batch.delete(inodeOf.fifo, itemKind.xattrPiece, 256 * 9 + 1)),
  items('xattr', 'an attribute under another hash', (batch) => {
    const value = Buffer.concat([Buffer.from([6, 0, 0, 0, 0, 0, 0, 0, 0, 0]), Buffer.from('user.z')]);
    batch.put(inodeOf.fifo, itemKind.xattr, 512, value);
  }),
  items('xattr', 'a short attribute', (batch) => batch.put(inodeOf.fifo, itemKind.xattr, 512, new Uint8Array(3))),
  items('xattr-flag', 'attributes that the inode does not know', (batch) =>
    putXattr(batch, inodeOf.big, 'user.x', Buffer.from('y')),
  ),
  items('xattr-flag', 'an ACL that the inode does not know', (batch) =>
    putXattr(batch, inodeOf.fifo, 'system.posix_acl_access', Buffer.from('y')),
  ),
  items('usage', 'an owner of nothing', (batch) => batch.put(0, itemKind.userUsage, 77, new Uint8Array(16).fill(1))),
  items('usage', 'a short record', (batch) => batch.put(0, itemKind.groupUsage, 5, new Uint8Array(3))),
  items('limits', 'numbers out of range', (batch) => batch.put(0, 20, 9, new Uint8Array(56).fill(255))),
  items('page-claim', 'pages of another file', (batch, volume) => {
    const found = volume.get(inodeOf.big, itemKind.extent, 0) as Uint8Array;
    batch.put(file, itemKind.extent, 0, found.slice());
  }),
  items('page-claim', 'pages of no segment', (batch) =>
    batch.put(file, itemKind.extent, 0, extentValue(2 ** 45, 1, 1, [5])),
  ),
  {
    code: 'live-map',
    what: 'pages in use and not live',
    make: (kept) =>
      sampleWith(kept)(async (volume) => {
        await putPages(volume, inodeOf.orphan, 1, 2);
        const found = volume.get(inodeOf.orphan, itemKind.extent, 1) as Uint8Array;
        const address = new DataView(found.buffer, found.byteOffset).getUint32(0, true);
        await applying((batch) => batch.release(address, 1, volume.generation))(volume);
      }),
  },
  {
    code: 'live-map',
    what: 'pages live and not in use',
    make: (kept) =>
      sampleWith(kept)(async (volume) => {
        await putPages(volume, inodeOf.orphan, 1, 2);
        await applying((batch) => batch.delete(inodeOf.orphan, itemKind.extent, 1))(volume);
      }),
  },
  surgery('live-map', 'a live page in a place that was never used', (store) =>
    editTablePage(store, 1, (view) => view.setUint8(TablePage.size + 100 * 4, 1)),
  ),
  system('relocation', 'for a segment that is there', () => ({ offset: 33, target: 65, pages: 1 })),
  system('relocation', 'to a segment that is not', () => ({ offset: 2 ** 40, target: 2 ** 41, pages: 1 })),
  system('relocation', 'that no pointer needs', () => ({ offset: 2 ** 40, target: 33, pages: 1 })),
  system('relocation', 'of more than a segment', () => ({ offset: 2 ** 40, target: 33, pages: 99 })),
  surgery('counters', 'inodes miscounted', (store) =>
    editCheckpoint(store, (record) => {
      record.inodes++;
    }),
  ),
  surgery('counters', 'promised pages miscounted', (store) =>
    editCheckpoint(store, (record) => {
      record.promisedPages = 0;
    }),
  ),
  surgery('kept-root', 'a live root that follows none that is there', (store) =>
    editCheckpoint(store, (record) => {
      record.newestRoot = 7;
    }),
  ),
  {
    code: 'dropped-run',
    what: 'a page in the live tree that is noted as dropped',
    make: (kept) =>
      sampleWith(kept)((volume) => {
        const found = volume.get(inodeOf.big, itemKind.extent, 0) as Uint8Array;
        volume.state.dropped.add(new DataView(found.buffer, found.byteOffset).getUint32(0, true), 1, 1);
      }),
  },
  surgery('data', 'a flipped bit in a page of a file', async (store) => {
    await flip(store, (await offsetOfBig(store)) + 77, 3);
  }),
];

/** Byte of the image where the first page of /big lies. */
export async function offsetOfBig(store: Store): Promise<number> {
  const volume = await Volume.open(store, { readOnly: true });
  const found = await run(() => volume.get(inodeOf.big, itemKind.extent, 0) as Uint8Array);
  return offsetOfAddress(store, new DataView(found.buffer, found.byteOffset).getUint32(0, true));
}
