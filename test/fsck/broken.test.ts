/** Every invariant can be broken, and the check finds it, says where, and changes nothing. */
import { describe, expect, test } from 'vitest';
import { FsError } from '../../fs/errors.js';
import { MemoryStore } from '../../fs/store/memory.js';
import { pageSize } from '../../fs/units.js';
import { checkVolume } from '../../fsck/check.js';
import { invariants, type ProblemCode } from '../../fsck/problem.js';
import { breakages, offsetOfBig } from '../broken/breakages.js';
import { sampleVolume } from '../broken/sample.js';
import { flip } from '../broken/surgery.js';
import { onlyOnPlainVolumes } from '../support/plain-volumes.js';

onlyOnPlainVolumes('lays nodes, extents and records by hand');

describe('the check finds', () => {
  test.each(breakages)('$code: $what', async ({ code, make }) => {
    const store = (await make()) as MemoryStore;
    const readOnly = new MemoryStore(store.size, { bytes: store.bytes, readOnly: true });
    const problems = await checkVolume(readOnly, { data: true });
    expect(problems.map((found) => found.code)).toContain(code);
    for (const { invariant, message } of problems) {
      expect(invariant).toMatch(/^[A-Z]\d+$/);
      expect(message).not.toMatch(/undefined|NaN|\[object/);
    }
  });
});

test('every kind of finding is provoked', () => {
  // A journal that can't be replayed is provoked in command.test.ts, a damaged one in volume/journal-damage.test.ts.
  const provoked = new Set<ProblemCode>(['replay', 'journal', ...breakages.map(({ code }) => code)]);
  expect(Object.keys(invariants).filter((code) => !provoked.has(code as ProblemCode))).toEqual([]);
});

test('invariants are numbered without gaps', () => {
  const seen = new Map<string, number>();
  for (const [number] of Object.values(invariants)) {
    const area = number.slice(0, 1);
    expect(Number(number.slice(1))).toBe((seen.get(area) ?? 0) + 1);
    seen.set(area, Number(number.slice(1)));
  }
});

test('a problem of a file says its path', async () => {
  const breakage = breakages.find(({ what }) => what === 'a wrong count of links');
  const problems = await checkVolume((await breakage?.make()) as MemoryStore);
  expect(problems).toHaveLength(1);
  expect(problems[0]).toMatchObject({ code: 'links', inode: 100, path: '/docs/f0' });
});

test('a page of a file that can not be read is a finding, and the pages beside it are verified', async () => {
  const store = await sampleVolume();
  const first = await offsetOfBig(store);
  await flip(store, first + 2 * pageSize);
  const read = store.read.bind(store);
  store.read = (offset, into) => {
    if (offset <= first + pageSize && first + pageSize < offset + into.length) throw new FsError('EIO', 'read');
    return read(offset, into);
  };
  const problems = await checkVolume(store, { data: true });
  expect(problems.map(({ code, path }) => [code, path])).toEqual([
    ['data', '/big'],
    ['data', '/big'],
  ]);
  expect(problems.map(({ message }) => message.replace(/ \(.*/, ''))).toEqual([
    "inode 3: page 1 of the file can't be read",
    'inode 3: page 2 of the file fails its checksum',
  ]);
});
