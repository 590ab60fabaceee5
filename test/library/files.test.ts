/** What is written for Node's fs/promises does the same on an image: each script here runs on both. */
import fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Files, Image } from '../../library/index.js';

type Module = Pick<Files, Exclude<keyof Files, 'inode'>>;
let folder: string;
let image: Image;

beforeAll(async () => {
  folder = await fs.mkdtemp(join(tmpdir(), 'varve-library-'));
  await Image.format(join(folder, 'v.img'), '64M');
  image = await Image.open(join(folder, 'v.img'));
  await fs.mkdir(join(folder, 'host'));
  process.umask(0o022);
});
afterAll(async () => {
  await image.close();
  await fs.rm(folder, { recursive: true });
});

/** What a call answers, or the code of what it throws. */
const answer = async (call: () => Promise<unknown>): Promise<unknown> => {
  try {
    return await call();
  } catch (e) {
    return (e as NodeJS.ErrnoException).code;
  }
};

const kinds = (of: { isFile(): boolean; isDirectory(): boolean; isSymbolicLink(): boolean; isFIFO(): boolean }) =>
  [of.isFile(), of.isDirectory(), of.isSymbolicLink(), of.isFIFO()].map(Number).join('');

const scripts: Readonly<Record<string, (on: Module, at: string) => Promise<unknown>[]>> = {
  'files are written, read and appended to': (on, at) => [
    answer(async () => {
      await on.writeFile(`${at}/a`, 'one');
      await on.appendFile(`${at}/a`, ' two');
      await on.writeFile(`${at}/b`, Buffer.from([0, 255, 1]), { mode: 0o640 });
      await on.copyFile(`${at}/a`, `${at}/c`);
      await on.truncate(`${at}/c`, 2);
      await on.link(`${at}/a`, `${at}/same`);
      await on.copyFile(`${at}/a`, `${at}/same`);
      return [
        await on.readFile(`${at}/a`, 'utf8'),
        (await on.readFile(`${at}/b`)).toString('hex'),
        await on.readFile(`${at}/c`, { encoding: 'utf8' }),
        ((await on.stat(`${at}/b`)).mode & 0o7777).toString(8),
        (await on.readdir(at)).sort(),
      ];
    }),
  ],
  'open takes the flags of Node': (on, at) => [
    answer(async () => {
      const said: unknown[] = [];
      for (const flag of ['r', 'r+', 'w', 'wx', 'a', 'ax', 'w+', 'r+', 'nonsense']) {
        said.push(
          await answer(async () => {
            const file = await on.open(`${at}/flags-${flag === 'r+' ? 'w' : flag}`, flag);
            try {
              const wrote = await answer(async () => (await file.write(Buffer.from('xyz'))).bytesWritten);
              const read = await answer(async () => (await file.read(Buffer.alloc(8), 0, 8, 0)).bytesRead);
              return [flag, wrote, read, (await file.stat()).size];
            } finally {
              await file.close();
            }
          }),
        );
      }
      said.push(await answer(() => on.open(`${at}/flags-wx`, 'wx')));
      // Node names a bad flag in its own way.
      return said.map((one) => (one === 'ERR_INVALID_ARG_VALUE' ? 'EINVAL' : one));
    }),
  ],
  'a link to what is not there yet leads to the file that open makes': (on, at) => [
    answer(async () => {
      await on.mkdir(`${at}/dangling/d`, { recursive: true });
      await on.symlink('d/new', `${at}/dangling/link`);
      await on.symlink('none/new', `${at}/dangling/nowhere`);
      const said = [
        await answer(() => on.open(`${at}/dangling/link`, 'wx')),
        await answer(() => on.writeFile(`${at}/dangling/nowhere`, '')),
      ];
      await on.writeFile(`${at}/dangling/link`, 'text');
      return [...said, await on.readFile(`${at}/dangling/d/new`, 'utf8')];
    }),
  ],
  'what is appended at the same time is all there, and whole': (on, at) => [
    answer(async () => {
      const lines = Array.from({ length: 20 }, (_, i) => `line ${i}\n`);
      await Promise.all(lines.map((line) => on.appendFile(`${at}/log`, line)));
      return (await on.readFile(`${at}/log`, 'utf8')).split('\n').sort();
    }),
  ],
  'directories are made, listed and removed': (on, at) => [
    answer(async () => {
      const first = await on.mkdir(`${at}/x/y/z/`, { recursive: true });
      await on.writeFile(`${at}/x/y/file`, '');
      await on.symlink('y', `${at}/x/link`);
      const entries = await on.readdir(`${at}/x`, { withFileTypes: true });
      const listed = entries.map((entry) => `${entry.name} ${kinds(entry)}`).sort();
      const said = [
        first?.slice(at.length),
        listed,
        await answer(() => on.mkdir(`${at}/x`)),
        await answer(() => on.mkdir(`${at}/x`, { recursive: true })),
        await answer(() => on.mkdir(`${at}/x/y/file/z`, { recursive: true })),
        await answer(() => on.rmdir(`${at}/x`)),
        await answer(() => on.rmdir(`${at}/x/y/file`)),
        await answer(() => on.unlink(`${at}/x/y/file/`)),
        await answer(() => on.writeFile(`${at}/x/y/new/`, '')),
        await answer(() => on.rm(`${at}/none`, { force: true })),
        await answer(() => on.rm(`${at}/none`)),
      ];
      await on.rm(`${at}/x`, { recursive: true });
      return [...said, await answer(() => on.stat(`${at}/x`))];
    }),
  ],
  'links are followed or not, and no further than forty': (on, at) => [
    answer(async () => {
      await on.mkdir(`${at}/l/d`, { recursive: true });
      await on.writeFile(`${at}/l/d/f`, 'text');
      await on.symlink('d/../d', `${at}/l/s`);
      await on.symlink('loop', `${at}/l/loop`);
      await on.link(`${at}/l/d/f`, `${at}/l/hard`);
      return [
        await on.readFile(`${at}/l/s/f`, 'utf8'),
        await on.readlink(`${at}/l/s`),
        kinds(await on.lstat(`${at}/l/s`)),
        kinds(await on.stat(`${at}/l/s`)),
        (await on.realpath(`${at}/l/s/../d/f`)).endsWith('/l/d/f'),
        await answer(() => on.stat(`${at}/l/loop`)),
        await answer(() => on.readlink(`${at}/l/d`)),
        await answer(() => on.stat(`${at}/l/d/f/`)),
        (await on.stat(`${at}/l/hard`)).nlink,
        await answer(() => on.access(`${at}/l/none`)),
        await answer(() => on.stat(`${at}/l/nul\0`).catch(() => Promise.reject({ code: 'EINVAL' }))),
      ];
    }),
  ],
  'attributes are changed': (on, at) => [
    answer(async () => {
      await on.writeFile(`${at}/t`, 'x');
      await on.symlink('t', `${at}/tl`);
      await on.chmod(`${at}/tl`, 0o4711);
      await on.utimes(`${at}/tl`, new Date(1000), 12.5);
      await on.lutimes(`${at}/tl`, 7, 3.5);
      await on.chown(`${at}/t`, (await on.stat(`${at}/t`)).uid, (await on.stat(`${at}/t`)).gid);
      const [file, link] = [await on.stat(`${at}/t`), await on.lstat(`${at}/tl`)];
      await on.rename(`${at}/t`, `${at}/t2`);
      await on.unlink(`${at}/tl`);
      return [
        (file.mode & 0o777).toString(8),
        file.atimeMs,
        file.mtime.getTime(),
        link.mtimeMs,
        await answer(() => on.rename(`${at}/t`, `${at}/t3`)),
        await answer(() => on.unlink(`${at}/tl`)),
      ];
    }),
  ],
};

