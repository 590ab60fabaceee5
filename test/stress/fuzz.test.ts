/** Some damaged images; scripts/fuzz.ts takes as many as there is time for. A failure names its seed. */
import { expect, it } from 'vitest';
import { Fuzzer } from '../../stress/fuzz/fuzz.js';
import { addRuns, type FuzzRun } from '../../stress/fuzz/summary.js';

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

it('runs are added when they have no image in common', () => {
  const run = (first: number, images: number): FuzzRun => ({
    images,
    kinds: { bit: 1, size: images - 1 },
    opened: 2,
    repaired: 3,
    bits: 1,
    detected: 1,
    violations: first === 30 ? ['wrong'] : [],
    ranges: [{ first, images }],
    memory: first,
    seconds: 10,
  });
  const sum = addRuns([run(30, 5), run(10, 20)]);
  expect(sum).toMatchObject({ images: 25, kinds: { bit: 2, size: 23 }, opened: 4, violations: ['wrong'], memory: 30 });
  expect(() => addRuns([sum, run(29, 1)])).toThrow('two runs have the image 29');
  expect(() => addRuns([])).toThrow(RangeError);
});
