/** Every kind of filesystem that mkfs knows, by bytes as the real ones have them. */
import { describe, expect, test } from 'vitest';
import { MemoryStore } from '../../fs/store/memory.js';
import { holdsAnything, whatIsThere } from '../../mkfs/signatures.js';

const magics: readonly (readonly [string, readonly (readonly [number, string])[]])[] = [
  ['a Varve volume', [[0, '56527665']]],
  ['an ext2 filesystem', [[1080, '53ef']]],
  [
    'an ext3 filesystem',
    [
      [1080, '53ef'],
      [1116, '04'],
    ],
  ],
  [
    'an ext4 filesystem',
    [
      [1080, '53ef'],
      [1116, '3c'],
      [1120, 'c2'],
    ],
  ],
  ['an XFS filesystem', [[0, '58465342']]],
  ['a btrfs filesystem', [[0x10040, '5f42485266535f4d']]],
  ['an f2fs filesystem', [[1024, '1020f5f2']]],
  [
    'an NTFS filesystem',
    [
      [3, '4e54465320202020'],
      [510, '55aa'],
    ],
  ],
  [
    'a FAT filesystem',
    [
      [82, '4641543332202020'],
      [510, '55aa'],
    ],
  ],
  ['swap space', [[4086, '53574150535041434532']]],
  ['a LUKS encrypted volume', [[0, '4c554b53babe']]],
  ['a ZFS pool member', [[128 * 1024 + 7 * 1024, '0cb1ba0000000000']]],
  ['a squashfs filesystem', [[0, '68737173']]],
  ['an ISO 9660 filesystem', [[0x8001, '4344303031']]],
  [
    'a GPT partition table',
    [
      [446 + 4, 'ee'],
      [510, '55aa'],
      [512, '4546492050415254'],
    ],
  ],
  [
    'an MBR partition table',
    [
      [446, '80'],
      [446 + 4, '83'],
      [510, '55aa'],
    ],
  ],
  ['an LVM physical volume', [[512, '4c4142454c4f4e45']]],
];

describe('known by its magic', () => {
  test.each(magics)('%s', async (what, pieces) => {
    const store = new MemoryStore(2 ** 20);
    for (const [offset, hex] of pieces) store.bytes.write(offset, Buffer.from(hex, 'hex'));
    expect(await whatIsThere(store)).toBe(what);
  });
});

test('zeros hold nothing', async () => {
  const store = new MemoryStore(2 ** 20);
  expect(await whatIsThere(store)).toBeUndefined();
  expect(await holdsAnything(store)).toBe(false);
});

test('a boot signature without a partition is not a partition table', async () => {
  const store = new MemoryStore(2 ** 20);
  store.bytes.write(510, Buffer.from('55aa', 'hex'));
  expect(await whatIsThere(store)).toBeUndefined();
  expect(await holdsAnything(store)).toBe(true);
});

test('a store of a few bytes is no trouble', async () => {
  expect(await whatIsThere(new MemoryStore(100))).toBeUndefined();
});
