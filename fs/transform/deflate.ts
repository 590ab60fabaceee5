/**
 * Raw deflate (RFC 1951), by node:zlib. The decoder may allocate the plain length and a window, and throws once it has
 * more output than that. After an error node:zlib keeps the decoder's memory until the event loop's next turn (87 KB each;
 * Node 20, 2026), so input that merely ends early is told by its length instead.
 */
import { constants, deflateRawSync, inflateRawSync } from 'node:zlib';
import type { Transform } from './transform.js';

export const deflate: Transform = {
  id: 2,
  name: 'deflate',
  levels: { least: 1, most: 9, usual: 6 },
  encode(plain, target, level) {
    const bytes = deflateRawSync(plain, { level, chunkSize: Math.max(64, target.length) });
    if (bytes.length > target.length) return -1;
    target.set(bytes);
    return bytes.length;
  },
  decode(stored, target) {
    const most = target.length;
    const bytes = inflateRawSync(stored, {
      maxOutputLength: most,
      chunkSize: Math.max(64, most),
      finishFlush: constants.Z_SYNC_FLUSH,
    });
    if (bytes.length !== most)
      throw new RangeError(`deflated unit of ${stored.length} bytes unfolds to ${bytes.length}`);
    target.set(bytes);
  },
};
