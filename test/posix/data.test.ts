/** File data: what was written is read, from memory, from an inline item and from extents; the rest is zeros. */
import { beforeEach, describe, expect, it } from 'vitest';
import { seek } from '../../fs/posix/api.js';
import { below, seededRandom } from '../../fs/store/random.js';
import { maxFileSize } from '../../fs/units.js';
import { bytes, moods, root, user, Workbench } from './workbench.js';

const page = 4096;
const zeros = (count: number): string => '\0'.repeat(count);

describe.each(moods)('on %s', (_, mood) => {
  let bench: Workbench;
  beforeEach(async () => {
    bench = await Workbench.open(mood);
  });
  const clean = async (): Promise<void> => expect(await bench.settle()).toEqual([]);
  const kinds = (inode: number): number[] =>
    bench.volume.items.filter((item) => item.inode === inode).map((item) => item.kind);

  it('keeps small files inline, and moves them out when they grow', async () => {
    const inode = await bench.file('f', 'hello');
    await bench.flush(inode);
    expect(kinds(inode)).toEqual([1, 2]);
    expect(await bench.read(inode)).toBe('hello');
    await bench.write(inode, 5, ' world');
    await bench.flush(inode);
    expect(kinds(inode)).toEqual([1, 2]);
    await bench.write(inode, 3000, 'far');
    expect(await bench.read(inode, 0, 11)).toBe('hello world');
    await bench.flush(inode);
    expect(kinds(inode)).toEqual([1, 6]);
    await bench.remount();
    expect(await bench.read(inode)).toBe(`hello world${zeros(2989)}far`);
    await bench.truncate(inode, 0);
    await bench.write(inode, 0, 'small again');
    await bench.flush(inode);
    expect(kinds(inode)).toEqual([1, 2]);
    await clean();
  });

  it('takes the inline page along when another page is written first', async () => {
    const inode = await bench.file('f', 'hello');
    await bench.flush(inode);
    await bench.remount();
    await bench.write(inode, 5 * page, 'x');
    await bench.flush(inode);
    await bench.remount();
    expect(await bench.read(inode)).toBe(`hello${zeros(5 * page - 5)}x`);
    await clean();
  });

  it('shrinks and grows an inline file', async () => {
    const inode = await bench.file('f', 'hello world');
    await bench.flush(inode);
    await bench.truncate(inode, 5);
    await bench.truncate(inode, 8);
    expect(await bench.read(inode)).toBe(`hello${zeros(3)}`);
    await bench.flush(inode);
    await bench.truncate(inode, 10_000);
    await bench.flush(inode);
    await bench.remount();
    expect(await bench.read(inode)).toBe(`hello${zeros(9995)}`);
    await clean();
  });

  it.each([
    ['grown by truncate', (inode: number) => bench.truncate(inode, 3 * page)],
    ['grown by a write further on', (inode: number) => bench.write(inode, 2 * page, 'end')],
    ['grown by a write on its last page', (inode: number) => bench.write(inode, 2000, 'end')],
    ['grown by fallocate', (inode: number) => bench.do((fs) => fs.fallocate(inode, 0, 0, 3 * page))],
  ])('never shows stale bytes behind an old end: %s', async (_how, grow) => {
    const inode = await bench.file('f', 'A'.repeat(2 * page));
    await bench.flush(inode);
    await bench.truncate(inode, 1000);
    await bench.flush(inode);
    await bench.remount();
    await grow(inode);
    const expected = (await bench.read(inode)).replaceAll('end', zeros(3));
    expect(expected.slice(0, 1000)).toBe('A'.repeat(1000));
    expect(expected.slice(1000)).toBe(zeros(expected.length - 1000));
    await bench.flush(inode);
    await bench.remount();
    expect((await bench.read(inode)).replaceAll('end', zeros(3))).toBe(expected);
    await clean();
  });

  it('reads across memory, extents, holes and the end, at any offset', async () => {
    const random = seededRandom(8);
    const inode = await bench.file('f');
    const twin = new Uint8Array(80 * page);
    let size = 0;
    for (let i = 0; i < 120; i++) {
      const at = below(random, 70 * page);
      const data = new Uint8Array(1 + below(random, 3 * page)).fill(1 + below(random, 255));
      if (i % 3 === 0) data.fill(7);
      await bench.write(inode, at, data);
      twin.set(data, at);
      size = Math.max(size, at + data.length);
      if (i % 10 === 9) await bench.flush(inode);
      if (i % 40 === 39) await bench.remount();
      const from = below(random, size);
      const length = 1 + below(random, 20 * page);
      const into = new Uint8Array(length);
      const count = await bench.do((fs) => fs.read(inode, from, into));
      expect(count).toBe(Math.min(length, size - from));
      expect(Buffer.compare(into.subarray(0, count), twin.subarray(from, from + count))).toBe(0);
    }
    expect(await bench.do((fs) => fs.read(inode, size, new Uint8Array(10)))).toBe(0);
    await clean();
  });

  it('splits an extent that is overwritten in part, and releases just those pages', async () => {
    const inode = await bench.file('f');
    await bench.write(inode, 0, 'a'.repeat(32 * page));
    await bench.flush(inode);
    expect(bench.volume.live).toBe(32);
    await bench.fs.sync();
    for (const at of [3, 7, 8, 31]) await bench.write(inode, at * page, 'b'.repeat(page));
    await bench.flush(inode);
    expect(bench.volume.live).toBe(32);
    await bench.remount();
    const all = await bench.read(inode);
    for (let i = 0; i < 32; i++) expect(all[i * page]).toBe([3, 7, 8, 31].includes(i) ? 'b' : 'a');
    await clean();
  });

  it('flushes many scattered pages in batches that keep their bounds', async () => {
    const inode = await bench.file('f');
    await bench.write(inode, 0, 'a'.repeat(700 * page));
    await bench.flush(inode);
    for (let at = 0; at < 700; at += 2) await bench.write(inode, at * page, 'b'.repeat(page));
    await bench.flush(inode);
    await bench.truncate(inode, 0);
    await bench.truncate(inode, 2 ** 40);
    for (let at = 0; at < 400; at++) await bench.write(inode, at * 1000 * page, 'c');
    await clean();
    await bench.remount();
    for (let at = 0; at < 400; at += 57) expect(await bench.read(inode, at * 1000 * page, 2)).toBe('c\0');
  });

  it('finds data and holes', async () => {
    const inode = await bench.file('f');
    await bench.write(inode, 4 * page, 'x'.repeat(2 * page));
    const look = (offset: number, whence: number) => bench.do((fs) => fs.seek(inode, offset, whence));
    for (const flushed of [false, true]) {
      if (flushed) await bench.flush(inode);
      expect(await look(0, seek.data)).toBe(4 * page);
      expect(await look(5 * page + 1, seek.data)).toBe(5 * page + 1);
      expect(await look(0, seek.hole)).toBe(0);
      expect(await look(4 * page, seek.hole)).toBe(6 * page);
      expect(await bench.failure((fs) => fs.seek(inode, 6 * page, seek.data))).toBe('ENXIO');
    }
    await bench.write(inode, 9 * page, 'y');
    expect(await look(6 * page, seek.data)).toBe(9 * page);
    expect(await look(9 * page, seek.hole)).toBe(9 * page + 1);
    await bench.truncate(inode, 20 * page);
    expect(await bench.failure((fs) => fs.seek(inode, 10 * page, seek.data))).toBe('ENXIO');
    const small = await bench.file('small', 'abc');
    expect(await bench.do((fs) => fs.seek(small, 1, seek.data))).toBe(1);
    expect(await bench.do((fs) => fs.seek(small, 1, seek.hole))).toBe(3);
  });

  it('copies a range and keeps its holes', async () => {
    const from = await bench.file('from');
    await bench.write(from, 0, 'a'.repeat(page));
    await bench.write(from, 600 * page, 'b'.repeat(page + 10));
    const to = await bench.file('to', 'z'.repeat(5 * page));
    const copied = await bench.fs.copyRange(from, 100, to, 50, 2 ** 30, root);
    expect(copied).toBe(601 * page + 10 - 100);
    const all = await bench.read(to);
    expect(all.length).toBe(copied + 50);
    expect(all.slice(0, 50)).toBe('z'.repeat(50));
    expect(all.slice(50, 50 + page - 100)).toBe('a'.repeat(page - 100));
    expect(all.slice(50 + page - 100, 50 + 600 * page - 100)).toBe(zeros(599 * page));
    expect(all.slice(50 + 600 * page - 100)).toBe('b'.repeat(page + 10));
    await bench.flush(to);
    expect((await bench.stat(to)).blocks).toBeLessThan(10 * 8);
    await clean();
  });

  it('refuses what is too large or no file', async () => {
    const inode = await bench.file('f');
    expect(await bench.failure((fs) => fs.write(inode, maxFileSize, bytes('x'), root))).toBe('EFBIG');
    expect(await bench.failure((fs) => fs.setattr(inode, { size: maxFileSize + 1 }, root))).toBe('EFBIG');
    await bench.write(inode, maxFileSize - 1, 'x');
    await bench.flush(inode);
    expect(await bench.read(inode, maxFileSize - 2, 10)).toBe('\0x');
    expect(await bench.failure((fs) => fs.write(1, 0, bytes('x'), root))).toBe('EISDIR');
    expect(await bench.failure((fs) => fs.read(1, 0, new Uint8Array(1)))).toBe('EISDIR');
    expect(await bench.failure((fs) => fs.setattr(1, { size: 0 }, root))).toBe('EISDIR');
    bench.volume.readOnly = true;
    expect(await bench.failure((fs) => fs.write(inode, 0, bytes('x'), root))).toBe('EROFS');
    expect(await bench.failure((fs) => fs.unlink(1, bytes('f'), root))).toBe('EROFS');
    bench.volume.readOnly = false;
    await clean();
  });

  it('clears setuid and setgid when one without privileges writes', async () => {
    const inode = await bench.file('f');
    await bench.do((fs) => fs.setattr(inode, { mode: 0o6755 }, root));
    await bench.do((fs) => fs.setxattr(inode, bytes('security.capability'), bytes('cap'), 0, root));
    await bench.do((fs) => fs.write(inode, 0, bytes('x'), user, true));
    expect((await bench.stat(inode)).mode).toBe(0o100755);
    expect(await bench.failure((fs) => fs.getxattr(inode, bytes('security.capability')))).toBe('ENODATA');
    await clean();
  });
});
