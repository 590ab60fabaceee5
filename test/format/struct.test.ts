import { setFlagsFromString } from 'node:v8';
import { expect, it } from 'vitest';
import { Superblock } from '../../fs/format/superblock.js';

it('a record that was read is no hash table to V8, and all have one shape', () => {
  setFlagsFromString('--allow-natives-syntax');
  const fast = new Function('object', 'return %HasFastProperties(object)') as (object: object) => boolean;
  const alike = new Function('a', 'b', 'return %HaveSameMap(a, b)') as (a: object, b: object) => boolean;
  setFlagsFromString('--no-allow-natives-syntax');
  const page = new DataView(new ArrayBuffer(Superblock.size));
  const [one, other] = [Superblock.read(page), Superblock.read(page)];
  expect(fast(one)).toBe(true);
  expect(alike(one, other)).toBe(true);
});
