/** bin/load.cjs: a program runs with its code cache, without one, and with a wrong one. */
import { isAscii } from 'node:buffer';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
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
  symlinkSync(fileURLToPath(new URL('../../node_modules', import.meta.url)), join(folder, 'node_modules'));
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

it('a cache that is missing, damaged or of another bundle changes nothing but the time', () => {
  const bundle = join(folder, 'dist/programs/toy.cjs');
  const cache = join(folder, 'dist/programs/toy.cache');
  const make = (): void =>
    void evaluate(
      join(folder, 'bin/load.cjs'),
      `{ const { exports, cache } = load('toy'); exports.answer(); require('fs').writeFileSync(cacheFile('toy'), cache()) }`,
    );
  writeFileSync(bundle, 'exports.answer = () => 41;');
  expect(toy()).toBe('41 undefined');
  make();
  expect(toy()).toBe('41 false');

  const bytes = readFileSync(cache);
  writeFileSync(cache, bytes.subarray(0, bytes.length / 2));
  expect(toy()).toBe('41 undefined');
  // What V8 would run as it is.
  const rotten = Buffer.from(bytes);
  rotten[rotten.length - 40] ^= 0x10;
  writeFileSync(cache, rotten);
  expect(toy()).toBe('41 undefined');

  // Of the same length, which is all that V8 compares, and older than the cache, as files of packages are.
  writeFileSync(cache, bytes);
  writeFileSync(bundle, 'exports.answer = () => 42;');
  utimesSync(bundle, 1, 1);
  expect(toy()).toBe('42 undefined');
  make();
  expect(toy()).toBe('42 false');
  // And from a bundle to one of which V8 has a character in two bytes.
  writeFileSync(bundle, "exports.answer = () => '…';");
  expect(toy()).toBe('… undefined');
});

it('bundles are plain ASCII, and SIGUSR1 opens no debugger in a program', () => {
  for (const program of programs)
    expect(isAscii(readFileSync(new URL(`../../dist/programs/${program}.cjs`, import.meta.url)))).toBe(true);
  writeFileSync(
    join(folder, 'dist/programs/toy.cjs'),
    "exports.main = async () => { process.kill(process.pid, 'SIGUSR1'); await new Promise((r) => setTimeout(r, 50)); return 3; }",
  );
  const { status, stderr } = spawnSync(
    process.execPath,
    ['-e', `require('${join(folder, 'bin/load.cjs')}').run('toy')`],
    {
      encoding: 'utf8',
    },
  );
  expect([status, stderr]).toEqual([3, '']);
});
