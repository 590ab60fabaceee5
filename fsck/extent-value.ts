/** Whether the value of an extent's item makes sense by itself. */
import { checksum } from '../fs/format/checksum.js';
import { incompatibleFeatures } from '../fs/format/features.js';
import { Pointer } from '../fs/format/pointer.js';
import type { Superblock } from '../fs/format/superblock.js';
import { type Address, extentPages, pageSize } from '../fs/units.js';

/** What is wrong, in words that follow "the extent", or undefined. */
export function extentProblem(value: Uint8Array, superblock: Superblock): string | undefined {
  const { length } = value;
  if (length < Pointer.size) return `has only ${length} bytes`;
  const { pages, transform, address, birth, plainBytes, checksum: sum } = pointerOf(value);
  if (pages < 1) return 'is empty';
  if (!Number.isSafeInteger(address) || !Number.isSafeInteger(birth)) return 'has a pointer out of range';
  if (transform !== 0 && !transforms(superblock))
    return `uses transform ${transform}, which the superblock does not know`;
  if (address === 0) return length === Pointer.size ? undefined : `is reserved but has ${length} bytes`;
  if (pages > extentPages) return `has ${pages} pages; ${extentPages} is the most`;
  if (leavesSegment(address, pages, superblock)) return 'leaves the segment in which it begins';
  if (transform !== 0)
    return plainBytes >= 1 && plainBytes <= extentPages * pageSize ? undefined : `unfolds to ${plainBytes} bytes`;
  const expected = Pointer.size + 4 * pages;
  if (length !== expected) return `has ${length} bytes; ${pages} pages need ${expected}`;
  return checksum(value.subarray(Pointer.size)) === sum ? undefined : 'does not match its list of checksums';
}

/** Whether the superblock knows of transforms: a pointer that names one needs the feature bit. */
export const transforms = ({ incompatible }: Superblock): boolean =>
  incompatible % 2 === incompatibleFeatures.transforms;

/** A pointer leads to pages of one segment, wherever they lie today. */
export const leavesSegment = (address: Address, pages: number, { segmentShift }: Superblock): boolean =>
  (address % 2 ** segmentShift) + pages > 2 ** segmentShift;

export function pointerOf(value: Uint8Array): Pointer {
  return Pointer.read(new DataView(value.buffer, value.byteOffset, value.byteLength));
}

/** Pages of the file that it covers. */
export const coveredPages = ({ transform, pages, plainBytes }: Pointer): number =>
  transform === 0 ? pages : Math.ceil(plainBytes / pageSize);
