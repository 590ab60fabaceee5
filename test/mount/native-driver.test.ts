/** What the driver over fuse-native does in ways of its own: names that are bytes, who asks, files without a name. */
import { execFile } from 'node:child_process';
import * as fs from 'node:fs/promises';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { ToyMount } from '../support/mounts.js';

const execute = promisify(execFile);

describe.each([0, 0.3])('%s of the calls suspend', (restless) => {
  let mount: ToyMount;
  beforeAll(async () => {
    mount = await ToyMount.mount({ driver: 'native', restless });
  });
  const path = (...parts: string[]) => mount.path(...parts);

  it('passes names on as bytes', async () => {
    const name = Buffer.concat([Buffer.from(`${path()}/`), Buffer.from([0x66, 0xff, 0xfe, 0x80])]);
    await fs.writeFile(name, 'bytes');
    const names = await fs.readdir(path(), { encoding: 'buffer' });
    expect(names).toContainEqual(name.subarray(-4));
    expect(await fs.readFile(name, 'utf8')).toBe('bytes');
    await fs.unlink(name);
  });

  it('knows who asks, also when many ask at once', async () => {
    await fs.chmod(path(), 0o777);
    const users = Array.from({ length: 12 }, (_, i) => 2000 + i);
    await Promise.all(
      users.map((uid) =>
        execute('/bin/sh', ['-c', `cd ${path()} && mkdir d${uid} && echo x > d${uid}/f`], { uid, gid: uid + 500 }),
      ),
    );
    for (const uid of users) {
      for (const name of [`d${uid}`, `d${uid}/f`]) {
        const { uid: owner, gid } = await fs.stat(path(name));
        expect([name, owner, gid]).toEqual([name, uid, uid + 500]);
      }
    }
    const stranger = execute('/bin/sh', ['-c', `echo x > ${path('d2000', 'new')}`], { uid: 2001, gid: 2501 });
    await expect(stranger).rejects.toMatchObject({ code: 2 });
  });

  it('takes the name of an open file away without leaving another', async () => {
    await fs.mkdir(path('doomed'));
    const file = await fs.open(path('doomed', 'file'), 'w+');
    await file.write('text');
    await fs.unlink(path('doomed', 'file'));
    expect(await fs.readdir(path('doomed'))).toEqual([]);
    await expect(fs.stat(path('doomed', 'file'))).rejects.toMatchObject({ code: 'ENOENT' });
    expect(await file.stat()).toMatchObject({ nlink: 0, size: 4 });
    await file.write('more', 4);
    await file.truncate(6);
    expect(await file.readFile('utf8')).toBe('mo');
    await fs.writeFile(path('doomed', 'file'), 'another');
    expect((await file.read(Buffer.alloc(10), 0, 10, 0)).buffer.toString('utf8', 0, 6)).toBe('textmo');
    await fs.unlink(path('doomed', 'file'));
    // libfuse finds the file through its directory.
    await expect(fs.rmdir(path('doomed'))).rejects.toMatchObject({ code: 'ENOTEMPTY' });
    await file.close();
    await fs.rmdir(path('doomed'));
  });

  it('replaces an open file in one step', async () => {
    await fs.writeFile(path('target'), 'old');
    const file = await fs.open(path('target'));
    for (let i = 0; i < 20; i++) {
      await fs.writeFile(path('new'), `new ${i}`);
      const unlinks = (await mount.calls()).unlink ?? 0;
      await fs.rename(path('new'), path('target'));
      expect((await mount.calls()).unlink ?? 0).toBe(unlinks);
      expect(await fs.readFile(path('target'), 'utf8')).toBe(`new ${i}`);
    }
    expect(await file.readFile('utf8')).toBe('old');
    await file.close();
  });

  it('forgets it all, and ends', async () => {
    for (const name of await fs.readdir(path())) await fs.rm(path(name), { recursive: true });
    expect((await mount.nodes()).filter(({ inode }) => inode !== 1)).toEqual([]);
    expect(mount.log).toEqual([]);
    expect(await mount.unmount()).toBe(0);
    await mount.dispose();
  });
});
