/**
 * Items of extended attributes: how they are found by name, and how a value is laid out. A value of up to 2 KiB
 * follows the name in the item; a larger one lies in pieces of 3,800 bytes under an id of their own.
 *
 * Invariant: ids of pieces are unique within an inode; a new value takes one above the highest in use.
 */
import { CorruptionError } from '../../errors.js';
import { itemKind, Xattr } from '../../format/item.js';
import { firstOffset, hash45, namesPerHash } from '../../format/name-hash.js';
import type { InodeNumber } from '../../units.js';
import type { VolumeApi } from '../../volume/api.js';
import { sameName } from './xattr-name.js';

/** Largest value, as Linux has it. */
export const maxXattrBytes = 65536;
export const inlineXattrBytes = 2048;
export const pieceBytes = 3800;
const piecesPerId = 256;

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

/** An attribute as its item describes it. Copied out of the node. */
export interface XattrItem {
  readonly offset: number;
  readonly name: Uint8Array;
  readonly valueBytes: number;
  /** Id of the value's pieces, or 0. */
  readonly pieces: number;
  /** The value, unless it is in pieces. */
  readonly value: Uint8Array;
}

/** Where a name is, or would go. `free` is -1 when all 256 numbers of its hash are taken. */
export interface XattrPlace {
  readonly found: XattrItem | undefined;
  readonly free: number;
}

export function decodeXattr(inode: InodeNumber, offset: number, value: Uint8Array): XattrItem {
  const header = value.length >= Xattr.size ? Xattr.read(viewOf(value)) : undefined;
  const nameEnd = Xattr.size + (header?.nameBytes ?? 0);
  const stored = header?.pieces === 0 ? header.valueBytes : 0;
  if (header === undefined || value.length !== nameEnd + stored) {
    throw new CorruptionError('xattr', `inode ${inode}, offset ${offset}`, `${value.length} bytes`);
  }
  if (header.valueBytes > maxXattrBytes)
    throw new CorruptionError('xattr', `inode ${inode}, offset ${offset}`, `a value of ${header.valueBytes} bytes`);
  return {
    offset,
    name: value.slice(Xattr.size, nameEnd),
    valueBytes: header.valueBytes,
    pieces: header.pieces,
    value: value.slice(nameEnd),
  };
}

/** The item of an attribute; `pieces` 0: with its value. */
export function encodeXattr(name: Uint8Array, value: Uint8Array, pieces: number): Uint8Array {
  const stored = pieces === 0 ? value.length : 0;
  const bytes = new Uint8Array(Xattr.size + name.length + stored);
  Xattr.write(viewOf(bytes), 0, { nameBytes: name.length, reserved: 0, valueBytes: value.length, pieces });
  bytes.set(name, Xattr.size);
  if (pieces === 0) bytes.set(value, Xattr.size + name.length);
  return bytes;
}

/** Look a name up. May throw Suspend. */
export function placeOf(volume: VolumeApi, inode: InodeNumber, name: Uint8Array): XattrPlace {
  const first = firstOffset(hash45(name, volume.nameSeed));
  const items = volume.seek(inode, itemKind.xattr, first);
  let free = first;
  for (; items.valid && items.inode === inode && items.kind === itemKind.xattr; items.next()) {
    if (items.offset >= first + namesPerHash) break;
    if (items.offset === free) free++;
    const item = decodeXattr(inode, items.offset, items.value);
    if (sameName(item.name, name)) return { found: item, free: -1 };
  }
  return { found: undefined, free: free < first + namesPerHash ? free : -1 };
}

/** The value of an attribute. May throw Suspend. */
export function readValue(volume: VolumeApi, inode: InodeNumber, item: XattrItem): Uint8Array {
  if (item.pieces === 0) return item.value;
  const value = new Uint8Array(item.valueBytes);
  for (let i = 0, at = 0; at < value.length; i++) {
    const piece = volume.get(inode, itemKind.xattrPiece, pieceOffset(item.pieces, i));
    if (piece === undefined || at + piece.length > value.length || piece.length === 0) {
      throw new CorruptionError('xattr', `inode ${inode}, value ${item.pieces}`, `piece ${i} is missing or too long`);
    }
    value.set(piece, at);
    at += piece.length;
  }
  return value;
}

export const pieceOffset = (id: number, piece: number): number => id * piecesPerId + piece;
export const pieceCount = (valueBytes: number): number => Math.ceil(valueBytes / pieceBytes);

/** An id above all in use. May throw Suspend. */
export function newPiecesId(volume: VolumeApi, inode: InodeNumber): number {
  const last = volume.floor(inode, itemKind.xattrPiece, Number.MAX_SAFE_INTEGER);
  const any = last.valid && last.inode === inode && last.kind === itemKind.xattrPiece;
  return any ? Math.floor(last.offset / piecesPerId) + 1 : 1;
}
