/** Transformed units of files: smaller on disk, the same to whoever reads and writes, in whatever parts. */
import { describe, expect, it } from 'vitest';
import { checksum } from '../../fs/format/checksum.js';
import { itemKind } from '../../fs/format/item.js';
import { fallocateFlag, seek } from '../../fs/posix/api.js';
import {
  extentAddress,
  extentPageCount,
  extentStoredPages,
  extentTransform,
} from '../../fs/posix/inode/extent-value.js';
import { below, chance, type Random, seededRandom } from '../../fs/store/random.js';
import { Workbench } from './workbench.js';

const page = 4096;
const { punchHole, keepSize } = fallocateFlag;
const restless = { restless: 0.3, late: 0.5 };
const cases = [
  ['lz4', {}],
  ['lz4', restless],
  ['lz4:9', restless],
  ['deflate', restless],
] as const;

/** Text that shrinks to about a half. */
function text(random: Random, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; ) {
    const run = Math.min(length - at, 1 + below(random, 40));
    if (chance(random, 0.5)) bytes.fill(below(random, 256), at, at + run);
    else for (let i = 0; i < run; i++) bytes[at + i] = below(random, 256);
    at += run;
  }
  return bytes;
}

const noise = (random: Random, length: number): Uint8Array => Uint8Array.from({ length }, () => below(random, 256));

const extents = (bench: Workbench, inode: number) =>
  bench.volume.items
    .filter((item) => item.inode === inode && item.kind === itemKind.extent)
    .map(({ offset, value }) => ({
      offset,
      pages: extentPageCount(value),
      stored: extentStoredPages(value),
      transform: extentTransform(value),
      address: extentAddress(value),
      value,
    }));

const bytesOf = async (bench: Workbench, inode: number, offset?: number, length?: number): Promise<Buffer> =>
  Buffer.from(await bench.read(inode, offset, length), 'latin1');

describe.each(cases)('with %s', (compression, mood) => {
  const open = (): Promise<Workbench> => Workbench.open({ ...mood, compression });

  it('stores fewer pages, and reads them whole and in parts', async () => {
    const bench = await open();
    const inode = await bench.file('f');
    const contents = text(seededRandom(1), 100 * page + 77);
    await bench.write(inode, 0, contents);
    await bench.flush(inode);
    const stored = extents(bench, inode);
    expect(stored.map(({ pages }) => pages).reduce((sum, n) => sum + n)).toBe(101);
    expect(stored.filter(({ transform }) => transform === 1).length).toBeGreaterThan(2);
    expect((await bench.stat(inode)).blocks).toBeLessThan(0.8 * 101 * 8);
    expect((await bench.stat(inode)).blocks).toBe(8 * bench.volume.live);
    await bench.remount();
    for (let at = 0; at < contents.length; at += 5000)
      expect((await bytesOf(bench, inode, at, 5000)).equals(contents.subarray(at, at + 5000))).toBe(true);
    await bench.remount();
    expect((await bytesOf(bench, inode)).equals(contents)).toBe(true);
    expect(await bench.settle()).toEqual([]);
  });

  it('reads more units at the same time than there is memory to keep', async () => {
    const bench = await open();
    const inode = await bench.file('f');
    const contents = text(seededRandom(8), 100 * 32 * page);
    for (let at = 0; at < contents.length; at += 32 * page) {
      await bench.write(inode, at, contents.subarray(at, at + 32 * page));
      await bench.flush(inode);
    }
    await bench.remount();
    // The second time in the memory of the first; two whole units for each read, and one with a part of the next.
    for (const part of [64 * page, 50 * page]) {
      const places = Array.from({ length: 50 }, (_, i) => i * 64 * page);
      const read = await Promise.all(places.map((at) => bytesOf(bench, inode, at, part)));
      for (const [i, at] of places.entries()) expect(read[i].equals(contents.subarray(at, at + part))).toBe(true);
    }
    expect(await bench.settle()).toEqual([]);
  });

  it('writes a unit anew when a part of it changes', async () => {
    const bench = await open();
    const inode = await bench.file('f');
    const contents = text(seededRandom(2), 64 * page);
    await bench.write(inode, 0, contents);
    await bench.flush(inode);
    const [first, ...rest] = extents(bench, inode).filter(({ offset }) => offset < 32);
    await bench.write(inode, 10 * page + 5, contents.subarray(0, 10));
    contents.copyWithin(10 * page + 5, 0, 10);
    await bench.flush(inode);
    const now = extents(bench, inode).filter(({ offset }) => offset < 32);
    for (const { address } of now) expect([first, ...rest].map((one) => one.address)).not.toContain(address);
    expect((await bench.stat(inode)).blocks).toBe(8 * bench.volume.live);
    await bench.remount();
    expect((await bytesOf(bench, inode)).equals(contents)).toBe(true);
    expect(await bench.settle()).toEqual([]);
  });

  it('cuts and punches units without reading or writing them', async () => {
    const bench = await open();
    const inode = await bench.file('f');
    const contents = text(seededRandom(3), 32 * page);
    await bench.write(inode, 0, contents);
    await bench.flush(inode);
    const addresses = extents(bench, inode).map(({ address }) => address);
    await bench.truncate(inode, 20 * page);
    await bench.do((fs) => fs.fallocate(inode, punchHole | keepSize, 4 * page, 3 * page));
    await bench.do((fs) => fs.fallocate(inode, punchHole | keepSize, 0, page));
    for (const { address } of extents(bench, inode)) expect(addresses).toContain(address);
    contents.fill(0, 0, page).fill(0, 4 * page, 7 * page);
    expect(await bench.do((fs) => fs.seek(inode, 0, seek.data))).toBe(page);
    expect(await bench.do((fs) => fs.seek(inode, page, seek.hole))).toBe(4 * page);
    expect(await bench.do((fs) => fs.seek(inode, 4 * page, seek.data))).toBe(7 * page);
    expect((await bytesOf(bench, inode)).equals(contents.subarray(0, 20 * page))).toBe(true);
    await bench.write(inode, 5 * page, contents.subarray(8 * page, 9 * page));
    contents.copyWithin(5 * page, 8 * page, 9 * page);
    await bench.truncate(inode, 32 * page);
    contents.fill(0, 20 * page);
    await bench.flush(inode);
    await bench.remount();
    expect((await bytesOf(bench, inode)).equals(contents)).toBe(true);
    expect(await bench.settle()).toEqual([]);
  });

  it('agrees with plain memory whatever is done to a file', async () => {
    const random = seededRandom(40 + cases.findIndex((one) => one[0] === compression));
    const bench = await open();
    const inode = await bench.file('f');
    const most = 200 * page;
    const model = new Uint8Array(most);
    let size = 0;
    for (let step = 0; step < 150; step++) {
      const dice = random();
      const offset = below(random, chance(random, 0.5) ? Math.min(size + page, most - 70 * page) : most - 70 * page);
      if (dice < 0.5) {
        const make = chance(random, 0.8) ? text : noise;
        const data = make(random, 1 + below(random, chance(random, 0.5) ? 70 * page : 2 * page));
        await bench.write(inode, offset, data);
        model.set(data, offset);
        size = Math.max(size, offset + data.length);
      } else if (dice < 0.6) {
        await bench.truncate(inode, offset);
        model.fill(0, offset);
        size = offset;
      } else if (dice < 0.7) {
        const length = 1 + below(random, 40 * page);
        await bench.do((fs) => fs.fallocate(inode, punchHole | keepSize, offset, length));
        model.fill(0, offset, Math.min(size, offset + length));
      } else if (dice < 0.8) {
        const length = 1 + below(random, 20 * page);
        await bench.do((fs) => fs.fallocate(inode, 0, offset, length));
        size = Math.max(size, offset + length);
      } else if (dice < 0.95) {
        await bench.flush(inode);
        if (chance(random, 0.5)) await bench.remount();
      } else {
        expect(await bench.settle()).toEqual([]);
      }
      expect((await bench.stat(inode)).size).toBe(size);
      const from = below(random, size + 1);
      const part = await bytesOf(bench, inode, from, Math.min(size - from, below(random, 300 * 1024)));
      expect(part.equals(model.subarray(from, from + part.length)), `step ${step}`).toBe(true);
    }
    expect((await bytesOf(bench, inode)).equals(model.subarray(0, size))).toBe(true);
    expect(await bench.settle()).toEqual([]);
  });
});

