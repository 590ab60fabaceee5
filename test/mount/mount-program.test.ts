/** mount.varve, umount and varve umount as people and mount(8) use them, on real volumes. */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import * as fs from 'node:fs/promises';
import { getPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ControlConnection } from '../../fs/cli/control-client.js';
import { mountAt, mounts } from '../../fs/fuse/mount-table.js';
import { unmountKernel } from '../../fs/fuse/unmount.js';
import { requireFuse } from '../support/mounts.js';

const bin = fileURLToPath(new URL('../../bin/', import.meta.url));

interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

const run = (program: string, ...args: string[]): Promise<Outcome> =>
  new Promise((resolve) => {
    execFile(program, args, { timeout: 60_000 }, (error, out, err) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? 137), out, err });
    });
  });
const varve = (program: string, ...args: string[]): Promise<Outcome> => run(join(bin, program), ...args);

/** Each test mounts with this driver. */
let driver: string;
const mount = (...args: string[]): Promise<Outcome> => varve('mount.varve', ...args, '-o', `driver=${driver}`);

let folder: string;
let image: string;
let directory: string;

beforeEach(async () => {
  requireFuse();
  if (!existsSync(join(bin, '../dist/programs/mount.varve.cjs'))) throw new Error('run `npm run build` first');
  folder = mkdtempSync(join(tmpdir(), 'varve-program-'));
  image = join(folder, 'volume.img');
  directory = join(folder, 'mount point');
  mkdirSync(directory);
  const made = await varve('mkfs.varve', '--size', '256M', image);
  if (made.code !== 0) throw new Error(made.err);
});

afterEach(async () => {
  for (const entry of mounts().filter((e) => e.target.startsWith(`${folder}/`))) {
    await varve('varve', 'umount', '--force', entry.target);
    if (mountAt(entry.target) !== undefined) await unmountKernel(entry.target, true);
  }
  rmSync(folder, { recursive: true, force: true });
});

const controlOf = async (target: string): Promise<ControlConnection> => {
  const connection = await ControlConnection.open(mountAt(target)?.device ?? '');
  if (connection === undefined) throw new Error(`no server answers for ${target}`);
  return connection;
};

const serverOf = async (target: string): Promise<number> => {
  const connection = await controlOf(target);
  const { pid } = (await connection.ask('ping')) as { pid: number };
  connection.close();
  return pid;
};

const alive = (pid: number): boolean =>
  existsSync(`/proc/${pid}`) && !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));

