/**
 * The hash of names is part of the format. The values come from another implementation of HalfSipHash-1-3, which
 * was checked against the published vectors of HalfSipHash-2-4.
 */
import { expect, it } from 'vitest';
import { firstOffset, hash45, namesPerHash } from '../../fs/format/name-hash.js';

const largestSeed = 2 ** 53 - 1;

const golden: readonly (readonly [Uint8Array, number, number])[] = [
  [Buffer.from('a'), 0, 1178767561849],
  [Buffer.from('file'), 0, 27013428155986],
  [Buffer.from('README.md'), 0, 26376305879889],
  [Buffer.from('a longer name of 33 bytes, you see'), 0, 28668182230483],
  [Uint8Array.of(255, 254, 1), 0, 30429961185031],
  [Buffer.alloc(255, 'x'), 0, 33427785138506],
  [Buffer.from('a'), 12345, 34535068621759],
  [Buffer.from('file'), 12345, 30670025723297],
  [Buffer.from('README.md'), 12345, 4171978083490],
  [Buffer.from('a longer name of 33 bytes, you see'), 12345, 7065701135311],
  [Uint8Array.of(255, 254, 1), 12345, 19191508286142],
  [Buffer.alloc(255, 'x'), 12345, 29491144694652],
  [Buffer.from('a'), largestSeed, 25981351454963],
  [Buffer.from('file'), largestSeed, 4545455529516],
  [Buffer.from('README.md'), largestSeed, 15424988646385],
  [Buffer.from('a longer name of 33 bytes, you see'), largestSeed, 23961350083905],
  [Uint8Array.of(255, 254, 1), largestSeed, 7361222643725],
  [Buffer.alloc(255, 'x'), largestSeed, 3956737401442],
];

it.each(golden)('hashes %s with seed %d to the same number for ever', (name, seed, expected) => {
  expect(hash45(name, seed)).toBe(expected);
});

it('does not depend on what lies around the name', () => {
  const around = Buffer.from('xxREADME.mdyy');
  expect(hash45(around.subarray(2, 11), 12345)).toBe(4171978083490);
});

it('spreads names over 45 bits, and leaves room for cookies below 2^53', () => {
  const half = 2 ** 44;
  let upper = 0;
  const seen = new Set<number>();
  for (let i = 0; i < 20_000; i++) {
    const hash = hash45(Buffer.from(`file-${i}`), 7);
    seen.add(hash);
    if (hash >= half) upper++;
    expect(firstOffset(hash) + namesPerHash - 1 + 3).toBeLessThan(2 ** 53);
  }
  expect(seen.size).toBe(20_000);
  expect(Math.abs(upper - 10_000)).toBeLessThan(500);
});
