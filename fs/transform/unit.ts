/**
 * A unit: up to 32 pages of a file that are transformed as one. Encoded, it fills whole pages, the last one padded with
 * zeros; it is worth that only if it saves a page.
 *
 * The encoder's buffers are kept for the next units: the log has them until they are written.
 */
import { pageSize } from '../units.js';
import type { Chain } from './chain.js';
import { maxUnitBytes } from './transform.js';

const spare: Uint8Array[] = [];
/** Buffers that are kept for later: 4 MiB. */
const mostSpare = 32;

export interface EncodedUnit {
  /** Whole pages. */
  readonly pages: Uint8Array;
  /** Of which so many bytes mean something. */
  readonly bytes: number;
  /** The pages are written: their memory can be used again. */
  release(): void;
}

/** Transform `plain`, 2 to 32 whole pages. Undefined when that saves no page. */
export function encodeUnit(chain: Chain, plain: Uint8Array): EncodedUnit | undefined {
  const buffer = spare.pop() ?? new Uint8Array(maxUnitBytes);
  const bytes = chain.compression.encode(plain, buffer.subarray(0, plain.length - pageSize), chain.level);
  const release = (): void => {
    if (spare.length < mostSpare) spare.push(buffer);
  };
  if (bytes < 0) {
    release();
    return undefined;
  }
  const end = Math.ceil(bytes / pageSize) * pageSize;
  buffer.fill(0, bytes, end);
  return { pages: buffer.subarray(0, end), bytes, release };
}

/** Fill `plain` with the unit stored as `bytes`. Throws what the decoder throws. */
export const decodeUnit = (chain: Chain, bytes: Uint8Array, plain: Uint8Array): void =>
  chain.compression.decode(bytes, plain);
