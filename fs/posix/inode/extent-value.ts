/**
 * Extents to and from the value of their item, byte by byte from the declared offsets, without an object for
 * each. A plain extent is a pointer and a CRC32C per page; a reserved one (address 0) is a pointer alone.
 */
import { checksum } from '../../format/checksum.js';
import { ExtentHeader } from '../../format/item.js';
import { Pointer } from '../../format/pointer.js';
import { type Address, type Generation, pageSize } from '../../units.js';
import { getU32, getU64, newValue, setU32, setU64 } from './item-bytes.js';

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

export const extentAddress = (value: Uint8Array): Address => getU64(value, at.address);
export const extentBirth = (value: Uint8Array): Generation => getU64(value, at.birth);
export const extentPageCount = (value: Uint8Array): number => value[at.pages] | (value[at.pages + 1] << 8);
/** CRC32C of page `index` of a plain extent. */
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

/** Pages `from` to `to` (not included) of an extent, as an extent of their own with the same birth. */
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
