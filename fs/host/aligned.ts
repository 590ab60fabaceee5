/** Memory that begins at the start of a page: what the kernel reads past its own cache must go there. */
import koffi from 'koffi';

const alignment = 4096;

/** `length` bytes of zeros that begin at a multiple of 4096. */
export function alignedBytes(length: number): Uint8Array {
  const buffer = new ArrayBuffer(length + alignment);
  const past = Number(BigInt(koffi.address(buffer)) % BigInt(alignment));
  return new Uint8Array(buffer, (alignment - past) % alignment, length);
}
