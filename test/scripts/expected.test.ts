/** The judge of the kill soak: it must accept what a crash may leave, and find what it may not. */
import { mkdtempSync, readFileSync, renameSync, rmSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ExpectedFolder } from '../../scripts/soak/expected.js';
import type { Operation } from '../../scripts/soak/operation.js';
import { patternBytes } from '../../scripts/trial/random.js';

let path: string;
let folder: ExpectedFolder;

beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), 'varve-expected-'));
  folder = new ExpectedFolder(path);
});
afterEach(() => rmSync(path, { recursive: true }));

const at = (name: string): string => join(path, name);

function acknowledged(operation: Operation): void {
  folder.log({ begins: operation });
  folder.log({ durable: true });
}

function makeA(): Buffer {
  acknowledged({ kind: 'create', file: 'a', length: 10_000, fill: 1 });
  writeFileSync(at('a'), patternBytes(1, 10_000));
  return patternBytes(1, 10_000);
}

test('a folder that is as acknowledged has no problems', async () => {
  makeA();
  expect(await folder.check()).toEqual([]);
  expect(folder.acknowledged).toBe(1);
});

test('a lost file, a lost byte, a shorter file and a file come back are found', async () => {
  const a = makeA();
  a[5000] ^= 1;
  writeFileSync(at('a'), a);
  expect(await folder.check()).toEqual([expect.stringMatching(/differs from what was fsynced at byte 5000/)]);
  truncateSync(at('a'), 9999);
  expect(await folder.check()).toEqual([expect.stringMatching(/fsynced with 10000 bytes, has 9999/)]);
  unlinkSync(at('a'));
  expect(await folder.check()).toEqual([expect.stringMatching(/is gone/)]);
  acknowledged({ kind: 'unlink', file: 'a' });
  expect(await folder.check()).toEqual([]);
  writeFileSync(at('a'), '');
  expect(await folder.check()).toEqual([expect.stringMatching(/was removed/)]);
});

test('under an unacknowledged write each page may be old or new, and nothing else', async () => {
  const old = makeA();
  const begins: Operation = { kind: 'write', file: 'a', offset: 0, length: 8192, fill: 2 };
  folder.log({ begins });
  const half = Buffer.concat([patternBytes(2, 4096), old.subarray(4096)]);
  writeFileSync(at('a'), half);
  expect(await folder.check()).toEqual([]);
  folder.log({ begins });
  half.fill(7, 100, 200);
  writeFileSync(at('a'), half);
  expect(await folder.check()).toEqual([expect.stringMatching(/neither old nor new/)]);
});

test('an unacknowledged write past the end may leave any size in between, but not less than before', async () => {
  const old = makeA();
  const begins: Operation = { kind: 'write', file: 'a', offset: 10_000, length: 10_000, fill: 3 };
  folder.log({ begins });
  const grown = Buffer.concat([old, patternBytes(3, 10_000)]);
  writeFileSync(at('a'), grown.subarray(0, 12_288));
  expect(await folder.check()).toEqual([]);
  folder.log({ begins });
  writeFileSync(at('a'), grown.subarray(0, 9000));
  expect(await folder.check()).toEqual([expect.stringMatching(/9000 bytes during write/)]);
});

test('rename happens whole or not at all, also over a file that was there', async () => {
  makeA();
  acknowledged({ kind: 'create', file: 'b', length: 3, fill: 9 });
  writeFileSync(at('b'), patternBytes(9, 3));
  folder.log({ begins: { kind: 'rename', file: 'a', to: 'b' } });
  expect(await folder.check()).toEqual([]);
  folder.log({ begins: { kind: 'rename', file: 'a', to: 'b' } });
  renameSync(at('a'), at('b'));
  expect(await folder.check()).toEqual([]);
  expect(readFileSync(at('b')).length).toBe(10_000);
  folder.log({ begins: { kind: 'rename', file: 'b', to: 'c' } });
  unlinkSync(at('b'));
  expect(await folder.check()).toEqual([expect.stringMatching(/c: fsynced with 10000 bytes, is gone/)]);
});
