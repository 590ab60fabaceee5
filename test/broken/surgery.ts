/**
 * Changes to an image behind the filesystem's back, with all checksums made right again: what a hostile or buggy
 * writer could leave. Works on cleanly closed volumes.
 */
import { Checkpoint } from '../../fs/format/checkpoint.js';
import { checksum, selfChecksum } from '../../fs/format/checksum.js';
import { nodeBytes, slotOffset, tableOffset } from '../../fs/format/geometry.js';
import { Pointer } from '../../fs/format/pointer.js';
import { TablePage } from '../../fs/format/segment-table.js';
import { Superblock } from '../../fs/format/superblock.js';
import { NodeHeader, NodeSlot } from '../../fs/format/tree-node.js';
import { currentCopy } from '../../fs/log/table-pages.js';
import type { Store } from '../../fs/store/store.js';
import { pageSize } from '../../fs/units.js';
import { newestCheckpoint } from '../../fs/volume/checkpoint-slots.js';
import { readSuperblock } from '../../fs/volume/superblock.js';

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

/** Flip a bit of a byte of the image, with nothing made right. */
export async function flip(store: Store, offset: number, bit = 0): Promise<void> {
  const byte = new Uint8Array(1);
  await store.read(offset, byte);
  byte[0] ^= 1 << bit;
  await store.write(offset, [byte]);
}

/** Change the superblock (0: the first, 1: the copy). */
export async function editSuperblock(store: Store, which: 0 | 1, edit: (record: Superblock) => void): Promise<void> {
  const offset = which === 0 ? 0 : store.size - pageSize;
  const page = new Uint8Array(pageSize);
  await store.read(offset, page);
  const record = Superblock.read(viewOf(page));
  edit(record);
  Superblock.write(viewOf(page), 0, record);
  viewOf(page).setUint32(Superblock.offsetOf.checksum, selfChecksum(page, Superblock.offsetOf.checksum), true);
  await store.write(offset, [page]);
}

/** Change the newest checkpoint; `map` holds the packed map of the segment table. */
export async function editCheckpoint(store: Store, edit: (record: Checkpoint, map: Uint8Array) => void): Promise<void> {
  const superblock = await readSuperblock(store);
  const { slot } = (await newestCheckpoint(store, superblock)).checkpoint;
  const bytes = new Uint8Array(superblock.checkpointPages * pageSize);
  await store.read(slotOffset(superblock, slot), bytes);
  const record = Checkpoint.read(viewOf(bytes));
  edit(record, bytes.subarray(pageSize));
  Checkpoint.write(viewOf(bytes), 0, { ...record, checksum: 0 });
  viewOf(bytes).setUint32(Checkpoint.offsetOf.checksum, checksum(bytes), true);
  await store.write(slotOffset(superblock, slot), [bytes]);
}

/** Where in the image the current copy of a table page lies (index pages first, then live-map pages). */
export async function tablePageOffset(store: Store, index: number): Promise<number> {
  const superblock = await readSuperblock(store);
  const { map } = await newestCheckpoint(store, superblock);
  const copy = currentCopy(map, index);
  if (copy === 0) throw new Error(`table page ${index} was never written`);
  return tableOffset(superblock, index, copy - 1);
}

export async function editTablePage(store: Store, index: number, edit: (view: DataView) => void): Promise<void> {
  const offset = await tablePageOffset(store, index);
  const page = new Uint8Array(pageSize);
  await store.read(offset, page);
  edit(viewOf(page));
  viewOf(page).setUint32(TablePage.offsetOf.checksum, selfChecksum(page, TablePage.offsetOf.checksum), true);
  await store.write(offset, [page]);
}

/** Place of a serial, from the current index pages. */
export async function placeOf(store: Store, serial: number): Promise<number> {
  const superblock = await readSuperblock(store);
  const { map } = await newestCheckpoint(store, superblock);
  const perPage = Math.floor((pageSize - TablePage.size) / 24);
  for (let place = 0; place < superblock.places; place++) {
    const index = Math.floor(place / perPage);
    if (currentCopy(map, index) === 0) continue;
    const page = new Uint8Array(pageSize);
    await store.read(tableOffset(superblock, index, currentCopy(map, index) - 1), page);
    const at = TablePage.size + (place % perPage) * 24;
    if (viewOf(page).getUint32(at, true) === serial && page[at + 20] !== 0) return place;
  }
  throw new Error(`no place holds serial ${serial}`);
}

/** Byte in the image of a page whose segment is where it was written. */
export async function offsetOfAddress(store: Store, address: number): Promise<number> {
  const superblock = await readSuperblock(store);
  const perSegment = 2 ** superblock.segmentShift;
  const place = await placeOf(store, Math.floor(address / perSegment));
  return (superblock.segmentStart + place * perSegment + (address % perSegment)) * pageSize;
}

/** A node as bytes, with what surgery on it needs. */
export class NodeBytes {
  readonly view: DataView;

  constructor(readonly bytes: Uint8Array) {
    this.view = viewOf(bytes);
  }

  get header(): NodeHeader {
    return NodeHeader.read(this.view);
  }
  set header(record: NodeHeader) {
    NodeHeader.write(this.view, 0, record);
  }
  slot(index: number): NodeSlot {
    return NodeSlot.read(this.view, NodeHeader.size + index * NodeSlot.size);
  }
  setSlot(index: number, record: NodeSlot): void {
    NodeSlot.write(this.view, NodeHeader.size + index * NodeSlot.size, record);
  }
  pointer(index: number): Pointer {
    return Pointer.read(this.view, this.slot(index).value);
  }
  setPointer(index: number, record: Pointer): void {
    Pointer.write(this.view, this.slot(index).value, record);
  }
}

/**
 * Change a node of the file tree, reached from the root by child indices, and make the checksums above it right.
 * `seal: false` leaves the pointer's checksum as it was.
 */
export async function editNode(
  store: Store,
  path: readonly number[],
  edit: (node: NodeBytes) => void,
  options: { readonly seal?: boolean; readonly system?: boolean } = {},
): Promise<void> {
  const superblock = await readSuperblock(store);
  const { checkpoint } = await newestCheckpoint(store, superblock);
  const trail: { node: NodeBytes; offset: number }[] = [];
  let pointer = options.system ? checkpoint.systemRoot : checkpoint.mainRoot;
  for (let depth = 0; depth <= path.length; depth++) {
    const node = new NodeBytes(new Uint8Array(nodeBytes(superblock)));
    const offset = await offsetOfAddress(store, pointer.address);
    await store.read(offset, node.bytes);
    trail.push({ node, offset });
    if (depth < path.length) pointer = node.pointer(path[depth]);
  }
  const last = trail[trail.length - 1];
  edit(last.node);
  await store.write(last.offset, [last.node.bytes]);
  if (options.seal === false) return;
  let sum = checksum(last.node.bytes);
  for (let depth = trail.length - 2; depth >= 0; depth--) {
    const { node, offset } = trail[depth];
    node.setPointer(path[depth], { ...node.pointer(path[depth]), checksum: sum });
    await store.write(offset, [node.bytes]);
    sum = checksum(node.bytes);
  }
  await editCheckpoint(store, (record) => {
    const root = options.system ? record.systemRoot : record.mainRoot;
    root.checksum = sum;
  });
}
