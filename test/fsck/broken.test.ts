/** Every invariant can be broken, and the check finds it, says where, and changes nothing. */
import { describe, expect, test } from 'vitest';
import { MemoryStore } from '../../fs/store/memory.js';
import { checkVolume } from '../../fsck/check.js';
import { invariants, type ProblemCode } from '../../fsck/problem.js';
import { breakages } from '../broken/breakages.js';

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
  // A journal that can't be replayed is provoked in command.test.ts.
  const provoked = new Set<ProblemCode>(['replay', ...breakages.map(({ code }) => code)]);
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
