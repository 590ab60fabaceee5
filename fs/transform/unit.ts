/**
 * A unit: up to 32 pages of a file that are transformed as one. Encoded, it fills whole pages, the last one padded with
 * zeros; compression is worth that only if it saves a page. Encryption takes no room: the seal lies in the extent.
 *
 * The encoder's buffers are kept for the next units: the log has them until they are written.
 */
import { Seal, type Sealer, sealedKind } from '../format/seal.js';
import { pageSize } from '../units.js';
import type { Chain } from './chain.js';
import { maxUnitBytes } from './transform.js';

const nothing = new Uint8Array(0);
const spare: Uint8Array[] = [];
/** Buffers that are kept for later: 4 MiB. */
const mostSpare = 32;

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
  const pages = buffer.subarray(0, end);
  if (sealer === undefined) return { pages, bytes, seal: undefined, release };
  const sealed = { ...sealUnit(sealer, pages), bytes };
  release();
  return sealed;
}

/** Encrypt whole pages that are not compressed. */
export function sealUnit(sealer: Sealer, plain: Uint8Array): EncodedUnit & { readonly seal: Uint8Array } {
  const seal = new Uint8Array(Seal.size);
  const pages = sealer.seal(sealedKind.unit, nothing, plain, seal);
  return { pages, bytes: plain.length, seal, release: () => undefined };
}

/** The pages of an encrypted unit as they were before; undefined if they are not what was encrypted. */
export const openUnit = (sealer: Sealer, stored: Uint8Array, seal: Uint8Array): Uint8Array | undefined =>
  sealer.open(sealedKind.unit, nothing, stored, seal);

/** Fill `plain` with what `bytes` are compressed, or the same bytes. Throws what the decoder throws, and for another length. */
export function decodeUnit({ compression }: Chain, bytes: Uint8Array, plain: Uint8Array): void {
  if (compression !== undefined) compression.decode(bytes, plain);
  else if (bytes.length === plain.length) plain.set(bytes);
  else throw new RangeError(`${bytes.length} bytes instead of ${plain.length}`);
}
