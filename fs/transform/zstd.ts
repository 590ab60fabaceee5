/**
 * Zstandard (RFC 8878), by node:zlib where it has that (Node 22.15 and later). A frame names the window that its
 * decoder needs; `windowLogMax` refuses more than a unit's length.
 */
import * as zlib from 'node:zlib';
import type { Transform } from './transform.js';

/** What newer versions of node:zlib have besides. */
interface Zstd {
  zstdCompressSync(input: Uint8Array, options: object): Uint8Array;
  zstdDecompressSync(input: Uint8Array, options: object): Uint8Array;
  constants: { ZSTD_c_compressionLevel: number; ZSTD_d_windowLogMax: number };
}

/** log2 of the most bytes of a unit. */
const windowLog = 17;

/** Undefined where the runtime lacks it. */
export const zstd = ((): Transform | undefined => {
  const found = zlib as unknown as Partial<Zstd>;
  const { zstdCompressSync: compress, zstdDecompressSync: decompress, constants } = found;
  if (compress === undefined || decompress === undefined || constants === undefined) return undefined;
  return {
    id: 3,
    name: 'zstd',
    levels: { least: 1, most: 19, usual: 3 },
    encode(plain, target, level) {
      const bytes = compress(plain, { params: { [constants.ZSTD_c_compressionLevel]: level } });
      if (bytes.length > target.length) return -1;
      target.set(bytes);
      return bytes.length;
    },
    decode(stored, target) {
      const params = { [constants.ZSTD_d_windowLogMax]: windowLog };
      const bytes = decompress(stored, { maxOutputLength: target.length, chunkSize: target.length, params });
      if (bytes.length !== target.length)
        throw new RangeError(`zstd frame of ${stored.length} bytes unfolds to ${bytes.length}`);
      target.set(bytes);
    },
  };
})();
