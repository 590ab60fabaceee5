/** The planted faults fit the sources as they are now; that each is caught is `npm run mutants`. */
import fs from 'node:fs';
import { expect, it } from 'vitest';
import { mutants } from '../../stress/mutants/all.js';
import { plant } from '../../stress/mutants/mutant.js';

it.each(mutants)('$name', (mutant) => {
  const source = fs.readFileSync(mutant.file, 'utf8');
  expect(plant(source, mutant)).not.toBe(source);
  expect(mutant.tests.length).toBeGreaterThan(0);
  for (const test of mutant.tests) expect(fs.existsSync(test.split('#')[0]), test).toBe(true);
});

it('there are at least thirty, each with its own name', () => {
  expect(mutants.length).toBeGreaterThanOrEqual(30);
  expect(new Set(mutants.map(({ name }) => name)).size).toBe(mutants.length);
});
