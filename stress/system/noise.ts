/**
 * Bytes that no compression makes shorter: what is to fill a volume, wear it or count in pages must take the room of
 * its length whatever transforms the volume was made with (VARVE_TRANSFORMS).
 */
import { seededRandom } from '../../fs/store/random.js';

/** More than any transform looks back for what it has seen already, and more than a unit. */
const period = 2 ** 20;
let pool: Uint8Array | undefined;

function made(): Uint8Array {
  const random = seededRandom(20);
  return Uint8Array.from({ length: period }, () => random() * 256);
}

/** `length` bytes, others for each `mark` from 0 to 4095; the same in each run. */
export function noise(length: number, mark: number): Uint8Array {
  pool ??= made();
  const bytes = new Uint8Array(length);
  let from = (mark * 257) % period;
  for (let at = 0; at < length; ) {
    const part = pool.subarray(from, from + length - at);
    bytes.set(part, at);
    at += part.length;
    from = 0;
  }
  return bytes;
}
