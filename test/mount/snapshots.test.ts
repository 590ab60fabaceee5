/** Snapshots on a real mount: `.snapshots`, the command, and what the kernel thinks of them. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import * as fs from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { mountAt } from '../../fs/fuse/mount-table.js';
import { openStore } from '../../fs/store/open.js';
import { MountedVolume } from '../support/programs.js';

let volume: MountedVolume;

beforeEach(async () => {
  volume = await MountedVolume.make();
});
afterEach(() => volume.dispose());

const read = (name: string): Promise<string> => fs.readFile(volume.path(name), 'utf8');
const listed = async (): Promise<{ name: string; unique: number }[]> =>
  JSON.parse(await volume.expect('varve', 'snapshot', 'list', '--json', volume.directory));

it('mkdir makes one with what is written and not yet sent, and nothing in it can change', async () => {
  await volume.mount();
  await fs.mkdir(volume.path('d'));
  const file = await fs.open(volume.path('d/file'), 'w');
  await file.write('before');
  await fs.mkdir(volume.path('.snapshots/one'));
  await file.write(' and after');
  await file.close();
  expect(await read('.snapshots/one/d/file')).toBe('before');
  expect(await read('d/file')).toBe('before and after');

  const inside = volume.path('.snapshots/one/d/file');
  await expect(fs.writeFile(inside, 'x')).rejects.toMatchObject({ code: 'EROFS' });
  await expect(fs.rm(inside)).rejects.toMatchObject({ code: 'EROFS' });
  await expect(fs.chmod(inside, 0o600)).rejects.toMatchObject({ code: 'EROFS' });
  await expect(fs.mkdir(`${inside}x`)).rejects.toMatchObject({ code: 'EROFS' });
  await expect(fs.truncate(inside, 0)).rejects.toMatchObject({ code: 'EROFS' });
  await expect(fs.link(volume.path('d/file'), `${inside}x`)).rejects.toMatchObject({ code: 'EXDEV' });
  await expect(fs.mkdir(volume.path('.snapshots/one'))).rejects.toMatchObject({ code: 'EEXIST' });
  await expect(fs.rmdir(volume.path('.snapshots'))).rejects.toThrow();
  await expect(fs.rename(volume.path('d'), volume.path('.snapshots'))).rejects.toThrow();

  const [live, kept] = [
    await fs.stat(volume.path('d/file'), { bigint: true }),
    await fs.stat(inside, { bigint: true }),
  ];
  expect(kept.ino).not.toBe(live.ino);
  expect(kept.ino & 0xffffffffffffn).toBe(live.ino);
});

it('is listed by name only, stays over a remount, and is gone with rmdir', async () => {
  await volume.mount();
  await fs.writeFile(volume.path('file'), 'one');
  await fs.mkdir(volume.path('.snapshots/a'));
  await fs.rename(volume.path('.snapshots/a'), volume.path('.snapshots/b'));
  expect(await fs.readdir(volume.directory)).toEqual(['file']);
  expect(await fs.readdir(volume.path('.snapshots'))).toEqual(['b']);
  await fs.mkdir(volume.path('folder'));
  expect(spawnSync('mv', [volume.path('folder'), volume.path('.snapshots')]).status).toBe(1);
  expect(await fs.readdir(volume.path('.snapshots'))).toEqual(['b']);
  await fs.rmdir(volume.path('folder'));
  await volume.unmount();
  await volume.mount('snapdir=visible');
  expect((await fs.readdir(volume.directory)).sort()).toEqual(['.snapshots', 'file']);
  await fs.writeFile(volume.path('file'), 'two');
  const handle = await fs.open(volume.path('.snapshots/b/file'));
  expect(await read('.snapshots/b/file')).toBe('one');
  await fs.rmdir(volume.path('.snapshots/b'));
  await expect(read('.snapshots/b/file')).rejects.toMatchObject({ code: 'ENOENT' });
  await expect(handle.stat()).rejects.toMatchObject({ errno: -116 });
  await handle.close();
  expect(await fs.readdir(volume.path('.snapshots'))).toEqual([]);
  await volume.unmount();
  await volume.expect('fsck.varve', '-f', volume.image);
});

it("another user hears that it is not the user's mount, and does nothing to it", async () => {
  await volume.mount();
  const client = new URL('../../dist/fs/cli/control-client.js', import.meta.url).href;
  const asking = `
    import { ControlConnection } from ${JSON.stringify(client)};
    process.setuid(65534);
    const [device, target] = ${JSON.stringify([mountAt(volume.directory)?.device, volume.directory])};
    await ControlConnection.of({ device, target }).then(() => console.log('let in'), (e) => console.log(e.message));`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', asking], { encoding: 'utf8' });
  expect(stderr).toBe('');
  expect(stdout).toBe('the mount belongs to another user\n');
});

it('the command does the same on a mount and on an image, and says what each holds', async () => {
  await volume.mount();
  await fs.writeFile(volume.path('big'), Buffer.alloc(8 << 20, 1));
  await expect(fs.stat(volume.path('.snapshots/first'))).rejects.toMatchObject({ code: 'ENOENT' });
  await volume.expect('varve', 'snapshot', 'create', volume.directory, 'first');
  expect(await fs.readdir(volume.path('.snapshots/first'))).toEqual(['big']);
  await fs.rm(volume.path('big'));
  await volume.expect('varve', 'snapshot', 'create', volume.directory, 'second');
  expect(await volume.expect('varve', 'snapshot', 'diff', volume.directory, 'first', 'second')).toBe('- /big\n');
  await volume.expect('varve', 'snapshot', 'delete', '--wait', volume.directory, 'second');
  await volume.expect('varve', 'sync', volume.directory);
  const [first] = await listed();
  expect(first).toMatchObject({ name: 'first' });
  expect(first.unique).toBeGreaterThanOrEqual(8 << 20);
  expect(first.unique).toBeLessThan(9 << 20);
  const causes = JSON.parse(await volume.expect('varve', 'df', '--by-cause', '--json', volume.directory))[0];
  expect(causes.data).toBe(0);
  expect(causes.snapshots).toBeGreaterThanOrEqual(8 << 20);
  expect(causes.relocations).toMatchObject({
    entries: expect.any(Number),
    resettled: { entries: 0, bytes: 0, nodes: 0 },
  });
  const { capacity, data, metadata, snapshots, promised, copies, free } = causes;
  expect(data + metadata + snapshots + promised + copies + free).toBe(capacity);
  const used = (): number =>
    Number(
      execFileSync('stat', ['-f', '-c', '%b-%f', volume.directory])
        .toString()
        .split('-')
        .reduce((a, b) => String(Number(a) - Number(b))),
    );
  const before = used();
  expect(await fs.readdir(volume.path('.snapshots'))).toEqual(['first']);
  await volume.expect('varve', 'snapshot', 'rename', volume.directory, 'first', 'renamed');
  expect(await fs.readdir(volume.path('.snapshots'))).toEqual(['renamed']);
  await volume.expect('varve', 'snapshot', 'delete', '--wait', volume.directory, 'renamed');
  expect(before - used()).toBeGreaterThan((8 << 20) / 4096);
  expect(await listed()).toEqual([]);
  await volume.unmount();

  await volume.expect('varve', 'snapshot', 'create', volume.image, 'offline');
  expect(await volume.expect('varve', 'snapshot', 'list', volume.image)).toMatch(/^name +created .*\noffline +20/);
  await expect(volume.expect('varve', 'snapshot', 'create', volume.image, 'offline')).rejects.toThrow(
    /there is a snapshot offline already/,
  );
  await volume.expect('varve', 'snapshot', 'delete', volume.image, 'offline');
  await volume.expect('fsck.varve', '-f', volume.image);
});

it('a branch is mounted read-write, a snapshot read-only, and a rollback brings a snapshot back', async () => {
  const command = (...args: string[]): Promise<string> => volume.expect('varve', 'snapshot', ...args);
  await volume.mount();
  await fs.writeFile(volume.path('file'), 'first');
  await fs.mkdir(volume.path('.snapshots/one'));
  await fs.writeFile(volume.path('file'), 'second');
  await command('clone', volume.directory, 'one', 'trial');
  await volume.unmount();

  await expect(volume.mount('branch=none')).rejects.toThrow(/there is no branch 'none'/);
  await volume.mount('branch=trial');
  expect(await read('file')).toBe('first');
  await fs.writeFile(volume.path('file'), 'trial');
  await volume.unmount();
  await volume.mount('snapshot=one');
  expect(await read('file')).toBe('first');
  await expect(fs.writeFile(volume.path('file'), 'x')).rejects.toMatchObject({ code: 'EROFS' });
  await volume.unmount();
  await volume.mount('ro,branch=trial');
  expect(await read('file')).toBe('trial');
  await volume.unmount();
  await volume.mount();
  expect(await read('file')).toBe('second');
  await volume.unmount();

  await command('rollback', volume.image, 'one', '--keep', 'two');
  await command('delete-branch', volume.image, 'trial');
  await volume.mount();
  expect(await read('file')).toBe('first');
  expect(await read('.snapshots/two/file')).toBe('second');

  const handle = await fs.open(volume.path('file'));
  await expect(command('rollback', volume.directory, 'two')).rejects.toThrow(/is in use/);
  await expect(command('rollback', volume.directory, 'none')).rejects.toThrow(/there is no snapshot none/);
  await command('rollback', volume.directory, 'two', '--force', '--discard');
  expect(await read('file')).toBe('second');
  await handle.close();
  await volume.unmount();
  await volume.expect('fsck.varve', '-f', '--data', volume.image);
});

it('snapshots are mounted at places of their own beside the live volume, by its server', async () => {
  const place = (name: string): string => join(volume.folder, name);
  for (const name of ['one', 'two']) mkdirSync(place(name));
  const view = (name: string, options: string): Promise<string> =>
    volume.expect('mount.varve', volume.image, place(name), '-o', options);
  await volume.mount();
  await fs.mkdir(volume.path('d'));
  await fs.writeFile(volume.path('d/file'), 'first');
  await fs.mkdir(volume.path('.snapshots/first'));
  await fs.writeFile(volume.path('d/file'), 'second');
  await fs.mkdir(volume.path('.snapshots/second'));

  await view('one', 'snapshot=first');
  await view('two', 'snapshot=second,nosuid');
  await expect(view('one', 'snapshot=none')).rejects.toThrow(/there is no snapshot 'none'/);
  await expect(volume.expect('mount.varve', volume.image, volume.path('d'), '-o', 'snapshot=first')).rejects.toThrow(
    /lies on a mount of the same volume/,
  );
  await expect(view('one', 'ro')).rejects.toThrow(/is mounted on/);
  await fs.writeFile(volume.path('d/file'), 'third');
  const seen = (): Promise<string[]> =>
    Promise.all([place('one'), place('two')].map((at) => fs.readFile(join(at, 'd/file'), 'utf8')));
  expect(await seen()).toEqual(['first', 'second']);
  await expect(fs.writeFile(join(place('one'), 'd/file'), 'x')).rejects.toMatchObject({ code: 'EROFS' });
  const { pid } = await volume.facts();
  const facts = JSON.parse(await volume.expect('varve', 'info', '--json', place('two')));
  expect(facts.server).toMatchObject({ pid, target: place('two') });

  await volume.unmount();
  expect(await seen()).toEqual(['first', 'second']);
  await expect(volume.mount()).rejects.toThrow(/is mounted on/);
  await volume.expect('varve', 'umount', place('one'));
  await volume.expect('varve', 'umount', place('two'));
  await volume.expect('fsck.varve', '-f', volume.image);
});

it('who unmounts the last of them has the image, as if it had been the live one', async () => {
  const place = join(volume.folder, 'last');
  mkdirSync(place);
  // Closing takes four trips of so many ms and more.
  await volume.mount('store=distant,delay=40');
  await fs.mkdir(volume.path('.snapshots/one'));
  await volume.expect('mount.varve', volume.image, place, '-o', 'snapshot=one');
  await volume.unmount();
  await volume.expect('varve', 'umount', place);
  const store = await openStore(volume.image);
  await store.close();
});

it('what a commit left can be mounted and kept, while the history lasts', async () => {
  const command = (...args: string[]): Promise<string> => volume.expect('varve', 'snapshot', ...args);
  await expect(volume.mount('at=yesterday')).rejects.toThrow(/'yesterday' is no time/);
  await volume.mount('history=1h');
  for (const text of ['first', 'second']) {
    await fs.writeFile(volume.path('file'), text);
    await volume.expect('varve', 'sync', volume.directory);
    await new Promise((resolve) => setTimeout(resolve, 1100));
  }
  const list = JSON.parse(await command('list', '--history', '--json', volume.directory)) as { created: string }[];
  expect(list.length).toBeGreaterThanOrEqual(2);
  expect(await command('list', '--history', volume.directory)).toMatch(/^created +files +referenced +unique\n20/);
  const first = `@${Date.parse(list.at(-1)!.created) / 1000 - 1}`;
  await expect(command('create', '--at', '3 hours ago', volume.directory, 'x')).rejects.toThrow(
    /the history begins at/,
  );
  expect(await command('create', '--at', first, volume.directory, 'one')).toMatch(/^one is the volume as of 20/);
  expect(await read('.snapshots/one/file')).toBe('first');
  expect(await volume.expect('varve', 'df', '--by-cause', volume.directory)).toMatch(/history only: +\d/);
  await volume.unmount();
  const ofImage = await volume.expect('varve', 'df', '--by-cause', volume.image);
  expect(ofImage).toMatch(/history only: +\d/);
  expect(ofImage).toMatch(/relocation map: +\d+ entr/);
  for (const [at, text] of [
    [first, 'first'],
    ['0s ago', 'second'],
  ]) {
    await volume.mount(`at=${at}`);
    expect(await read('file')).toBe(text);
    await expect(fs.writeFile(volume.path('file'), 'x')).rejects.toMatchObject({ code: 'EROFS' });
    await volume.unmount();
  }
  await expect(volume.mount('at=2001-01-01')).rejects.toThrow(/the history begins at/);
  await volume.expect('fsck.varve', '-f', volume.image);
});

it('prune deletes what no rule keeps', async () => {
  for (const name of ['a1', 'a2', 'other']) await volume.expect('varve', 'snapshot', 'create', volume.image, name);
  const prune = (...args: string[]): Promise<string> =>
    volume.expect('varve', 'snapshot', 'prune', volume.image, ...args);
  await expect(prune()).rejects.toThrow(/without a rule/);
  expect(await prune('--keep-last', '1', '--prefix', 'a', '--dry-run')).toMatch(/would delete +a1 .*\nkeep +a2 .*last/);
  await prune('--keep-last', '1', '--prefix', 'a');
  const left = JSON.parse(await volume.expect('varve', 'snapshot', 'list', '--json', volume.image));
  expect(left.map(({ name }: { name: string }) => name)).toEqual(['a2', 'other']);
});

it('the example of a backup copies a snapshot, thins them, and fails where it can not copy', async (context) => {
  if (spawnSync('rsync', ['--version']).error !== undefined) context.skip('rsync is not installed');
  const project = fileURLToPath(new URL('../../', import.meta.url));
  const copy = join(volume.folder, 'copy');
  mkdirSync(copy);
  const backup = (to: string): number | null =>
    spawnSync(join(project, 'examples/varve-backup'), [volume.directory, to], {
      env: {
        ...process.env,
        PATH: `${join(project, 'bin')}:${process.env.PATH}`,
        LOCK: join(volume.folder, 'lock'),
        KEEP: '',
      },
    }).status;
  await volume.mount();
  await fs.writeFile(volume.path('file'), 'first');
  expect(backup(copy)).toBe(0);
  await fs.writeFile(volume.path('file'), 'second');
  expect(backup(join(volume.folder, 'no/such/place'))).toBe(1);
  expect(await fs.readFile(join(copy, 'file'), 'utf8')).toBe('first');
  await new Promise((resolve) => setTimeout(resolve, 1000));
  expect(backup(copy)).toBe(0);
  expect(await fs.readFile(join(copy, 'file'), 'utf8')).toBe('second');
  expect(await fs.readdir(volume.path('.snapshots'))).toHaveLength(1);
});
