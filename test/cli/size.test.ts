/** Sizes as people write them. */
import { expect, test } from 'vitest';
import { counted, formatSize, parseSize } from '../../fs/cli/size.js';

test.each([
  ['0', 0],
  ['4096', 4096],
  ['4096B', 4096],
  ['1k', 1024],
  ['1K', 1024],
  ['1KiB', 1024],
  ['1KB', 1000],
  ['1.5G', 1.5 * 2 ** 30],
  ['8TiB', 8 * 2 ** 40],
  [' 16 M ', 16 * 2 ** 20],
])('%j is %i bytes', (text, bytes) => expect(parseSize(text)).toBe(bytes));

test.each(['', 'G', '-1', '1X', '1.1', '1G1', '99999P', '0x10', '1 0'])('%j is not a size', (text) => {
  expect(() => parseSize(text)).toThrow(/is not a size/);
});

test.each([
  [0, '0 B'],
  [1023, '1023 B'],
  [1024, '1.0 KiB'],
  [1536, '1.5 KiB'],
  [2 ** 30, '1.0 GiB'],
  [955 * 2 ** 20, '955 MiB'],
  [2 ** 50, '1.0 PiB'],
])('%i is shown as %s', (bytes, text) => expect(formatSize(bytes)).toBe(text));

test('nouns agree with their number', () => {
  expect([counted(1, 'file'), counted(2, 'file'), counted(1000, 'entry', 'entries')]).toEqual([
    '1 file',
    '2 files',
    '1,000 entries',
  ]);
});