describe.each(['kernel', 'native'])('mount.varve -o driver=%s', (name) => {
  beforeEach(() => {
    driver = name;
  });

  it('leaves no mount behind when it fails after the kernel has mounted', async () => {
    const failed = await mount(image, directory, '-o', `logfile=${folder}`);
    expect(failed).toMatchObject({ code: 32, err: `mount.varve: can't log to ${folder}: EISDIR\n` });
    expect(mountAt(directory)).toBeUndefined();
    expect(await varve('fsck.varve', '-n', image)).toMatchObject({ code: 0, out: expect.stringContaining('clean') });
  });

  it('returns when the volume can be used, and keeps what is written until the next mount', async () => {
    expect(await mount(image, directory)).toEqual({ code: 0, out: '', err: '' });
    await fs.writeFile(join(directory, 'file'), 'text');
    expect(await varve('varve', 'umount', directory)).toEqual({ code: 0, out: '', err: '' });
    expect((await varve('fsck.varve', '-n', '-f', image)).code).toBe(0);
    expect((await mount(image, directory)).code).toBe(0);
    expect(await fs.readFile(join(directory, 'file'), 'utf8')).toBe('text');
  });

  it('mounts again at once after umount(8), waiting for the last server', async () => {
    for (let i = 0; i < 3; i++) {
      expect((await mount(image, directory)).code).toBe(0);
      await fs.writeFile(join(directory, `file${i}`), Buffer.alloc(3_000_000, i));
      expect((await run('umount', directory)).code).toBe(0);
    }
    expect((await mount(image, directory, '-o', 'ro')).code).toBe(0);
    expect((await fs.readdir(directory)).sort()).toEqual(['file0', 'file1', 'file2']);
    await expect(fs.writeFile(join(directory, 'new'), '')).rejects.toMatchObject({ code: 'EROFS' });
  });

  it('says what is wrong and ends with the exit code of mount(8)', async () => {
    const file = join(folder, 'text');
    await fs.writeFile(file, 'no volume\n'.repeat(10_000));
    const cases: [string[], number, RegExp][] = [
      [[image], 1, /an image and a directory/],
      [[image, directory, '-o', 'nonsense'], 1, /nonsense/],
      [[image, join(folder, 'absent')], 32, /absent does not exist/],
      [[image, file], 1, /not a directory/],
      [[file, directory], 32, /not a Varve/i],
      [[join(folder, 'no.img'), directory], 32, /does not exist/],
    ];
    for (const [args, code, says] of cases) {
      const outcome = await mount(...args);
      expect([args, outcome.code]).toEqual([args, code]);
      expect(outcome.err).toMatch(says);
      expect(outcome.err.trim().split('\n')).toHaveLength(1);
    }
    expect((await mount(image, directory)).code).toBe(0);
    const second = await mount(image, folder);
    expect([second.code, second.err]).toEqual([32, expect.stringContaining(`is mounted on ${directory}`)]);
  });

  it('gives the pipe of its messages back as it was when it fails', async () => {
    const file = join(folder, 'text');
    await fs.writeFile(file, 'no volume\n'.repeat(10_000));
    // Whoever writes to it next does not expect to be told to try again (O_NONBLOCK).
    const script = '("$0" "$1" "$2" -o "$3"; cat /proc/self/fdinfo/1) 2>&1 | cat';
    const { out } = await run('sh', '-c', script, join(bin, 'mount.varve'), file, directory, `driver=${driver}`);
    expect(out).toMatch(/not a Varve/i);
    const flags = Number.parseInt(/^flags:\s*(\d+)$/m.exec(out)?.[1] ?? '', 8);
    expect(flags & fs.constants.O_NONBLOCK).toBe(0);
  });

  it('lets the threads that compile give way to those that serve', async () => {
    await mount(image, directory);
    const server = await serverOf(directory);
    const others = readdirSync(`/proc/${server}/task`).filter((thread) => Number(thread) !== server);
    const named = (thread: string): string => readFileSync(`/proc/${server}/task/${thread}/comm`, 'utf8').trim();
    // Threads have the name of the program as it was when they began.
    const found = new Set(others.map((thread) => `${named(thread) === 'node'} ${getPriority(Number(thread))}`));
    expect(getPriority(server)).toBe(getPriority());
    // There may be none of its own yet that serves besides the first one.
    found.add(`false ${getPriority()}`);
    expect(found).toEqual(new Set([`true ${Math.max(10, getPriority())}`, `false ${getPriority()}`]));
  });

  it('has all threads in the scheduling class in which it was started', async () => {
    const idle = 5;
    const options = ['-o', `driver=${driver}`];
    expect((await run('chrt', '-i', '0', join(bin, 'mount.varve'), image, directory, ...options)).code).toBe(0);
    const threads = `/proc/${await serverOf(directory)}/task`;
    // What follows the name, which may have blanks, begins with field 3; 41 is the class.
    const fields = readdirSync(threads).map((one) =>
      readFileSync(`${threads}/${one}/stat`, 'utf8').split(') ')[1].split(' '),
    );
    expect(new Set(fields.map((field) => Number(field[41 - 3])))).toEqual(new Set([idle]));
  });

  it('takes SIGTERM as a wish to unmount, leaving the image clean', async () => {
    await mount(image, directory);
    await fs.writeFile(join(directory, 'file'), 'text');
    const pid = await serverOf(directory);
    process.kill(pid, 'SIGTERM');
    while (alive(pid)) await sleep(10);
    expect(mountAt(directory)).toBeUndefined();
    expect((await varve('varve', 'info', '--json', image)).out).toContain('"clean": true');
  });

  it.each(['--foreground', '-f'])('serves in the foreground with %s', async (flag) => {
    const served = mount(flag, image, directory);
    while (mountAt(directory) === undefined) await sleep(20);
    await fs.writeFile(join(directory, 'file'), 'text');
    expect((await varve('varve', 'umount', directory)).code).toBe(0);
    expect((await served).code).toBe(0);
  });

  it('remounts', async () => {
    await mount(image, directory);
    expect((await mount(image, directory, '-o', 'remount,ro')).code).toBe(0);
    await expect(fs.writeFile(join(directory, 'new'), '')).rejects.toMatchObject({ code: 'EROFS' });
    expect((await mount(image, directory, '-o', 'remount,rw')).code).toBe(0);
    await fs.writeFile(join(directory, 'new'), '');
  });
});

