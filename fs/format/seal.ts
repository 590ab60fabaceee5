/**
 * How what an encrypted volume stores is sealed. A seal lies beside the ciphertext, which is as long as the plain bytes: at
 * the end of a node, a summary and a checkpoint's header page, behind the header of a journal record, and in the extent
 * of a unit. It names all that opening needs beside the volume's key, so no table of sessions or nonces can be lost.
 *
 * What is here says which bytes are covered; how is the business of the Sealer (transform/volume-key.ts).
 */
import { bytes, type Of, struct, u64 } from './struct.js';

export const Seal = struct('seal', {
  salt: bytes(16)('random number of the opening that wrote it; with the key of the volume it makes the session key'),
  counter: u64('number of the message in its session: the nonce, with the kind'),
  tag: bytes(16)('authentication tag'),
});
export type Seal = Of<typeof Seal>;

/** First half of the nonce: a message of one kind is never taken for one of another. */
export const sealedKind = { unit: 1, node: 2, summary: 3, record: 4, checkpoint: 5 } as const;

/** `into` has the length of what is given, and may be the same memory. */
export interface Sealer {
  /** Encrypt `plain`. The seal is written into `seal`; `bound` is authenticated with it. */
  seal(kind: number, bound: Uint8Array, plain: Uint8Array, into: Uint8Array, seal: Uint8Array): void;
  /** Decrypt; false, and zeros in `into`, when the bytes are not what was sealed, or bound to something else. */
  open(kind: number, bound: Uint8Array, stored: Uint8Array, into: Uint8Array, seal: Uint8Array): boolean;
}

/** Bytes that each sealed record loses; 0 where nothing is sealed. */
export const sealRoom = (sealer: Sealer | undefined): number => (sealer === undefined ? 0 : Seal.size);

/** Encrypt `bytes[from, to)` where they are, with the seal at `at`. */
export function sealPart(
  sealer: Sealer,
  kind: number,
  bound: Uint8Array,
  all: Uint8Array,
  [from, to, at]: readonly [number, number, number],
): void {
  const part = all.subarray(from, to);
  sealer.seal(kind, bound, part, part, all.subarray(at, at + Seal.size));
}

/** Decrypt what `sealPart` has encrypted. False, with zeros in place of the bytes, when they are not that. */
export function openPart(
  sealer: Sealer,
  kind: number,
  bound: Uint8Array,
  all: Uint8Array,
  [from, to, at]: readonly [number, number, number],
): boolean {
  const part = all.subarray(from, to);
  return sealer.open(kind, bound, part, part, all.subarray(at, at + Seal.size));
}
