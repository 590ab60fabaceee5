/** `varve frag` on an image: the whole, a part, pictures, and what is not there. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { main } from '../../fs/cli/main.js';
import type { FragmentationReport } from '../../fs/report/fragmentation-report.js';
import { ScrubbedVolume } from '../scrub/scrubbed-volume.js';
import { runCommand } from '../support/captured-output.js';

let folder = '';
let image = '';
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'varve-frag-'));
  image = join(folder, 'image');
  const made = await ScrubbedVolume.make();
  const docs = await made.directory('docs');
  const whole = await made.file('whole', 40 * 4096, docs);
  const worn = await made.file('worn', 40 * 4096, docs);
  await made.file('small', 100, docs);
  await made.fs.fsync(whole, false);
  for (const page of [3, 20, 30]) {
    await made.write(worn, page * 4096, 4096);
    await made.fs.fsync(worn, false);
    await made.file(`between ${page}`, 3 * 4096);
    await made.volume.commit();
  }
  await made.fs.close();
  await made.volume.close();
  const all = new Uint8Array(made.store.size);
  await made.store.read(0, all);
  writeFileSync(image, all);
});
afterAll(() => rmSync(folder, { recursive: true }));

async function varve(...args: string[]): Promise<string> {
  const { code, output } = await runCommand(main, 'frag', ...args);
  expect(output.errors).toBe('');
  expect(code).toBe(0);
  return output.text;
}
const report = async (...args: string[]): Promise<FragmentationReport> => JSON.parse(await varve(...args, '--json'));

test('a volume: one file was overwritten in parts', async () => {
  const found = await report(image);
  expect(found).toMatchObject({ path: '/', files: { count: 6, withoutPages: 1 }, metadata: { damaged: 0 } });
  expect(found.worst.map(({ path, pieces }) => [path, pieces])).toEqual([['/docs/worn', 5]]);
  expect(found.cost.jumps).toBe(3);
});

test('a part of it: a directory, a file', async () => {
  expect(await report(image, '--path', '/docs')).toMatchObject({ path: '/docs', files: { count: 3, withoutPages: 1 } });
  const one = await report(image, '--path', 'docs/worn');
  expect(one).toMatchObject({ files: { count: 1, scattered: 1, pieces: 5 } });
  expect(one.metadata).toBeUndefined();
  expect(await report(image, '--path', '/docs/whole')).toMatchObject({
    score: 0,
    files: { pieces: 1, idealPieces: 2 },
  });
});

test('for people: figures, the worst file, the map; and a picture', async () => {
  const drawing = join(folder, 'map.svg');
  const text = await varve(image, '--svg', drawing);
  expect(text).toMatch(/^.*: .*fragmented, score \d/);
  expect(text).toMatch(/5 +2 +160 KiB +\d+ +\/docs\/worn/);
  expect(text).toMatch(/Map, a segment a cell\n +0 [.djnDJNcC]+\n/);
  expect(readFileSync(drawing, 'utf8')).toMatch(/^<svg [\s\S]*<\/svg>\n$/);
});

test('what is not there', async () => {
  for (const args of [[join(folder, 'none')], [image, '--path', '/docs/none']]) {
    const { code, output } = await runCommand(main, 'frag', ...args);
    expect(output.errors).toMatch(/does not exist|no such file/);
    expect(code).toBe(16);
  }
  expect((await runCommand(main, 'frag', folder)).output.errors).toContain('where no Varve volume is mounted');
});
