/** mkfs.varve as it is called: what it makes, what it refuses, what it leaves alone. */
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openImageFile } from '../../fs/store/image-file.js';
import { examine } from '../../fsck/check.js';
import { main } from '../../mkfs/main.js';
import { runCommand } from '../support/captured-output.js';

let folder = '';
let image = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'varve-mkfs-'));
  image = join(folder, 'image');
});
afterEach(() => rmSync(folder, { recursive: true }));

const mkfs = (...args: string[]) => runCommand(main, ...args);

async function problems(): Promise<unknown[]> {
  const store = await openImageFile(image, { readOnly: true });
  const result = await examine(store, { data: true });
  await store.close();
  return result.problems;
}

describe('mkfs.varve makes', () => {
  test('a sparse file of the size asked for, with a sound volume', async () => {
    const { code, output } = await mkfs(
      '-L',
      'my label',
      '--size',
      '1G',
      '-U',
      '00112233-4455-6677-8899-aabbccddeeff',
      image,
    );
    expect(output.errors).toBe('');
    expect(code).toBe(0);
    expect(output.text).toContain('my label');
    expect(output.text).toContain('00112233-4455-6677-8899-aabbccddeeff');
    expect(output.text).toContain('1.0 GiB');
    const stat = statSync(image);
    expect(stat.size).toBe(2 ** 30);
    expect(stat.blocks * 512).toBeLessThan(4 * 2 ** 20);
    expect(await problems()).toEqual([]);
  });

  test.each(['16M', '17000001', '100M', '5G', '300G'])('a sound volume of %s', async (size) => {
    expect((await mkfs('-q', '--size', size, image)).code).toBe(0);
    expect(await problems()).toEqual([]);
  });

  test('a volume with the segments asked for', async () => {
    const { code, output } = await mkfs('--json', '--segment', '256K', '--size', '64M', image);
    expect(code).toBe(0);
    expect(output.json).toMatchObject({ segmentBytes: 2 ** 18, imageBytes: 16384 * 4096 });
    expect(await problems()).toEqual([]);
  });

  test('a volume in an existing file, which keeps its size', async () => {
    writeFileSync(image, '');
    truncateSync(image, 20 * 2 ** 20);
    expect((await mkfs('-q', image)).code).toBe(0);
    expect(statSync(image).size).toBe(20 * 2 ** 20);
    expect(await problems()).toEqual([]);
  });

  test('nothing to read with -q', async () => {
    const { output } = await mkfs('-q', '--size', '16M', image);
    expect(output.text + output.errors).toBe('');
  });

  test('a new volume over an old one with -f, of which nothing is left', async () => {
    await mkfs('-q', '-L', 'old', '--size', '16M', image);
    expect((await mkfs('-q', '-f', '-L', 'new', '--size', '32M', image)).code).toBe(0);
    expect(readFileSync(image).includes('old')).toBe(false);
    expect(await problems()).toEqual([]);
  });
});

describe('mkfs.varve refuses', () => {
  const refused = async (words: RegExp, ...args: string[]) => {
    const { code, output } = await mkfs(...args);
    expect(output.errors).toMatch(words);
    expect(output.errors.split('\n')).toHaveLength(1);
    expect(code).toBe(1);
  };

  test('a new file without a size, and makes none', async () => {
    await refused(/does not exist: say with --size/, image);
    expect(existsSync(image)).toBe(false);
  });

  test('a size that is too small, and leaves no file behind', async () => {
    await refused(/too small: an image needs at least/, '--size', '15M', image);
    await refused(/too small: segments of \d+ bytes are too large/, '--size', '64M', '--segment', '64M', image);
    expect(existsSync(image)).toBe(false);
  });

  test('what makes no sense', async () => {
    await refused(/is not a size/, '--size', 'big', image);
    await refused(/a segment has 128K/, '--size', '1G', '--segment', '100K', image);
    await refused(/is not a UUID/, '--size', '1G', '-U', 'mine', image);
    await refused(/up to 64 bytes/, '--size', '1G', '-L', 'x'.repeat(65), image);
    await refused(/too many arguments/, '--size', '1G', image, 'another');
    await refused(/missing required argument/);
  });

  test('a volume that is there', async () => {
    await mkfs('-q', '--size', '16M', image);
    await refused(/holds a Varve volume; use -f/, image);
  });

  test('a file with other data', async () => {
    writeFileSync(image, 'my thesis');
    truncateSync(image, 20 * 2 ** 20);
    await refused(/holds data that is not a filesystem; use -f/, image);
    expect(readFileSync(image).subarray(0, 9).toString()).toBe('my thesis');
  });

  test('an image that somebody has open, also with -f', async () => {
    await mkfs('-q', '--size', '16M', image);
    const store = await openImageFile(image, { readOnly: true });
    await refused(/in use/, '-f', image);
    await store.close();
  });
});