describe.each(Object.keys(scripts))('%s', (name) => {
  it('in an image as on the host', async () => {
    const [inImage, onHost] = [name.replaceAll(' ', '-'), join(folder, 'host', name.replaceAll(' ', '-'))];
    await image.files.mkdir(`/${inImage}`);
    await fs.mkdir(onHost);
    const theirs = await Promise.all(scripts[name](fs as unknown as Module, onHost));
    expect(await Promise.all(scripts[name](image.files, `/${inImage}`))).toEqual(theirs);
    // A script that fails says a code and nothing more.
    expect(theirs[0]).toBeInstanceOf(Array);
  });
});

it('an open file outlives its name, and a closed one takes nothing', async () => {
  const file = await image.files.open('/gone', 'w+');
  await file.writeFile('still here');
  await image.files.unlink('/gone');
  expect(await file.readFile('utf8')).toBe('');
  expect((await file.read(Buffer.alloc(5), 0, 5, 0)).buffer.toString()).toBe('still');
  await file.sync();
  await file.close();
  await expect(file.stat()).rejects.toMatchObject({ code: 'EBADF' });
});

it('what is appended at the same time through one handle follows each other', async () => {
  const file = await image.files.open('/appended', 'w+');
  await Promise.all(['a', 'b', 'c'].map((text) => file.appendFile(text)));
  expect(await file.readFile('utf8')).toHaveLength(3);
  await file.close();
});

it('a read may be larger than what the filesystem reads at a time, in however many pieces it lies', async () => {
  const [page, count] = [4096, 4200];
  const bytes = Buffer.alloc(page, 7);
  const file = await image.files.open('/pieces', 'w+');
  for (let i = 0; i < count; i++) await file.write(bytes, 0, page, 2 * i * page);
  await file.sync();
  await file.close();
  await image.close();
  image = await Image.open(join(folder, 'v.img'));
  const again = await image.files.open('/pieces');
  const into = Buffer.alloc(2 * count * page);
  expect((await again.read(into)).bytesRead).toBe((2 * count - 1) * page);
  const firsts = Buffer.from(Array.from({ length: 2 * count }, (_, i) => into[i * page]));
  expect(firsts.equals(Buffer.alloc(2 * count, Buffer.from([7, 0])))).toBe(true);
  expect((await again.read(into)).bytesRead).toBe(0);
  await again.close();
});

it('snapshots are read, and nothing else of a volume that is open twice', async () => {
  const path = join(folder, 'snap.img');
  await Image.format(path, 64 * 2 ** 20, { label: 'snap', compress: 'deflate:1' });
  const one = await Image.open(path);
  await one.files.writeFile('/f', 'before');
  await one.snapshot('kept');
  await one.files.writeFile('/f', 'after');
  await expect(Image.open(path)).rejects.toThrow(/in use/);
  await one.close();

  const old = await Image.open(path, { readOnly: true, snapshot: 'kept' });
  expect(await old.files.readFile('/f', 'utf8')).toBe('before');
  await expect(old.files.writeFile('/f', 'x')).rejects.toMatchObject({ code: 'EROFS' });
  await old.close();
  await expect(Image.open(path, { readOnly: true, snapshot: 'none' })).rejects.toThrow(/no snapshot 'none'/);
  await expect(Image.open(path, { snapshot: 'kept' })).rejects.toThrow(/readOnly/);
});
