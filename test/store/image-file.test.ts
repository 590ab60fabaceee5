import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openImageFile } from '../../fs/store/image-file.js';

const pageOf = (byte: number, length = 4096): Uint8Array => new Uint8Array(length).fill(byte);

let folder: string;
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'varve-store-'));
});
afterEach(() => fs.rmSync(folder, { recursive: true }));

const problem = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'opened',
    (error: { problem: string }) => error.problem,
  );

describe('an image in a file', () => {
  it('is created sparse, with the size asked for, and reads as zeros', async () => {
    const file = path.join(folder, 'a');
    const store = await openImageFile(file, { create: { size: 1 << 30 } });
    const into = pageOf(7);
    await store.read(512 * 2 ** 20, into);
    expect(into).toEqual(pageOf(0));
    expect(store.size).toBe(1 << 30);
    expect(fs.statSync(file).blocks).toBe(0);
    expect(fs.statSync(file).mode & 0o777).toBe(0o600);
    await store.close();
  });

  it.each([0, 1 << 20])('writes many buffers one after another (in place up to %i bytes)', async (inPlaceBytes) => {
    const store = await openImageFile(path.join(folder, 'a'), { create: { size: 16 << 20 }, inPlaceBytes });
    const buffers: Uint8Array[] = [];
    for (let i = 0; i < 1500; i++) buffers.push(pageOf(i % 251, 700));
    await store.write(4096, buffers);
    await store.barrier();
    const into = new Uint8Array(1500 * 700);
    await store.read(4096, into);
    expect(Buffer.from(into).equals(Buffer.concat(buffers))).toBe(true);
    await store.close();
  });

  it('is durable after a barrier that was issued while writes were under way', async () => {
    const file = path.join(folder, 'a');
    const store = await openImageFile(file, { create: { size: 16 << 20 }, inPlaceBytes: 0 });
    let written = 0;
    for (let i = 0; i < 20; i++) store.write(i * 65536, [pageOf(i, 65536)])?.then(() => written++);
    await store.barrier();
    expect(written).toBe(20);
    await store.close();
  });

  it('gives discarded space back, and a write over it afterwards stays', async () => {
    const file = path.join(folder, 'a');
    const store = await openImageFile(file, { create: { size: 16 << 20 } });
    await store.write(0, [pageOf(1, 8 << 20)]);
    await store.barrier();
    const before = fs.statSync(file).blocks;
    const discard = store.discard(0, 4 << 20);
    const write = store.write(4096, [pageOf(2)]);
    await Promise.all([discard, write]);
    await store.barrier();
    const into = pageOf(0);
    await store.read(4096, into);
    expect(into).toEqual(pageOf(2));
    expect(fs.statSync(file).blocks).toBeLessThan(before);
    await store.close();
  });

  it('reads what the host has in memory in place', async () => {
    const store = await openImageFile(path.join(folder, 'a'), { create: { size: 1 << 20 } });
    store.write(0, [pageOf(9)]);
    const into = pageOf(0);
    expect(store.read(0, into)).toBeUndefined();
    expect(into).toEqual(pageOf(9));
    await store.close();
  });

  it('answers EIO past its end', async () => {
    const store = await openImageFile(path.join(folder, 'a'), { create: { size: 8192 } });
    expect(() => store.write(8192, [pageOf(1)])).toThrow(/EIO/);
    await expect(Promise.resolve().then(() => store.read(4096, pageOf(0, 8192)))).rejects.toThrow(/EIO/);
    await store.close();
  });

  it('takes one writer or many readers', async () => {
    const file = path.join(folder, 'a');
    const writer = await openImageFile(file, { create: { size: 8192 } });
    expect(await problem(openImageFile(file))).toBe('in-use');
    expect(await problem(openImageFile(file, { readOnly: true }))).toBe('in-use');
    await writer.close();
    const readers = [await openImageFile(file, { readOnly: true }), await openImageFile(file, { readOnly: true })];
    expect(await problem(openImageFile(file))).toBe('in-use');
    expect(() => readers[0].write(0, [pageOf(0)])).toThrow(/EROFS/);
    for (const reader of readers) await reader.close();
  });

  it('waits for another process that has it', async () => {
    const file = path.join(folder, 'a');
    fs.writeFileSync(file, pageOf(0));
    const other = spawn('flock', [file, 'sh', '-c', 'echo held; sleep 0.3'], { stdio: ['ignore', 'pipe', 'ignore'] });
    await new Promise((resolve) => other.stdout.once('data', resolve));
    expect(await problem(openImageFile(file))).toBe('in-use');
    const store = await openImageFile(file, { waitMs: 5000 });
    await store.close();
  });

  it('is no pipe, whoever may write to it', async () => {
    const pipe = path.join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    await expect(openImageFile(pipe, { readOnly: true })).rejects.toMatchObject({ problem: 'usage' });
  });

  it('says why it can not be opened', async () => {
    expect(await problem(openImageFile(path.join(folder, 'none')))).toBe('not-found');
    expect(await problem(openImageFile(folder, { readOnly: true }))).toBe('usage');
    expect(await problem(openImageFile('/dev/null'))).toBe('usage');
  });
});

/** A loop device over a fresh file, or why there is none. */
function loopDevice(): { device: string } | { why: string } {
  const file = path.join(folder, 'disk');
  fs.writeFileSync(file, '');
  fs.truncateSync(file, 8 << 20);
  try {
    return { device: execFileSync('losetup', ['-f', '--show', file], { stdio: 'pipe' }).toString().trim() };
  } catch {
    return { why: 'needs a loop device (root)' };
  }
}

describe('an image on a block device', () => {
  it('has the size of the device, is taken once, and can be discarded', async ({ skip }) => {
    const found = loopDevice();
    if ('why' in found) return skip(found.why);
    try {
      const store = await openImageFile(found.device);
      expect(store.size).toBe(8 << 20);
      expect(await problem(openImageFile(found.device))).toBe('in-use');
      await store.write(8192, [pageOf(5)]);
      await store.barrier();
      const into = pageOf(0);
      await store.read(8192, into);
      expect(into).toEqual(pageOf(5));
      await store.discard(0, 1 << 20);
      await store.close();
      const reader = await openImageFile(found.device, { readOnly: true });
      expect(reader.size).toBe(8 << 20);
      await reader.close();
    } finally {
      execFileSync('losetup', ['-d', found.device]);
    }
  });
});
