/** What is in use is known before anything is opened. Only looks: no device of this machine is touched. */
import { readFileSync, statSync } from 'node:fs';
import { expect, test } from 'vitest';
import { refuseInUse } from '../../mkfs/in-use.js';

const isDevice = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isBlockDevice() === true;

test('a mounted device is in use', ({ skip }) => {
  const sources = readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[0]);
  const device = sources.find((source) => source.startsWith('/dev/') && isDevice(source));
  if (device === undefined) skip('no block device is mounted here');
  expect(() => refuseInUse(device as string)).toThrow(/is in use: mounted on .*; unmount it first/);
});

test('a file that nobody uses is not, nor is one that does not exist', () => {
  refuseInUse('package.json');
  refuseInUse('/nonexistent');
});
