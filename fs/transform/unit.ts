/**
 * A unit: up to 32 pages of a file that are transformed as one. Encoded, it fills whole pages, the last one padded with
 * zeros; compression is worth that only if it saves a page. Encryption takes no room: the seal lies in the extent.
 *
 * Buffers are kept for the next units: the log has them until they are written.
 */
import { Seal, type Sealer, sealedKind } from '../format/seal.js';
import { pageSize } from '../units.js';
import type { Chain } from './chain.js';
import { Spare } from './spare.js';
import { maxUnitBytes } from './transform.js';

const nothing = new Uint8Array(0);
/** For what compresses, and for a quarter of that, which is encrypted alone. */
const large = new Spare(maxUnitBytes);
const smallBytes = maxUnitBytes / 4;
const small = new Spare(smallBytes);

export interface EncodedUnit {
  /** Whole pages, as they are stored. */
  readonly pages: Uint8Array;
  /** Of which so many bytes mean something, before they were encrypted. */
  readonly bytes: number;
  /** What opens them, if they are encrypted. */
  readonly seal: Uint8Array | undefined;
  /** The pages are written: their memory can be used again. */
  release(): void;
}

/**
 * Compress `plain`, 2 to 32 whole pages, and encrypt the result if there is a sealer. Undefined when compression, or the
 * lack of it, saves no page.
 */
export function encodeUnit(chain: Chain, plain: Uint8Array, sealer?: Sealer): EncodedUnit | undefined {
  if (chain.compression === undefined) return undefined;
  const buffer = large.take();
  const bytes = chain.compression.encode(plain, buffer.subarray(0, plain.length - pageSize), chain.level);
  const release = (): void => large.give(buffer);
  if (bytes < 0) {
    release();
    return undefined;
  }
  const end = Math.ceil(bytes / pageSize) * pageSize;
  buffer.fill(0, bytes, end);
  const pages = buffer.subarray(0, end);
  return { pages, bytes, seal: sealer && sealed(sealer, pages, pages), release };
}

/** Encrypt whole pages that are not compressed. */
export function sealUnit(sealer: Sealer, plain: Uint8Array): EncodedUnit & { readonly seal: Uint8Array } {
  const spare = plain.length > smallBytes ? large : small;
  const buffer = spare.take();
  const pages = buffer.subarray(0, plain.length);
  return { pages, bytes: plain.length, seal: sealed(sealer, plain, pages), release: () => spare.give(buffer) };
}

function sealed(sealer: Sealer, plain: Uint8Array, into: Uint8Array): Uint8Array {
  const seal = new Uint8Array(Seal.size);
  sealer.seal(sealedKind.unit, nothing, plain, into, seal);
  return seal;
}

/** Decrypt the pages of a unit where they are. False, and zeros, if they are not what was encrypted. */
export const openUnit = (sealer: Sealer, pages: Uint8Array, seal: Uint8Array): boolean =>
  sealer.open(sealedKind.unit, nothing, pages, pages, seal);

/** Fill `plain` with what `bytes` are compressed, or the same bytes. Throws what the decoder throws, and for another length. */
export function decodeUnit({ compression }: Chain, bytes: Uint8Array, plain: Uint8Array): void {
  if (compression !== undefined) compression.decode(bytes, plain);
  else if (bytes.length === plain.length) plain.set(bytes);
  else throw new RangeError(`${bytes.length} bytes instead of ${plain.length}`);
}
