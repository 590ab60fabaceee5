/**
 * Extents to and from the value of their item, byte by byte from the declared offsets, without an object for
 * each. A plain extent is a pointer and a CRC32C per page; a reserved one (address 0) is a pointer alone; a unit is a
 * pointer, a CRC32C per page as stored, the seal if it is encrypted, and a window: which of its pages the file still has.
 */
import { checksum } from '../../format/checksum.js';
import { ExtentHeader, UnitWindow } from '../../format/item.js';
import { Pointer, sealedPointer } from '../../format/pointer.js';
import { Seal } from '../../format/seal.js';
import { type Address, extentPages, type Generation, pageSize } from '../../units.js';
import { getU32, getU64, newValue, setU32, setU64, valueOfBytes } from './item-bytes.js';

const start = ExtentHeader.offsetOf.pointer;
const at = {
  address: start + Pointer.offsetOf.address,
  birth: start + Pointer.offsetOf.birth,
  checksum: start + Pointer.offsetOf.checksum,
  pages: start + Pointer.offsetOf.pages,
  transform: start + Pointer.offsetOf.transform,
  flags: start + Pointer.offsetOf.flags,
  storedBytes: start + Pointer.offsetOf.storedBytes,
  plainBytes: start + Pointer.offsetOf.plainBytes,
};
const headerBytes = ExtentHeader.size;
const window = UnitWindow.offsetOf;

/** Most pages of a reserved extent. */
export const reservedExtentPages = 65535;

export const extentAddress = (value: Uint8Array): Address => getU64(value, at.address);
export const extentBirth = (value: Uint8Array): Generation => getU64(value, at.birth);
/** Pages as stored. */
export const extentStoredPages = (value: Uint8Array): number => value[at.pages] | (value[at.pages + 1] << 8);
/** Number of its chain of transforms; 0: plain, or reserved. */
export const extentTransform = (value: Uint8Array): number => value[at.transform];
/** Whether it is encrypted: a unit then, with a seal before its window. */
export const extentSealed = (value: Uint8Array): boolean => value[at.flags] === sealedPointer;
/** The seal of an encrypted unit. */
export const unitSeal = (value: Uint8Array): Uint8Array =>
  value.subarray(value.length - UnitWindow.size - Seal.size, value.length - UnitWindow.size);
/** Bytes that the value of an extent has, by its header. */
export const extentBytes = (value: Uint8Array): number =>
  headerBytes +
  4 * (extentAddress(value) === 0 ? 0 : extentStoredPages(value)) +
  (extentTransform(value) === 0 ? 0 : UnitWindow.size) +
  (extentSealed(value) ? Seal.size : 0);
/** Pages of the file that it covers. */
export const extentPageCount = (value: Uint8Array): number =>
  value[at.transform] === 0 ? extentStoredPages(value) : value[value.length - UnitWindow.size + window.pages];
/** CRC32C of page `index` as stored. */
export const extentPageChecksum = (value: Uint8Array, index: number): number => getU32(value, headerBytes + index * 4);
/** The pointer's checksum, which is also that of a claim of the extent's pages. */
export const extentChecksum = (value: Uint8Array): number => getU32(value, at.checksum);

function pointer(value: Uint8Array, address: Address, birth: Generation, pages: number): void {
  setU64(value, at.address, address);
  setU64(value, at.birth, birth);
  value[at.pages] = pages;
  value[at.pages + 1] = pages >>> 8;
  setU32(value, at.storedBytes, pages * pageSize);
  setU32(value, at.plainBytes, pages * pageSize);
}

/** A plain extent of `pages` pages whose CRC32Cs are `sums[from]` and so on. */
export function plainExtent(
  address: Address,
  birth: Generation,
  pages: number,
  sums: Uint32Array,
  from: number,
): Uint8Array {
  const value = newValue(headerBytes + pages * 4);
  pointer(value, address, birth, pages);
  for (let i = 0; i < pages; i++) setU32(value, headerBytes + i * 4, sums[from + i]);
  setU32(value, at.checksum, checksum(value.subarray(headerBytes)));
  return value;
}

/** A reserved extent of up to 65,535 pages. */
export function reservedExtent(birth: Generation, pages: number): Uint8Array {
  const value = newValue(headerBytes);
  pointer(value, 0, birth, pages);
  return value;
}

