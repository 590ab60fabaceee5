import fc from 'fast-check';
import { expect, it } from 'vitest';
import { checksum, followedByPage } from '../../fs/format/checksum.js';

it('gives the value that the standard lists', () => {
  // RFC 3720, B.4: 32 bytes of zeros, and the numbers 0 to 31.
  expect(checksum(new Uint8Array(32))).toBe(0x8a9136aa);
  expect(checksum(Uint8Array.from({ length: 32 }, (_, i) => i))).toBe(0x46dd794e);
});

it('of pages in a row follows from the checksums of the pages', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5 }), fc.integer(), (pages, seed) => {
      const bytes = Uint8Array.from({ length: pages * 4096 }, (_, i) => Math.imul(i + seed, 2654435761) >>> 13);
      let sum = checksum(bytes.subarray(0, 4096));
      for (let i = 1; i < pages; i++) sum = followedByPage(sum, checksum(bytes.subarray(i * 4096, (i + 1) * 4096)));
      expect(sum).toBe(checksum(bytes));
    }),
  );
});
