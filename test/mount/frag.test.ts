/** `varve frag` of a mount: the server makes the report, and it is the one of the image afterwards. */
import { closeSync, fsyncSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { FragmentationReport } from '../../fs/report/fragmentation-report.js';
import { MountedVolume } from '../support/programs.js';

let volume: MountedVolume;
beforeAll(async () => {
  volume = await MountedVolume.make('64M');
  await volume.mount('norehearsal');
});
afterAll(() => volume.dispose());

const frag = async (...args: string[]): Promise<FragmentationReport> =>
  JSON.parse(await volume.expect('varve', 'frag', ...args, '--json'));

test('the same files on the mount as in the image', async () => {
  mkdirSync(volume.path('docs'));
  writeFileSync(volume.path('docs/whole'), Buffer.alloc(200_000, 1));
  const file = openSync(volume.path('docs/worn'), 'w');
  writeSync(file, Buffer.alloc(400_000, 2), 0, 400_000, 0);
  fsyncSync(file);
  for (let page = 0; page < 90; page += 9) {
    writeSync(file, Buffer.alloc(4096, page), 0, 4096, page * 4096);
    fsyncSync(file);
  }
  closeSync(file);
  const online = await frag(volume.directory);
  expect(online.worst.map(({ path }) => path)).toEqual(['/docs/worn']);
  expect(await frag(volume.path('docs'))).toMatchObject({ path: '/docs', files: online.files });
  expect(await frag(volume.image, '--path', '/docs/whole')).toMatchObject({ score: 0, files: { count: 1 } });
  await volume.unmount();
  const offline = await frag(volume.image);
  const { files, cost, worst, score, piecesByBytes } = offline;
  expect(online).toMatchObject({ files, cost, worst, score, piecesByBytes });
  expect(offline.metadata?.leaves).toBe(online.metadata?.leaves);
});