/** Pages `from` to `to` (not included) of a plain or reserved extent, as an extent of their own with the same birth. */
export function partOfExtent(value: Uint8Array, from: number, to: number): Uint8Array {
  const address = extentAddress(value);
  const birth = extentBirth(value);
  if (address === 0) return reservedExtent(birth, to - from);
  const part = newValue(headerBytes + (to - from) * 4);
  pointer(part, address + from, birth, to - from);
  part.set(value.subarray(headerBytes + from * 4, headerBytes + to * 4), headerBytes);
  setU32(part, at.checksum, checksum(part.subarray(headerBytes)));
  return part;
}

/** Of a unit: bytes as stored that mean something, and bytes when decoded. */
export const unitStoredBytes = (value: Uint8Array): number => getU32(value, at.storedBytes);
export const unitPlainBytes = (value: Uint8Array): number => getU32(value, at.plainBytes);
/** Page of the unit that is the first of the extent. */
export const unitSkip = (value: Uint8Array): number => value[value.length - UnitWindow.size + window.skip];
/** Bit i: page i of the extent is in the unit. */
export const unitPresent = (value: Uint8Array): number =>
  getU32(value, value.length - UnitWindow.size + window.present);

/** Bits `from` to `to` (not included) of 32. */
export const pageBits = (from: number, to: number): number =>
  to - from >= 32 ? 0xffffffff : ((2 ** (to - from) - 1) << from) >>> 0;

/**
 * A transformed unit of `plainPages` pages, all of which the file has: stored in `pages` pages whose CRC32Cs are
 * `sums[0]` and so on, of which `storedBytes` bytes mean something; with the seal if they are encrypted.
 */
export function unitExtent(
  address: Address,
  birth: Generation,
  transform: number,
  pages: number,
  storedBytes: number,
  plainPages: number,
  sums: Uint32Array,
  seal: Uint8Array | undefined,
): Uint8Array {
  const value = newValue(headerBytes + pages * 4 + (seal?.length ?? 0) + UnitWindow.size);
  pointer(value, address, birth, pages);
  value[at.transform] = transform;
  setU32(value, at.storedBytes, storedBytes);
  setU32(value, at.plainBytes, plainPages * pageSize);
  for (let i = 0; i < pages; i++) setU32(value, headerBytes + i * 4, sums[i]);
  setU32(value, at.checksum, checksum(value.subarray(headerBytes, headerBytes + pages * 4)));
  if (seal !== undefined) {
    value[at.flags] = sealedPointer;
    value.set(seal, headerBytes + pages * 4);
  }
  setWindow(value, 0, plainPages, pageBits(0, plainPages));
  return value;
}

function setWindow(value: Uint8Array, skip: number, pages: number, present: number): void {
  const start = value.length - UnitWindow.size;
  value[start + window.skip] = skip;
  value[start + window.pages] = pages;
  setU32(value, start + window.present, present);
}

/** The unit of which the file has only the pages `present` (not 0) any more, counted from the extent's first. */
export function partOfUnit(value: Uint8Array, present: number): { first: number; value: Uint8Array } {
  const first = 31 - Math.clz32(present & -present);
  const end = 32 - Math.clz32(present);
  const part = valueOfBytes(value);
  setWindow(part, unitSkip(value) + first, end - first, present >>> first);
  return { first, value: part };
}

/** What is wrong with the value of a unit, in words that follow what it is of; undefined: it is sane by itself. */
export function unitProblem(value: Uint8Array): string | undefined {
  const stored = extentStoredPages(value);
  if (value.length !== extentBytes(value)) return `has ${value.length} bytes for ${stored} pages`;
  const bytes = unitPlainBytes(value);
  const pages = bytes / pageSize;
  if (!Number.isInteger(pages) || pages > extentPages) return `unfolds to ${bytes} bytes`;
  if (stored < 1 || stored > pages || (stored === pages && !extentSealed(value)))
    return `has ${stored} pages for ${pages}`;
  const storedBytes = unitStoredBytes(value);
  if (storedBytes < 1 || storedBytes > stored * pageSize) return `has ${storedBytes} bytes in ${stored} pages`;
  const covered = extentPageCount(value);
  const present = unitPresent(value);
  const inside = (present & ~pageBits(0, covered)) === 0;
  const ends = (present & 1) === 1 && (present >>> (covered - 1)) % 2 === 1;
  if (covered < 1 || unitSkip(value) + covered > pages || !inside || !ends) return 'has a window that makes no sense';
  return undefined;
}
