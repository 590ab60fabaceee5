/** Some damaged images; scripts/fuzz.ts takes as many as there is time for. A failure names its seed. */
import { expect, it } from 'vitest';
import { Fuzzer } from '../../stress/fuzz/fuzz.js';

const images = 40;

it(`${images} damaged images are opened, read, changed and repaired`, { timeout: 120_000 }, async () => {
  const fuzzer = await Fuzzer.make();
  for (let seed = 0; seed < images; seed++) await fuzzer.try(seed);
  const { violations, kinds, opened, repaired, bits, detected } = fuzzer.tally;
  expect(violations).toEqual([]);
  expect(Object.keys(kinds).sort()).toEqual(['bit', 'bytes', 'fields', 'pages', 'size']);
  // Most damage hurts a part of the volume only.
  expect(opened).toBeGreaterThan(images / 2);
  expect(repaired).toBeGreaterThan(images / 2);
  expect(detected).toBeGreaterThan(bits / 4);
});
