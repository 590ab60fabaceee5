/** Trees into an image and out again come back as they were. */
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { main } from '../../varve/main.js';
import { CapturedOutput } from '../support/captured-output.js';

let folder: string;
beforeEach(() => {
  folder = fs.mkdtempSync(join(tmpdir(), 'varve-copy-'));
});
afterEach(() => fs.rmSync(folder, { recursive: true }));

const varve = async (...args: string[]): Promise<{ code: number; out: string }> => {
  const output = new CapturedOutput();
  const code = await main(args, output);
  return { code, out: output.text + output.errors };
};

/** Everything about a tree that `cp -a` keeps, a line each. */
const describeTree = (root: string): string =>
  execFileSync('find', ['.', '-printf', '%P %y %m %U %G %s %n %T@ %l\\n'], { cwd: root, encoding: 'utf8' })
    .split('\n')
    .map((line) => (/ d /.test(line) ? line.replace(/ \d+ (\d+) (?=-?\d+\.)/, ' - $1 ') : line))
    .sort()
    .join('\n');

it('types, owners, modes, times, links, attributes and holes', async () => {
  const from = join(folder, 'from');
  fs.mkdirSync(join(from, 'deep/er'), { recursive: true });
  fs.writeFileSync(join(from, 'deep/file'), 'x'.repeat(300_000));
  fs.linkSync(join(from, 'deep/file'), join(from, 'another name'));
  fs.symlinkSync('deep/file', join(from, 'link'));
  fs.writeFileSync(Buffer.concat([Buffer.from(`${from}/`), Buffer.from([0xff, 0xfe])]), 'no UTF-8');
  fs.writeFileSync(join(from, 'sparse'), '');
  fs.truncateSync(join(from, 'sparse'), 50_000_000);
  fs.chmodSync(join(from, 'deep/er'), 0o2750);
  fs.chmodSync(join(from, 'deep/file'), 0o4755);
  execFileSync('mkfifo', [join(from, 'pipe')]);
  fs.chownSync(join(from, 'sparse'), 1234, 5678);
  fs.lutimesSync(join(from, 'link'), 1, 1.5);
  fs.utimesSync(join(from, 'deep'), 1_000_000_000.25, 1_111_111_111.125);
  const image = join(folder, 'v.img');
  execFileSync(join(import.meta.dirname, '../../bin/mkfs.varve'), ['-q', '--size', '64M', image]);

  const into = await varve('import', '--path', '/a/b', from, image);
  expect(into).toMatchObject({ code: 0 });
  expect(into.out).toMatch(/^3 files, 3 directories, 2 others, 293 KiB$/);
  const to = join(folder, 'to');
  expect(await varve('export', '--path', '/a/b', image, to)).toMatchObject({ code: 0 });
  expect(describeTree(to)).toBe(describeTree(from));
  expect(spawnSync('diff', ['-r', '--no-dereference', join(from, 'deep'), join(to, 'deep')]).status).toBe(0);
  expect(fs.statSync(join(to, 'sparse')).blocks).toBeLessThan(100);

  expect((await varve('export', image, to)).out).toMatch(/is not empty/);
  expect((await varve('import', join(from, 'sparse'), image)).out).toMatch(/is no directory/);
  expect((await varve('export', '--path', '/none', image, join(folder, 'none'))).code).not.toBe(0);
  expect(fs.existsSync(join(folder, 'none'))).toBe(false);
});

it('the examples build an image and read a file out of it', () => {
  const example = (name: string, ...args: string[]): string =>
    execFileSync(process.execPath, [join(import.meta.dirname, `../../examples/${name}`), ...args], {
      encoding: 'utf8',
    });
  fs.mkdirSync(join(folder, 'tree'));
  fs.writeFileSync(join(folder, 'tree/hello'), 'hello from an image\n');
  const image = join(folder, 'v.img');
  expect(example('build-image.mjs', join(folder, 'tree'), image)).toBe('1 files, 20 bytes\n');
  expect(example('read-file.mjs', image, 'as-built', '/hello')).toBe('hello from an image\n');
});
