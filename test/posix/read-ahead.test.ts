/** Read-ahead from file to file: what was asked for by the time a file is read. */
import { expect, test } from 'vitest';
import { deferred } from '../../fs/fuse/deferred.js';
import { type Part, partsOf, usualParts } from '../../fs/posix/namespace/files-of.js';
import { Walk } from '../../fs/posix/namespace/walk.js';
import { below, seededRandom } from '../../fs/store/random.js';
import { Suspend } from '../../fs/suspend.js';
import { bytes, moods, text, Workbench } from './workbench.js';

const random = seededRandom(11);

function shuffled<T>(list: readonly T[]): T[] {
  const rest = [...list];
  return list.map(() => rest.splice(below(random, rest.length), 1)[0]);
}

const inodes = Array.from({ length: 200 }, (_, i) => i + 10);
const orders = [shuffled(inodes), shuffled(inodes), inodes].map((order) => Float64Array.from(order));

/** All that the walk asks for now. */
function asked(walk: Walk, each = 4096): number[] {
  const list: number[] = [];
  for (let next = walk.upcoming(); next !== undefined; next = walk.upcoming()) {
    list.push(next);
    walk.asked(each);
  }
  return list;
}

test.each([0, 1, 2])('the second file tells the order, number %i', (order) => {
  const walk = new Walk(orders);
  const files = [...orders[order]];
  walk.reached(files[3]);
  expect(asked(walk)).toEqual([]);
  walk.reached(files[4]);
  expect(asked(walk)).toEqual(files.slice(5, 5 + 64));
  walk.reached(files[5]);
  expect(asked(walk)).toEqual([files[69]]);
});

test('files may be left out, and come a little late', () => {
  const walk = new Walk(orders);
  const files = [...orders[0]];
  for (const at of [0, 1, 5, 4, 9, 13]) expect(walk.reached(files[at])).toBe(true);
  expect(asked(walk)).toEqual(files.slice(14, 14 + 64));
});

test('as many bytes are under way as has paid so far', () => {
  const walk = new Walk(orders);
  const files = [...orders[0]];
  walk.reached(files[0]);
  walk.reached(files[1]);
  expect(asked(walk, 1 << 18)).toEqual(files.slice(2, 4));
  walk.reached(files[2]);
  expect(asked(walk, 1 << 18)).toEqual(files.slice(4, 7));
  for (let at = 3; at < 20; at++) walk.reached(files[at]);
  expect(asked(walk, 1 << 18)).toEqual(files.slice(20, 20 + 16));
});

test('who reads at random is left alone', () => {
  const walk = new Walk(orders);
  let reads = 0;
  let wanted = 0;
  while (walk.reached(inodes[below(random, inodes.length)]) && ++reads < 500) wanted += asked(walk, 1 << 17).length;
  expect(reads).toBeLessThan(500);
  expect(wanted).toBeLessThan(reads);
});

test('what is looked up later follows', () => {
  const walk = new Walk([0, 1, 2].map((order) => orders[order].slice(0, 100)));
  const files = [...orders[1]];
  for (let at = 0; at < 90; at++) walk.reached(files[at]);
  expect(walk.runsOut).toBe(true);
  expect(asked(walk)).toEqual(files.slice(90, 100));
  walk.goOn(orders[1].slice(100));
  expect(asked(walk)).toEqual(files.slice(100, 154));
  for (let at = 90; at < 150; at++) expect(walk.reached(files[at])).toBe(true);
  expect(asked(walk)).toEqual(files.slice(154));
});

test('an order that was assumed is given up for the one that is seen', () => {
  const walk = new Walk(orders);
  const files = [...orders[1]];
  walk.assume(0);
  expect(asked(walk)).toEqual([...orders[0]].slice(0, 64));
  walk.reached(files[0]);
  walk.reached(files[1]);
  expect(asked(walk)).toEqual(files.slice(2, 2 + 64));
});

const settled = async (): Promise<void> => {
  for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve));
};

async function list(bench: Workbench, directory: number): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  await bench.do((fs) =>
    fs.readdir(directory, 2, (name, inode) => {
      found.set(text(name), inode);
      return true;
    }),
  );
  for (const name of found.keys()) await bench.do((fs) => fs.lookup(directory, bytes(name)));
  await settled();
  return found;
}

test.each(moods)('files of a directory that are read by name are asked for before: %s', async (_, mood) => {
  const bench = await Workbench.open(mood);
  const names = Array.from({ length: 40 }, (_, i) => `f${String(i).padStart(3, '0')}`);
  const directories = [await bench.directory('one'), await bench.directory('two')];
  const contents = 'x'.repeat(9000);
  for (const directory of directories) for (const name of shuffled(names)) await bench.file(name, contents, directory);
  await bench.do((fs) => fs.sync());
  await bench.remount();
  let expected = 0;
  bench.volume.onExpected = (_, pages) => {
    expected += pages;
  };
  const ahead: number[] = [];
  for (const directory of directories) {
    const before = expected;
    const found = await list(bench, directory);
    for (const [read, name] of names.entries()) {
      ahead.push((expected - before) / 3 - read);
      expect(await bench.read(found.get(name) ?? 0)).toBe(contents);
      await settled();
    }
  }
  const [first, second] = [ahead.slice(0, 40), ahead.slice(40)];
  // Nobody knows of the first two files of the first directory.
  expect(first.slice(0, 2)).toEqual([0, -1]);
  for (const files of first.slice(2)) expect(files + 2).toBeGreaterThan(0);
  for (const files of second) expect(files).toBeGreaterThan(0);
  expect(bench.fs.readAhead.asked.bytes).toBeGreaterThanOrEqual(38 * 3 * 4096);
});

