/** Whether the value of an extent's item makes sense by itself. */
import { checksum } from '../fs/format/checksum.js';
import { Pointer } from '../fs/format/pointer.js';
import { extentPages, pageSize } from '../fs/units.js';

/** What is wrong, in words that follow "the extent", or undefined. `transforms`: the superblock knows of some. */
export function extentProblem(value: Uint8Array, transforms: boolean): string | undefined {
  const { length } = value;
  if (length < Pointer.size) return `has only ${length} bytes`;
  const { pages, transform, address, birth, plainBytes, checksum: sum } = pointerOf(value);
  if (pages < 1) return 'is empty';
  if (!Number.isSafeInteger(address) || !Number.isSafeInteger(birth)) return 'has a pointer out of range';
  if (transform !== 0 && !transforms) return `uses transform ${transform}, which the superblock does not know`;
  if (address === 0) return length === Pointer.size ? undefined : `is reserved but has ${length} bytes`;
  if (pages > extentPages) return `has ${pages} pages; ${extentPages} is the most`;
  if (transform !== 0)
    return plainBytes >= 1 && plainBytes <= extentPages * pageSize ? undefined : `unfolds to ${plainBytes} bytes`;
  const expected = Pointer.size + 4 * pages;
  if (length !== expected) return `has ${length} bytes; ${pages} pages need ${expected}`;
  return checksum(value.subarray(Pointer.size)) === sum ? undefined : 'does not match its list of checksums';
}

export function pointerOf(value: Uint8Array): Pointer {
  return Pointer.read(new DataView(value.buffer, value.byteOffset, value.byteLength));
}

/** Pages of the file that it covers. */
export const coveredPages = ({ transform, pages, plainBytes }: Pointer): number =>
  transform === 0 ? pages : Math.ceil(plainBytes / pageSize);