it('stores what does not shrink as it is, and leaves such a file alone for a while', async () => {
  const bench = await Workbench.open({ compression: 'lz4' });
  const { compression } = bench.volume.transforms.chains.at(1) ?? {};
  if (compression === undefined) throw new Error('there is no lz4');
  let tried = 0;
  const { encode } = compression;
  compression.encode = (...given) => {
    tried++;
    return encode(...given);
  };
  try {
    const inode = await bench.file('f');
    const random = seededRandom(5);
    for (let at = 0; at < 20; at++) await bench.write(inode, at * 32 * page, noise(random, 32 * page));
    await bench.flush(inode);
    expect(extents(bench, inode).every(({ transform }) => transform === 0)).toBe(true);
    expect(tried).toBeLessThan(10);
    expect(tried).toBeGreaterThan(1);
  } finally {
    compression.encode = encode;
  }
});

it('fails with EIO where a unit has rotted, and where it does not decode', async () => {
  const bench = await Workbench.open({ compression: 'lz4' });
  for (const name of ['rotten', 'hostile']) {
    const inode = await bench.file(name);
    await bench.write(inode, 0, text(seededRandom(6), 32 * page));
    await bench.flush(inode);
    const unit = extents(bench, inode).find(({ transform }) => transform !== 0);
    const stored = bench.volume.pages.get(unit?.address ?? -1);
    if (unit === undefined || stored === undefined) throw new Error('the unit has no pages');
    stored.bytes.fill(0xff);
    if (name === 'hostile') new DataView(unit.value.buffer).setUint32(32, checksum(stored.bytes), true);
    await bench.remount();
    expect(await bench.failure((fs) => fs.read(inode, unit.offset * page, new Uint8Array(page)))).toBe('EIO');
    expect(await bench.failure((fs) => fs.read(inode, 0, new Uint8Array(32 * page)))).toBe('EIO');
    expect(
      await bench.failure((fs) =>
        fs.write(inode, unit.offset * page + 100, new Uint8Array(5), { uid: 0, gid: 0, pid: 1 }),
      ),
    ).toBe('EIO');
  }
});
