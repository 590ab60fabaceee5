/** bin/load.cjs: a program runs with its code cache, without one, and with a wrong one. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';

const loader = fileURLToPath(new URL('../../bin/load.cjs', import.meta.url));
const programs = ['varve', 'mkfs.varve', 'fsck.varve', 'mount.varve'];
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'varve-load-'));
  for (const part of ['bin', 'dist', 'dist/programs']) mkdirSync(join(folder, part));
  copyFileSync(loader, join(folder, 'bin/load.cjs'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Evaluate an expression in which `load` and `cacheFile` are those of a loader. */
const evaluate = (from: string, expression: string): string =>
  execFileSync(process.execPath, ['-p', `const { load, cacheFile } = require('${from}'); ${expression}`], {
    encoding: 'utf8',
  }).trim();

/** A bundle that answers, and whether V8 took its cache: undefined without one. */
const toy = (): string =>
  evaluate(
    join(folder, 'bin/load.cjs'),
    `const { exports, script } = load('toy'); exports.answer() + ' ' + script.cachedDataRejected`,
  );

it('the build has made a cache for each program, and V8 takes it', () => {
  const taken = programs.map((program) => `load('${program}').script.cachedDataRejected`);
  expect(evaluate(loader, `JSON.stringify([${taken}])`)).toBe('[false,false,false,false]');
});

it('a cache that is missing, damaged or older than its bundle changes nothing but the time', () => {
  const bundle = join(folder, 'dist/programs/toy.cjs');
  const cache = join(folder, 'dist/programs/toy.cache');
  writeFileSync(bundle, 'exports.answer = () => 41;');
  expect(toy()).toBe('41 undefined');

  evaluate(
    join(folder, 'bin/load.cjs'),
    `require('fs').writeFileSync(cacheFile('toy'), load('toy').script.createCachedData())`,
  );
  expect(toy()).toBe('41 false');

  const bytes = readFileSync(cache);
  writeFileSync(cache, bytes.subarray(0, bytes.length / 2));
  expect(toy()).toBe('41 true');

  // Of the same length, which is all that V8 compares.
  writeFileSync(cache, bytes);
  writeFileSync(bundle, 'exports.answer = () => 42;');
  utimesSync(cache, 1, 1);
  expect(toy()).toBe('42 undefined');
});
