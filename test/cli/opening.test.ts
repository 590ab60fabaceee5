/** An image that can't be opened: one line that says why and what to do, and an exit code of its own. */
import { chmodSync, copyFileSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { exitCode } from '../../fs/cli/exit-codes.js';
import { main } from '../../fs/cli/main.js';
import { openImageFile } from '../../fs/store/image-file.js';
import type { Store } from '../../fs/store/store.js';
import { sampleVolume } from '../broken/sample.js';
import { editSuperblock, flip } from '../broken/surgery.js';
import { runCommand } from '../support/captured-output.js';

let folder = '';
let image = '';
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'varve-open-'));
  const { bytes, size } = await sampleVolume();
  const all = new Uint8Array(size);
  bytes.read(0, all);
  writeFileSync(join(folder, 'pristine'), all);
});
afterAll(() => rmSync(folder, { recursive: true }));
beforeEach(() => {
  image = join(folder, 'image');
  copyFileSync(join(folder, 'pristine'), image);
});

async function onImage(change: (store: Store) => Promise<unknown>): Promise<void> {
  const store = await openImageFile(image);
  await change(store);
  await store.close();
}

async function refuses(code: number, words: RegExp, path = image): Promise<void> {
  for (const command of [['info'], ['df'], ['dump']]) {
    const { code: found, output } = await runCommand(
      main,
      ...command,
      path,
      ...(command[0] === 'dump' ? ['superblock'] : []),
    );
    expect(output.errors).toMatch(words);
    expect(output.errors.split('\n')).toHaveLength(1);
    expect(output.text).toBe('');
    expect(found).toBe(code);
  }
}

test('not an image', async () => {
  truncateSync(image, 0);
  await refuses(exitCode.notVarve, /not a Varve image/);
  truncateSync(image, 20 * 2 ** 20);
  await refuses(exitCode.notVarve, /not a Varve image.*mkfs\.varve makes one/);
  await refuses(exitCode.notVarve, /not a Varve image/, 'package.json');
});

test('a truncated image', async () => {
  truncateSync(image, 12 * 2 ** 20);
  await refuses(exitCode.truncated, /it was cut short/);
});

test('a newer version', async () => {
  const newer = (record: { version: number }) => {
    record.version = 99;
  };
  await onImage((store) => editSuperblock(store, 0, newer));
  await refuses(exitCode.newerVersion, /format version 99 is newer than this program's \d+; use a newer varve/);
});

test('an unknown incompatible feature', async () => {
  await onImage((store) =>
    editSuperblock(store, 0, (record) => {
      record.incompatible = 2 ** 40;
    }),
  );
  await refuses(exitCode.unknownFeature, /incompatible bits 0x10000000000/);
});

test('an unknown compatible feature is no obstacle', async () => {
  await onImage((store) =>
    editSuperblock(store, 0, (record) => {
      record.compatible = 8;
      record.readOnlyCompatible = 16;
    }),
  );
  const { code, output } = await runCommand(main, 'info', image);
  expect(output.text).toContain('unknown (0x8), unknown (0x10)');
  expect(code).toBe(0);
});

test('an image in use', async () => {
  const store = await openImageFile(image);
  await refuses(exitCode.inUse, /in use/);
  await store.close();
});

test('no permission', async () => {
  // Root may open everything, so the test is somebody else for a moment.
  chmodSync(image, 0o600);
  chmodSync(folder, 0o755);
  const isRoot = process.geteuid?.() === 0;
  if (!isRoot) chmodSync(image, 0);
  if (isRoot) process.seteuid?.(65534);
  try {
    await refuses(exitCode.noPermission, /permission/);
  } finally {
    if (isRoot) process.seteuid?.(0);
    chmodSync(image, 0o600);
  }
});

test('no such image', () => refuses(exitCode.notFound, /does not exist|no such image/, join(folder, 'nothing')));

test('damage', async () => {
  await onImage(async (store) => {
    await flip(store, 4096 + 9);
    await flip(store, 3 * 4096 + 9);
  });
  await refuses(exitCode.corrupt, /neither checkpoint verifies; run fsck\.varve/);
});

test('a directory', () => refuses(exitCode.usage, /no Varve volume is mounted|neither a regular file/, folder));
