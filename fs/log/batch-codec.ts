/** Batches as bytes, in journal records. */
import { CorruptionError } from '../errors.js';
import { BatchHeader, entryType, ItemEntry, PagesEntry } from '../format/journal-record.js';
import { readU64, writeU64 } from '../format/struct.js';
import type { GrowingBuffer } from './growing-buffer.js';

/** What the log must know of a batch to write it down; fs/tree/batch.ts is the one that exists. */
export interface LoggedBatch {
  readonly items: readonly {
    readonly type: 'put' | 'delete';
    readonly inode: number;
    readonly kind: number;
    readonly offset: number;
    readonly value?: Uint8Array;
  }[];
  readonly claims: readonly LoggedPages[];
  readonly releases: readonly LoggedPages[];
}

export interface LoggedPages {
  readonly address: number;
  readonly pages: number;
  readonly birth: number;
  readonly checksum: number;
}

/** Append a batch. A claim or release of more than 65,535 pages (promises) takes several entries. */
export function encodeBatch(into: GrowingBuffer, batch: LoggedBatch, generation: number, root: number): void {
  const start = into.extend(BatchHeader.size);
  let entries = 0;
  const item = ItemEntry.offsetOf;
  for (const entry of batch.items) {
    const value = entry.type === 'put' ? entry.value : undefined;
    const length = value === undefined ? 0 : value.length;
    const at = into.extend(ItemEntry.size + length);
    const view = into.view;
    view.setUint8(at + item.type, entry.type === 'put' ? entryType.put : entryType.delete);
    view.setUint8(at + item.kind, entry.kind);
    view.setUint16(at + item.length, length, true);
    writeU64(view, at + item.inode, entry.inode);
    writeU64(view, at + item.offset, entry.offset);
    if (value !== undefined) into.bytes.set(value, at + ItemEntry.size);
    entries++;
  }
  entries += encodePages(into, batch.claims, entryType.claim);
  entries += encodePages(into, batch.releases, entryType.release);
  BatchHeader.write(into.view, start, { generation, root, entries });
}

function encodePages(into: GrowingBuffer, list: readonly LoggedPages[], type: number): number {
  const field = PagesEntry.offsetOf;
  let entries = 0;
  for (const run of list) {
    for (let done = 0; done < run.pages; done += 0xffff) {
      const at = into.extend(PagesEntry.size);
      const view = into.view;
      view.setUint8(at + field.type, type);
      view.setUint8(at + field.reserved, 0);
      view.setUint16(at + field.pages, Math.min(0xffff, run.pages - done), true);
      view.setUint32(at + field.checksum, run.checksum, true);
      writeU64(view, at + field.address, run.address);
      writeU64(view, at + field.birth, run.birth);
      entries++;
    }
  }
  return entries;
}

export interface DecodedBatch {
  readonly generation: number;
  readonly root: number;
  readonly items: { type: 'put' | 'delete'; inode: number; kind: number; offset: number; value: Uint8Array }[];
  readonly claims: LoggedPages[];
  readonly releases: LoggedPages[];
}

/** Read the batch at `at`; `next` is where the one after it begins. CorruptionError when it runs out of the record. */
export function decodeBatch(bytes: Uint8Array, at: number): { batch: DecodedBatch; next: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const need = (count: number, from: number) => {
    if (from + count > bytes.length)
      throw new CorruptionError('journal record', `byte ${from}`, 'a batch runs out of it');
  };
  need(BatchHeader.size, at);
  const header = BatchHeader.read(view, at);
  const batch: DecodedBatch = { generation: header.generation, root: header.root, items: [], claims: [], releases: [] };
  let from = at + BatchHeader.size;
  for (let i = 0; i < header.entries; i++) {
    need(1, from);
    const type = view.getUint8(from);
    if (type === entryType.put || type === entryType.delete) {
      need(ItemEntry.size, from);
      const length = view.getUint16(from + ItemEntry.offsetOf.length, true);
      need(ItemEntry.size + length, from);
      batch.items.push({
        type: type === entryType.put ? 'put' : 'delete',
        kind: view.getUint8(from + ItemEntry.offsetOf.kind),
        inode: readU64(view, from + ItemEntry.offsetOf.inode),
        offset: readU64(view, from + ItemEntry.offsetOf.offset),
        value: bytes.slice(from + ItemEntry.size, from + ItemEntry.size + length),
      });
      from += ItemEntry.size + length;
    } else if (type === entryType.claim || type === entryType.release) {
      need(PagesEntry.size, from);
      (type === entryType.claim ? batch.claims : batch.releases).push({
        pages: view.getUint16(from + PagesEntry.offsetOf.pages, true),
        checksum: view.getUint32(from + PagesEntry.offsetOf.checksum, true),
        address: readU64(view, from + PagesEntry.offsetOf.address),
        birth: readU64(view, from + PagesEntry.offsetOf.birth),
      });
      from += PagesEntry.size;
    } else {
      throw new CorruptionError('journal record', `byte ${from}`, `entry type ${type}`);
    }
  }
  return { batch, next: from };
}
