/** A full volume, memory that is full, and pages that are not what they were. */
import { describe, expect, it } from 'vitest';
import type { CorruptionError } from '../../fs/errors.js';
import { fallocateFlag } from '../../fs/posix/api.js';
import type { FileSystem } from '../../fs/posix/filesystem.js';
import { bytes, moods, root, user, Workbench } from './workbench.js';

const page = 4096;
const { keepSize, punchHole, zeroRange } = fallocateFlag;

describe.each(moods)('on %s', (_, mood) => {
  it('answers ENOSPC, and still overwrites, truncates and removes', async () => {
    const bench = await Workbench.open({ ...mood, capacity: 200 });
    const inode = await bench.file('f');
    let written = 0;
    while (
      (await bench.failure((fs) => fs.write(inode, written, new Uint8Array(10 * page).fill(1), root))) === 'none'
    ) {
      written += 10 * page;
    }
    expect(written).toBe(200 * page);
    await bench.flush(inode);
    for (let at = 0; at < 200; at += 20) await bench.write(inode, at * page, new Uint8Array(20 * page).fill(2));
    await bench.flush(inode);
    expect(await bench.failure((fs) => fs.write(inode, written, bytes('x'), root))).toBe('ENOSPC');
    await bench.truncate(inode, 190 * page);
    await bench.write(inode, 190 * page, new Uint8Array(10 * page).fill(3));
    await bench.do((fs) => fs.unlink(1, bytes('f'), root));
    expect(await bench.settle()).toEqual([]);
    expect(bench.volume.statistics().available).toBe(200);
  });

  it('finds room that a flush and a commit make', async () => {
    const bench = await Workbench.open({ ...mood, capacity: 100 });
    const inode = await bench.file('f', 'a'.repeat(50 * page));
    await bench.flush(inode);
    await bench.write(inode, 0, 'b'.repeat(50 * page));
    // Fifty pages are reserved for as many that will be released.
    const other = await bench.file('g', 'c'.repeat(40 * page));
    expect(await bench.settle()).toEqual([]);
    expect((await bench.read(inode)).slice(-3)).toBe('bbb');
    expect((await bench.read(other)).length).toBe(40 * page);
  });

  it('looks for room a few times for who needs more with each start, and then says that there is none', async () => {
    const bench = await Workbench.open({ ...mood, capacity: 100, compression: 'lz4' });
    const inode = await bench.file('f', 'a'.repeat(61 * page + 100));
    const other = await bench.file('g', 'b'.repeat(page));
    await bench.flush(inode);
    await bench.flush(other);
    await bench.do((fs) => fs.fallocate(inode, keepSize, 64 * page, (bench.volume.statistics().available - 10) * page));
    // The second step needs the whole unit at the end in memory, thirty pages.
    const steps = (fs: FileSystem) => {
      if (bench.volume.commits > 100) throw new Error('it begins again and again');
      fs.write(other, 0, bytes('c'), root);
      return fs.setattr(inode, { size: 70 * page }, root);
    };
    expect(await bench.failure(steps)).toBe('ENOSPC');
    expect(bench.volume.commits).toBeGreaterThan(1);
    expect(await bench.settle()).toEqual([]);
  });

  it('writes more than memory holds', async () => {
    const bench = await Workbench.open(mood);
    const inode = await bench.file('f');
    const piece = new Uint8Array(1 << 20);
    const other = await bench.file('g');
    for (let i = 0; i < 12; i++) {
      await Promise.all([
        bench.write(inode, i << 20, piece.fill(i + 1)),
        bench.write(other, i * 3 * page + 17, 'x'.repeat(page)),
      ]);
    }
    for (let i = 0; i < 12; i++)
      expect(await bench.read(inode, (i + 1) * 2 ** 20 - 1, 1)).toBe(String.fromCharCode(i + 1));
    expect(await bench.settle()).toEqual([]);
    expect(bench.volume.reserved).toBe(0);
  });

  it('keeps space for a range, and uses it when that is written', async () => {
    const bench = await Workbench.open({ ...mood, capacity: 100 });
    const inode = await bench.file('f', 'a'.repeat(page + 1));
    await bench.do((fs) => fs.fallocate(inode, keepSize, 0, 60 * page));
    expect(await bench.stat(inode)).toMatchObject({ size: page + 1, blocks: 60 * 8 });
    expect(bench.volume.promised).toBe(58);
    await bench.do((fs) => fs.fallocate(inode, 0, 0, 60 * page));
    expect((await bench.stat(inode)).size).toBe(60 * page);
    expect(await bench.failure((fs) => fs.fallocate(inode, 0, 0, 101 * page))).toBe('ENOSPC');
    const other = await bench.file('g', 'b'.repeat(40 * page));
    await bench.flush(other);
    expect(await bench.failure((fs) => fs.write(other, 40 * page, bytes('x'), root))).toBe('ENOSPC');
    await bench.write(inode, 0, 'c'.repeat(60 * page));
    await bench.flush(inode);
    expect(bench.volume.promised).toBe(0);
    expect(await bench.settle()).toEqual([]);
  });

  it('reserves and gives back ranges of many pages', async () => {
    const bench = await Workbench.open(mood);
    const inode = await bench.file('f', 'start');
    await bench.do((fs) => fs.fallocate(inode, 0, 0, 200_000 * page));
    expect(bench.volume.promised).toBe(199_999);
    expect(await bench.read(inode, 0, 8)).toBe('start\0\0\0');
    await bench.write(inode, 100_000 * page, 'middle');
    await bench.flush(inode);
    await bench.do((fs) => fs.fallocate(inode, punchHole | keepSize, 50_000 * page, 100_000 * page));
    expect(await bench.read(inode, 100_000 * page, 6)).toBe('\0'.repeat(6));
    expect(bench.volume.promised).toBe(99_999);
    await bench.truncate(inode, 3);
    expect(await bench.settle()).toEqual([]);
    expect(bench.volume.promised).toBe(0);
    expect(await bench.read(inode)).toBe('sta');
  });

  it.each([
    ['punched', punchHole | keepSize],
    ['zeroed', zeroRange],
    ['zeroed without growing', zeroRange | keepSize],
  ])('a range that is %s reads as zeros, to the byte', async (_how, mode) => {
    const bench = await Workbench.open(mood);
    const ranges = [
      [100, 50],
      [100, page],
      [page, page],
      [0, 5 * page],
      [page - 1, 3 * page + 2],
      [9 * page, 5 * page],
    ] as const;
    for (const [i, [offset, length]] of ranges.entries()) {
      for (const flushed of [false, true]) {
        const inode = await bench.file(`f${i}${flushed}`, 'a'.repeat(10 * page));
        if (flushed) await bench.flush(inode);
        await bench.do((fs) => fs.fallocate(inode, mode, offset, length));
        const size = mode === zeroRange ? Math.max(10 * page, offset + length) : 10 * page;
        const expected = Buffer.alloc(size, 0)
          .fill('a', 0, 10 * page)
          .fill(0, offset, Math.min(size, offset + length));
        expect(Buffer.from(await bench.read(inode), 'latin1').equals(expected)).toBe(true);
        await bench.flush(inode);
        await bench.remount();
        expect(Buffer.from(await bench.read(inode), 'latin1').equals(expected)).toBe(true);
      }
    }
    const small = await bench.file('small', 'hello world');
    await bench.do((fs) => fs.fallocate(small, mode, 2, 3));
    expect(await bench.read(small)).toBe('he\0\0\0 world');
    for (const bad of [8, 32, punchHole, punchHole | zeroRange]) {
      expect(await bench.failure((fs) => fs.fallocate(small, bad, 0, 1))).toBe('EOPNOTSUPP');
    }
    expect(await bench.failure((fs) => fs.fallocate(small, 0, 0, 0))).toBe('EINVAL');
    expect(await bench.settle()).toEqual([]);
  });

  it('overwrites a file with setuid on a full volume, and takes that away', async () => {
    const bench = await Workbench.open({ ...mood, capacity: 20 });
    const inode = await bench.file('f', 'a'.repeat(20 * page));
    await bench.flush(inode);
    expect(bench.volume.statistics().available).toBe(0);
    await bench.do((fs) => fs.setattr(inode, { mode: 0o4755, mtime: 'now', uid: 7 }, root));
    await bench.do((fs) => fs.write(inode, 5, bytes('bcd'), user, true));
    expect((await bench.stat(inode)).mode & 0o7777).toBe(0o755);
    expect(await bench.read(inode, 4, 5)).toBe('abcda');
    expect(await bench.settle()).toEqual([]);
  });

  it.each([0, 50])('a file that can not grow on a full volume is told so (%i pages stay dirty)', async (dirty) => {
    const bench = await Workbench.open({ ...mood, capacity: 20 + dirty });
    // Pages of a file without a name are not flushed for others.
    const nameless = await bench.file('g', 'b'.repeat(dirty * page));
    await bench.do((fs) => fs.hold(nameless));
    await bench.do((fs) => fs.unlink(1, bytes('g'), root));
    const inode = await bench.file('f', 'a'.repeat(20 * page - 5));
    await bench.flush(inode);
    expect(await bench.failure((fs) => fs.setattr(inode, { size: 30 * page }, root))).toBe('ENOSPC');
    expect((await bench.stat(inode)).size).toBe(20 * page - 5);
    expect(await bench.settle()).toEqual([]);
  });

  it('punches on a full volume', async () => {
    const bench = await Workbench.open({ ...mood, capacity: 20 });
    const inode = await bench.file('f', 'a'.repeat(20 * page));
    await bench.flush(inode);
    expect(bench.volume.statistics().available).toBe(0);
    await bench.do((fs) => fs.fallocate(inode, punchHole | keepSize, 10, 20));
    await bench.flush(inode);
    expect(bench.volume.statistics().available).toBe(0);
    await bench.do((fs) => fs.fallocate(inode, punchHole | keepSize, 30, 3 * page));
    const expected = `${'a'.repeat(10)}${'\0'.repeat(3 * page + 20)}${'a'.repeat(17 * page - 30)}`;
    expect(await bench.read(inode)).toBe(expected);
    await bench.flush(inode);
    expect(bench.volume.statistics().available).toBe(2);
    await bench.remount();
    expect(await bench.read(inode)).toBe(expected);
    expect(await bench.settle()).toEqual([]);
  });

  it('copies a hole to a full volume', async () => {
    const bench = await Workbench.open({ ...mood, capacity: 20 });
    const hole = await bench.file('hole');
    await bench.truncate(hole, 4 * page);
    const inode = await bench.file('f', 'a'.repeat(19 * page + 50));
    await bench.flush(inode);
    expect(bench.volume.statistics().available).toBe(0);
    const kept = 'a'.repeat(17 * page + 10);
    for (const end of [19 * page + 50, 17 * page + 10 + 4 * page]) {
      expect(await bench.fs.copyRange(hole, 0, inode, kept.length, end - kept.length, root)).toBe(end - kept.length);
      const expected = kept + '\0'.repeat(end - kept.length);
      expect(await bench.read(inode)).toBe(expected);
      await bench.flush(inode);
      await bench.remount();
      expect(await bench.read(inode)).toBe(expected);
    }
    expect(await bench.settle()).toEqual([]);
  });

  it.each([
    ['punching', 0, 100, true],
    ['copying a hole', page, 100, false],
    ['copying data and a hole', 0, 100, false],
    ['copying a hole to the end', page, 6 * page + 100, false],
  ])('%s: a step that finds no room changes nothing', async (_how, start, at, punches) => {
    const length = 3 * page;
    const source = Buffer.alloc(6 * page).fill('b', 0, punches ? 0 : page);
    for (let granted = 0, done = 0; done < length; granted++) {
      const bench = await Workbench.open(mood);
      const from = await bench.file('from', 'b'.repeat(page));
      await bench.truncate(from, source.length);
      const to = await bench.file('f', 'a'.repeat(8 * page - 7));
      await bench.flush(to);
      await bench.flush(from);
      bench.volume.grantReservations(granted);
      try {
        if (punches) await bench.fs.fallocate(to, punchHole | keepSize, at, length);
        done = punches ? length : await bench.fs.copyRange(from, start, to, at, length, root);
      } catch (e) {
        expect(e).toMatchObject({ code: 'ENOSPC' });
        done = 0;
      }
      const expected = Buffer.alloc(Math.max(8 * page - 7, done > 0 ? at + done : 0)).fill('a', 0, 8 * page - 7);
      source.copy(expected, at, start, start + done);
      const found = Buffer.from(await bench.read(to), 'latin1');
      expect(found.equals(expected), `${granted} granted, ${done} done`).toBe(true);
      expect(granted).toBeLessThan(10);
    }
  });

  it('answers EIO for a damaged page, and says which', async () => {
    const found: CorruptionError[] = [];
    const bench = await Workbench.open(mood, { cacheBytes: 4 << 20, onCorruption: (error) => found.push(error) });
    const inode = await bench.file('f', 'a'.repeat(8 * page));
    await bench.flush(inode);
    for (const stored of bench.volume.pages.values()) if (stored.live) stored.bytes[17] ^= 4;
    expect(await bench.failure((fs) => fs.read(inode, 0, new Uint8Array(8 * page)))).toBe('EIO');
    expect(await bench.failure((fs) => fs.write(inode, 5, bytes('x'), root))).toBe('EIO');
    expect(found.map((error) => error.code)).toEqual(['EUCLEAN', 'EUCLEAN']);
    expect(found[0].message).toContain(`inode ${inode}, page 0`);
    await bench.write(inode, 0, 'b'.repeat(8 * page));
    expect((await bench.read(inode)).slice(0, 3)).toBe('bbb');
  });

  it('names the one page that is damaged of a file in many pieces', async () => {
    const found: CorruptionError[] = [];
    const bench = await Workbench.open(mood, { cacheBytes: 4 << 20, onCorruption: (error) => found.push(error) });
    const inode = await bench.file('f', 'a'.repeat(8 * page));
    await bench.flush(inode);
    for (const at of [1, 3, 5]) {
      await bench.write(inode, at * page, String(at).repeat(page));
      await bench.flush(inode);
    }
    for (const stored of bench.volume.pages.values())
      if (stored.live && stored.bytes[17] === '5'.charCodeAt(0)) stored.bytes[17] ^= 4;
    expect(await bench.failure((fs) => fs.read(inode, 0, new Uint8Array(8 * page)))).toBe('EIO');
    expect(found.map((error) => error.message)).toEqual([expect.stringContaining(`inode ${inode}, page 5`)]);
  });
});