/** Inode numbers in a directory in each order: by name, as listed, by number. */
async function ordersOf(bench: Workbench, directory: number): Promise<number[][]> {
  const found = await list(bench, directory);
  const names = [...found.keys()].filter((name) => name.startsWith('f')).sort();
  const listed = [...found].filter(([name]) => name.startsWith('f')).map(([, inode]) => inode);
  return [names.map((name) => found.get(name) ?? 0), listed, listed.toSorted((a, b) => a - b)];
}

test.each(moods)('a large directory is looked up part by part, in each order: %s', async (_, mood) => {
  const bench = await Workbench.open(mood);
  const directory = await bench.directory('large');
  for (const i of shuffled(inodes)) await bench.file(`f${i}`, 'x', directory);
  await bench.directory('below', directory);
  const all = await ordersOf(bench, directory);
  const sizes = { least: 16, most: 40 };
  const context = { volume: bench.volume, breathe: () => Promise.resolve() };
  for (const [order, expected] of all.entries()) {
    const files: number[] = [];
    let parts = 0;
    for (let last: Part['last'], more = true; more; more = last !== undefined) {
      const [part] = (await partsOf(context, directory, sizes, [order], last)) ?? [];
      expect(part?.files.length).toBeLessThanOrEqual(sizes.most);
      files.push(...(part?.files ?? []));
      last = part?.last;
      parts++;
    }
    expect(files).toEqual(expected);
    expect(parts).toBeGreaterThan(3);
  }
  const whole = (await partsOf(context, directory, usualParts)) ?? [];
  expect(whole.map(({ files, last }) => [[...files], last])).toEqual(all.map((files) => [files, undefined]));
});

test.each([0, 1, 2])('read-ahead goes on from part to part, order %i', async (order) => {
  const bench = await Workbench.open();
  const directory = await bench.directory('large');
  const contents = 'x'.repeat(9000);
  for (const i of shuffled(inodes)) await bench.file(`f${i}`, contents, directory);
  await bench.do((fs) => fs.sync());
  await bench.remount();
  bench.fs.readAhead.sizes = { least: 20, most: 40 };
  const files = (await ordersOf(bench, directory))[order];
  for (const [read, inode] of files.entries()) {
    await bench.read(inode);
    await settled();
    const ahead = bench.fs.readAhead.asked.files + 2 - read;
    expect([read, ahead >= Math.min(4, 200 - read)]).toEqual([read, read > 0]);
  }
  expect(bench.fs.readAhead.asked.files).toBe(198);
});

test('who goes on to look at names alone is not read ahead for', async () => {
  const bench = await Workbench.open();
  const directories: number[] = [];
  for (let i = 0; i < 6; i++) {
    const directory = await bench.directory(`d${i}`);
    directories.push(directory);
    for (let j = 0; j < 20; j++) await bench.file(`f${j + 10}`, 'y'.repeat(5000), directory);
  }
  await bench.do((fs) => fs.sync());
  await bench.remount();
  for (const inode of (await list(bench, directories[0])).values()) await bench.read(inode);
  await list(bench, directories[1]);
  const { files } = bench.fs.readAhead.asked;
  expect(files).toBeGreaterThan(30);
  for (const directory of directories.slice(2)) await list(bench, directory);
  expect(bench.fs.readAhead.asked.files).toBeLessThanOrEqual(files + 20);
});

test('the filesystem is closed when nothing is asked for any more', async () => {
  const bench = await Workbench.open();
  const directory = await bench.directory('one');
  for (let i = 0; i < 40; i++) await bench.file(`f${i + 10}`, 'z'.repeat(9000), directory);
  await bench.do((fs) => fs.sync());
  await bench.remount();
  const read = deferred();
  const asked: number[] = [];
  bench.volume.expect = (address) => {
    asked.push(address);
    throw new Suspend(read.promise, 'test');
  };
  const found = await list(bench, directory);
  for (const name of ['f10', 'f11']) await bench.read(found.get(name) ?? 0);
  await settled();
  expect(asked.length).toBeGreaterThan(0);
  let closed = false;
  const closing = bench.fs.close().then(() => {
    closed = true;
  });
  await settled();
  expect(closed).toBe(false);
  bench.volume.expect = (address) => void asked.push(address);
  read.resolve();
  await closing;
  const { length } = asked;
  await settled();
  expect(asked.length).toBe(length);
});
