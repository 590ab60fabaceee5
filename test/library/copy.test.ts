/** Trees into an image and out again come back as they were. */
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { itemKind } from '../../fs/format/item.js';
import { fileType } from '../../fs/posix/inode/mode.js';
import { encodeDirent } from '../../fs/posix/namespace/dirents.js';
import { Batch } from '../../fs/tree/batch.js';
import { rootInode } from '../../fs/units.js';
import { copyOut, Image, run } from '../../library/index.js';
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

it('the examples build an image, read a file out of it, and copy what changed', async () => {
  const example = (name: string, ...args: string[]): string =>
    execFileSync(process.execPath, [join(import.meta.dirname, `../../examples/${name}`), ...args], {
      encoding: 'utf8',
    });
  fs.mkdirSync(join(folder, 'tree'));
  fs.writeFileSync(join(folder, 'tree/hello'), 'hello from an image\n');
  const image = join(folder, 'v.img');
  expect(example('build-image.mjs', join(folder, 'tree'), image)).toBe('1 files, 20 bytes\n');
  expect(example('read-file.mjs', image, 'as-built', '/hello')).toBe('hello from an image\n');
  const later = await Image.open(image);
  await later.files.mkdir('/new/folder', { recursive: true });
  await later.files.writeFile('/new/folder/file', 'later');
  await later.files.rename('/hello', '/good-bye');
  await later.snapshot('later');
  await expect(later.diff('as-built', 'never')).rejects.toMatchObject({ problem: 'not-found' });
  await later.close();
  const out = join(folder, 'changed');
  expect(example('snapshot-diff.mjs', image, 'as-built', 'later', out).split('\n').slice(0, -1)).toEqual([
    'renamed /hello -> /good-bye',
    'added /new',
    'added /new/folder',
    'added /new/folder/file',
  ]);
  expect(fs.readFileSync(join(out, 'new/folder/file'), 'utf8')).toBe('later');
});

it('what an image of anybody says leads nowhere outside the target, and ends', async () => {
  const path = join(folder, 'v.img');
  await Image.format(path, '64M');
  const image = await Image.open(path);
  const entry = (name: string, inode: number, type: number): void => {
    const batch = new Batch();
    batch.put(rootInode, itemKind.dirent, 1, encodeDirent(inode, type >> 12, Buffer.from(name)));
    image.volume.apply(batch);
  };
  try {
    await image.files.writeFile('/file', 'escaped');
    const inode = await image.files.inode('/file');
    const out = (to: string): Promise<unknown> => {
      fs.mkdirSync(join(folder, to));
      return copyOut(image.filesystem, rootInode, join(folder, to));
    };
    await run(() => entry('../outside', inode, fileType.regular));
    await expect(out('to')).rejects.toMatchObject({ code: 'EINVAL' });
    expect(fs.readdirSync(folder).sort()).toEqual(['to', 'v.img']);
    await run(() => entry('ring', rootInode, fileType.directory));
    await expect(out('ring')).rejects.toThrow(/more than one name/);
    await run(() => entry('file2', inode, fileType.regular));
    await image.files.truncate('/file', 2 ** 43);
    await out('sparse');
    expect(fs.statSync(join(folder, 'sparse/file')).size).toBe(2 ** 43);
  } finally {
    await image.close();
  }
});

it.runIf(process.getuid?.() === 0)('who is not root lends nobody rights, and gets what there is', async () => {
  const path = join(folder, 'v.img');
  await Image.format(path, '64M');
  const image = await Image.open(path);
  await image.files.writeFile('/program', 'x', { mode: 0o755 });
  await image.files.chmod('/program', 0o6755);
  await image.files.writeFile('/fixed', 'x');
  const root = { uid: 0, gid: 0, pid: 1 };
  const fixed = await image.files.inode('/fixed');
  await run(() => image.filesystem.setxattr(fixed, Buffer.from('user.note'), Buffer.from('kept'), 0, root));
  await image.files.chmod('/fixed', 0o444);
  const node = await run(() =>
    image.filesystem.mknod(rootInode, Buffer.from('node'), fileType.character | 0o600, 0x103, 0, root),
  );
  await image.files.link('/node', '/node2');
  expect(node.device).toBe(0x103);
  await image.close();

  fs.chmodSync(folder, 0o777);
  fs.chmodSync(path, 0o644);
  const to = join(folder, 'to');
  const varveProgram = join(import.meta.dirname, '../../bin/varve');
  const done = spawnSync(varveProgram, ['export', path, to], { uid: 4321, gid: 4321, encoding: 'utf8' });
  expect(done).toMatchObject({ status: 0, stdout: expect.stringMatching(/^2 files/) });
  expect(fs.readdirSync(to).sort()).toEqual(['fixed', 'program']);
  expect(fs.statSync(join(to, 'program'))).toMatchObject({ uid: 4321, mode: fileType.regular | 0o755 });
  expect(fs.statSync(join(to, 'fixed')).mode & 0o777).toBe(0o444);
  expect(done.stderr).not.toContain('fixed: not kept: lsetxattr');
});
