/** Whether the value of an extent's item makes sense by itself. */
import { checksum } from '../fs/format/checksum.js';
import { incompatibleFeatures, isEncrypted } from '../fs/format/features.js';
import { Pointer, sealedPointer } from '../fs/format/pointer.js';
import { maxTransforms, type Superblock, TransformEntry } from '../fs/format/superblock.js';
import { unitProblem } from '../fs/posix/inode/extent-value.js';
import { type Address, extentPages } from '../fs/units.js';

/** What is wrong, in words that follow "the extent", or undefined. */
export function extentProblem(value: Uint8Array, superblock: Superblock): string | undefined {
  const { length } = value;
  if (length < Pointer.size) return `has only ${length} bytes`;
  const { pages, transform, flags, address, birth, checksum: sum } = pointerOf(value);
  if (pages < 1) return 'is empty';
  if (!Number.isSafeInteger(address) || !Number.isSafeInteger(birth)) return 'has a pointer out of range';
  if (transform !== 0 && !hasChain(superblock, transform))
    return `uses transform ${transform}, which the superblock does not know`;
  // A volume is encrypted as a whole or not at all.
  const sealed = isEncrypted(superblock) && address !== 0;
  if (flags !== (sealed ? sealedPointer : 0) || (sealed && transform === 0))
    return sealed ? 'is not encrypted' : `has flags ${flags}`;
  if (address === 0) {
    if (transform !== 0) return 'is reserved but transformed';
    return length === Pointer.size ? undefined : `is reserved but has ${length} bytes`;
  }
  if (pages > extentPages) return `has ${pages} pages; ${extentPages} is the most`;
  if (leavesSegment(address, pages, superblock)) return 'leaves the segment in which it begins';
  const expected = Pointer.size + 4 * pages;
  const wrong = transform === 0 ? undefined : unitProblem(value);
  if (wrong !== undefined) return wrong;
  if (transform === 0 && length !== expected) return `has ${length} bytes; ${pages} pages need ${expected}`;
  const list = value.subarray(Pointer.size, expected);
  return checksum(list) === sum ? undefined : 'does not match its list of checksums';
}

/** Whether the superblock knows of transforms: a pointer that names one needs the feature bit. */
export const transforms = ({ incompatible }: Superblock): boolean =>
  incompatible % 2 === incompatibleFeatures.transforms;

function hasChain(superblock: Superblock, number: number): boolean {
  if (!transforms(superblock) || number >= maxTransforms) return false;
  const start = number * TransformEntry.size;
  return superblock.transforms.subarray(start, start + 4).some((byte) => byte !== 0);
}

/** A pointer leads to pages of one segment, wherever they lie today. */
export const leavesSegment = (address: Address, pages: number, { segmentShift }: Superblock): boolean =>
  (address % 2 ** segmentShift) + pages > 2 ** segmentShift;

export function pointerOf(value: Uint8Array): Pointer {
  return Pointer.read(new DataView(value.buffer, value.byteOffset, value.byteLength));
}
