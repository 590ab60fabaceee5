/**
 * LZ4 blocks, by the `lz4` package (LZ4 1.9.2). Level 0 is the fast encoder, 3 to 12 the high-compression one.
 *
 * The decoder is LZ4_decompress_safe, which writes within the target and reads within the input only. The one known
 * hole of this version (CVE-2021-3520) needs a negative target size, and the target here is a typed array. A
 * match at distance 0 makes it leave what the target held, so the target is cleared first: the result depends on the
 * input alone.
 */
import { importModule } from '../host/import-module.js';
import type { Transform } from './transform.js';

/** What of the package is used. Its own functions for high compression drop the level. */
interface Bindings {
  compress(input: Uint8Array, output: Uint8Array, start: number, end: number): number;
  compressHCLimited(input: Uint8Array, output: Uint8Array, most: number, level: number): number;
  uncompress(input: Uint8Array, output: Uint8Array): number;
}

/** Load the native package: not with the module, as most programs never need it. */
export async function lz4(): Promise<Transform> {
  const loaded = (await importModule('lz4')) as { default: { utils: { bindings: Bindings } } };
  const { bindings } = loaded.default.utils;
  return {
    id: 1,
    name: 'lz4',
    levels: { least: 0, most: 12, usual: 0 },
    encode(plain, target, level) {
      const bytes =
        level < 3
          ? bindings.compress(plain, target, 0, target.length)
          : bindings.compressHCLimited(plain, target, target.length, level);
      return bytes > 0 ? bytes : -1;
    },
    decode(stored, target) {
      target.fill(0);
      const bytes = bindings.uncompress(stored, target);
      if (bytes !== target.length) throw new RangeError(`LZ4 block of ${stored.length} bytes does not unfold`);
    },
  };
}