describe.each(['kernel', 'native'])('varve umount and varve sync, driver=%s', (name) => {
  beforeEach(() => {
    driver = name;
  });

  it('refuses what is in use, and what is no mount', async () => {
    await mount(image, directory);
    const file = await fs.open(join(directory, 'file'), 'w');
    const busy = await varve('varve', 'umount', directory);
    expect([busy.code, busy.err]).toEqual([14, expect.stringContaining('in use')]);
    await file.close();
    expect((await varve('varve', 'umount', directory)).code).toBe(0);
    expect((await varve('varve', 'umount', directory)).code).toBe(2);
  });

  it('with --force ends a mount that is in use, keeping what was written', async () => {
    await mount(image, directory);
    const file = await fs.open(join(directory, 'file'), 'w');
    await file.write('text');
    expect((await varve('varve', 'umount', '--force', directory)).code).toBe(0);
    await expect(file.write('more').then(() => file.sync())).rejects.toThrow(/ENOTCONN|ECONNABORTED|EIO/);
    await file.close().catch(() => undefined);
    expect((await mount(image, directory)).code).toBe(0);
    expect(await fs.readFile(join(directory, 'file'), 'utf8')).toBe('text');
  });

  it('clears away what a dead server left, after which the image mounts', async () => {
    await mount(image, directory);
    await fs.writeFile(join(directory, 'file'), 'text');
    expect((await varve('varve', 'sync', directory)).code).toBe(0);
    const pid = await serverOf(directory);
    process.kill(pid, 'SIGKILL');
    while (alive(pid)) await sleep(10);
    // The second for who asks just when the kernel clears up.
    await expect(fs.stat(join(directory, 'file'))).rejects.toThrow(/ENOTCONN|ECONNABORTED/);
    expect((await mount(image, directory)).err).toContain('umount --force');
    expect((await varve('varve', 'umount', directory)).code).toBe(19);
    expect((await varve('varve', 'umount', '--force', directory)).code).toBe(0);
    expect((await mount(image, directory)).code).toBe(0);
    expect(await fs.readFile(join(directory, 'file'), 'utf8')).toBe('text');
  });

  it('the server answers questions on its socket', async () => {
    await mount(image, directory);
    await fs.writeFile(join(directory, 'file'), 'text');
    const { device } = mountAt(directory) ?? { device: '' };
    const connection = await controlOf(directory);
    const info = (await connection.ask('info')) as Record<string, unknown>;
    expect(info).toMatchObject({ image, target: directory, device, readOnly: false });
    expect((info.driver as Record<string, number>).requests).toBeGreaterThan(0);
    const top = await varve('varve', 'top', '--json', '--count', '1', '--interval', '0.1', directory);
    expect([top.code, JSON.parse(top.out)]).toMatchObject([0, { mount: directory, image }]);
    await expect(connection.ask('nonsense')).rejects.toThrow(/knows no command 'nonsense'/);
    connection.close();
  });
});
