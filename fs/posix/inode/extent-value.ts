/**
 * Extents to and from the value of their item, byte by byte from the declared offsets, without an object for
 * each. A plain extent is a pointer and a CRC32C per page; a reserved one (address 0) is a pointer alone.
 */
import { checksum } from '../../format/checksum.js';
import { ExtentHeader } from '../../format/item.js';
import { Pointer } from '../../format/pointer.js';
import { type Address, type Generation, pageSize } from '../../units.js';

const start = ExtentHeader.offsetOf.pointer;
const at = {
  address: start + Pointer.offsetOf.address,
  birth: start + Pointer.offsetOf.birth,
  checksum: start + Pointer.offsetOf.checksum,
  pages: start + Pointer.offsetOf.pages,
  storedBytes: start + Pointer.offsetOf.storedBytes,
  plainBytes: start + Pointer.offsetOf.plainBytes,
};
const headerBytes = ExtentHeader.size;

/** Most pages of a reserved extent. */
export const reservedExtentPages = 65535;

function readU32(value: Uint8Array, offset: number): number {
  return (value[offset] | (value[offset + 1] << 8) | (value[offset + 2] << 16) | (value[offset + 3] << 24)) >>> 0;
}

const readU64 = (value: Uint8Array, offset: number): number =>
  readU32(value, offset + 4) * 0x100000000 + readU32(value, offset);

function writeU32(value: Uint8Array, offset: number, n: number): void {
  value[offset] = n;
  value[offset + 1] = n >>> 8;
  value[offset + 2] = n >>> 16;
  value[offset + 3] = n >>> 24;
}

function writeU64(value: Uint8Array, offset: number, n: number): void {
  writeU32(value, offset, n >>> 0);
  writeU32(value, offset + 4, Math.floor(n / 0x100000000));
}

export const extentAddress = (value: Uint8Array): Address => readU64(value, at.address);
export const extentBirth = (value: Uint8Array): Generation => readU64(value, at.birth);
export const extentPageCount = (value: Uint8Array): number => value[at.pages] | (value[at.pages + 1] << 8);
/** CRC32C of page `index` of a plain extent. */
export const extentPageChecksum = (value: Uint8Array, index: number): number => readU32(value, headerBytes + index * 4);
/** The pointer's checksum, which is also that of a claim of the extent's pages. */
export const extentChecksum = (value: Uint8Array): number => readU32(value, at.checksum);

function pointer(value: Uint8Array, address: Address, birth: Generation, pages: number): void {
  writeU64(value, at.address, address);
  writeU64(value, at.birth, birth);
  value[at.pages] = pages;
  value[at.pages + 1] = pages >>> 8;
  writeU32(value, at.storedBytes, pages * pageSize);
  writeU32(value, at.plainBytes, pages * pageSize);
}

/** A plain extent of `pages` pages whose CRC32Cs are `sums[from]` and so on. */
export function plainExtent(
  address: Address,
  birth: Generation,
  pages: number,
  sums: Uint32Array,
  from: number,
): Uint8Array {
  const value = new Uint8Array(headerBytes + pages * 4);
  pointer(value, address, birth, pages);
  for (let i = 0; i < pages; i++) writeU32(value, headerBytes + i * 4, sums[from + i]);
  writeU32(value, at.checksum, checksum(value.subarray(headerBytes)));
  return value;
}

/** A reserved extent of up to 65,535 pages. */
export function reservedExtent(birth: Generation, pages: number): Uint8Array {
  const value = new Uint8Array(headerBytes);
  pointer(value, 0, birth, pages);
  return value;
}

/** Pages `from` to `to` (not included) of an extent, as an extent of their own with the same birth. */
export function partOfExtent(value: Uint8Array, from: number, to: number): Uint8Array {
  const address = extentAddress(value);
  const birth = extentBirth(value);
  if (address === 0) return reservedExtent(birth, to - from);
  const part = new Uint8Array(headerBytes + (to - from) * 4);
  pointer(part, address + from, birth, to - from);
  part.set(value.subarray(headerBytes + from * 4, headerBytes + to * 4), headerBytes);
  writeU32(part, at.checksum, checksum(part.subarray(headerBytes)));
  return part;
}
