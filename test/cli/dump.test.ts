/** `varve info`, `df` and `dump` on the sample: what they show is what is there. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { main } from '../../fs/cli/main.js';
import { formatVersion } from '../../fs/format/superblock.js';
import { openImageFile } from '../../fs/store/image-file.js';
import { Volume } from '../../fs/volume/volume.js';
import { inodeOf, putPages, sampleVolume } from '../broken/sample.js';
import { runCommand } from '../support/captured-output.js';

let folder = '';
let image = '';
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'varve-dump-'));
  image = join(folder, 'image');
  const { bytes, size } = await sampleVolume();
  const all = new Uint8Array(size);
  bytes.read(0, all);
  writeFileSync(image, all);
});
afterAll(() => rmSync(folder, { recursive: true }));

async function varve(...args: string[]): Promise<string> {
  const { code, output } = await runCommand(main, ...args);
  expect(output.errors).toBe('');
  expect(code).toBe(0);
  return output.text;
}
const varveJson = async (...args: string[]): Promise<unknown> => JSON.parse(await varve(...args, '--json'));

test('info', async () => {
  expect(await varveJson('info', image)).toMatchObject({
    label: 'test',
    uuid: '07070707-0707-0707-0707-070707070707',
    clean: true,
    imageBytes: 16 * 2 ** 20,
    usage: { inodes: 407 },
  });
  expect(await varve('info', image)).toMatch(/label: +test\n[\s\S]*state: +clean\n/);
});

test('df', async () => {
  const [row] = (await varveJson('df', image)) as { size: number; used: number; available: number }[];
  expect(row.used + row.available).toBe(row.size);
  expect((await varve('df', image)).split('\n')).toHaveLength(2);
});

test('superblock and checkpoint', async () => {
  expect(await varveJson('dump', image, 'superblock')).toMatchObject({
    version: formatVersion,
    pageShift: 12,
    places: expect.any(Number),
  });
  expect(await varve('dump', image, 'superblock')).toMatch(/^magic: /);
  const both = (await varveJson('dump', image, 'checkpoint', '--all')) as { generation: number; clean: number }[];
  expect(both).toHaveLength(2);
  expect(both[0].generation).toBeGreaterThan(both[1].generation);
  expect(both[0].clean).toBe(1);
  expect(await varve('dump', image, 'checkpoint')).toMatch(/mainRoot\.address: /);
  // What is shown to others would let them forge pages.
  for (const part of ['superblock', 'checkpoint']) expect(await varve('dump', image, part)).not.toMatch(/brand|67890/);
});

test('segments', async () => {
  const rows = (await varveJson('dump', image, 'segments')) as { live: number; state: string }[];
  const all = (await varveJson('dump', image, 'segments', '--all')) as unknown[];
  expect(rows.every(({ state }) => state !== 'free')).toBe(true);
  expect(all.length).toBeGreaterThan(rows.length);
  expect(rows.reduce((sum, { live }) => sum + live, 0)).toBeGreaterThan(6);
  expect(await varve('dump', image, 'segments')).toMatch(/^place +serial +state/);
});

test('tree', async () => {
  const text = await varve('dump', image, 'tree', '--items');
  expect(text).toMatch(/^level 1 from [\s\S]*\n {2}level 0 from/);
  expect(text).toContain('(4, inline, 0) 5 bytes');
  const lines = (await varve('dump', image, 'tree', '--json'))
    .split('\n')
    .map((line) => JSON.parse(line) as { node: object });
  expect(lines.every(({ node }) => node !== undefined)).toBe(true);
  expect(await varve('dump', image, 'tree', '--system')).toMatch(/^level 0 from \(empty\)/);
});

test('inode, by number and by path', async () => {
  const found = (await varveJson('dump', image, 'inode', '3')) as {
    items: { kind: string; offset: number; facts: object }[];
  };
  expect(found.items.map(({ kind, offset }) => [kind, offset])).toEqual([
    ['extent', 0],
    ['extent', 6],
    ['extent', 10],
  ]);
  expect(found.items[2].facts).toEqual({ pages: 4, reserved: 'yes' });
  expect(await varveJson('dump', image, 'inode', '/docs/f7')).toMatchObject({ inode: 107, record: { mode: 0o100644 } });
  expect(await varve('dump', image, 'inode', '/docs')).toMatch(/^inode 2\nmode: +040755/);
  expect(await varve('dump', image, 'inode', '/fifo')).toContain('name "user.colour", valueBytes 4');
});

test('an inode that is not there', async () => {
  for (const which of ['999999', '/docs/none', 'x']) {
    const { code, output } = await runCommand(main, 'dump', image, 'inode', which);
    expect(output.errors).toMatch(/there is no|neither an inode number/);
    expect(code).not.toBe(0);
  }
});

test('journal', async () => {
  expect(await varve('dump', image, 'journal')).toBe('no records after the checkpoint');
  const store = await openImageFile(image);
  const volume = await Volume.open(store, { commitSeconds: 3600 });
  await putPages(volume, inodeOf.orphan, 1, 2);
  await volume.sync();
  await volume.abandon();
  await store.close();
  const text = await varve('dump', image, 'journal');
  expect(text).toMatch(/^record 1: \d+ bytes in place \d+/);
  expect(text).toContain('2 pages claimed, 0 released');
  expect(text).toContain('put (6, extent, 1)');
  expect(await varve('info', image)).toContain('not closed: the next mount replays the journal');
});

test('typos get a suggestion, and nothing at all the list of commands', async () => {
  const typo = await runCommand(main, 'dmp');
  expect(typo.output.errors).toContain('(did you mean dump?)');
  expect(typo.code).toBe(2);
  const part = await runCommand(main, 'dump', image, 'supperblock');
  expect(part.output.errors).toMatch(/Allowed choices are superblock/);
  expect(part.code).toBe(2);
  const help = await runCommand(main, '--help');
  expect(help.output.text).toMatch(/info[\s\S]*df[\s\S]*dump/);
  expect(help.code).toBe(0);
});
