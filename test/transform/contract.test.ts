/** Every transform keeps the rules of transform.ts; chains are named, numbered and found again. */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { maxTransforms, TransformEntry } from '../../fs/format/superblock.js';
import { seededRandom } from '../../fs/store/random.js';
import { Chains, enterChain, parseChain } from '../../fs/transform/chain.js';
import { checkTransform, hostile, hostileBytes, sample } from '../../fs/transform/contract.js';
import { loadTransform } from '../../fs/transform/external.js';
import { Registry } from '../../fs/transform/registry.js';
import type { Transform } from '../../fs/transform/transform.js';
import { decodeUnit, encodeUnit } from '../../fs/transform/unit.js';

const registry = await new Registry().ready();
const table = (): Uint8Array => new Uint8Array(maxTransforms * TransformEntry.size);
const page = 4096;

describe.each(registry.names)('%s', (name) => {
  const transform = registry.byName(name);

  it('keeps the rules', () => {
    expect([...checkTransform(transform, seededRandom(1), 12)]).toEqual([]);
  });

  it('fills its target from hostile bytes alone, or throws', () => {
    const random = seededRandom(4);
    const target = new Uint8Array(10_000);
    const level = transform.levels?.usual ?? 0;
    const valid = [100, 3000, 8192].map((length) =>
      target.slice(0, transform.encode(sample(random, length), target, level)),
    );
    for (let i = 0; i < 4000; i++) {
      const bytes = hostileBytes(random, valid);
      expect(
        hostile(transform, bytes, 1 + Math.floor(random() * 9000)),
        Buffer.from(bytes).toString('hex'),
      ).toBeUndefined();
    }
  });
});

const broken: readonly (readonly [string, (right: Transform) => Partial<Transform>])[] = [
  ['writes outside its target', (right) => ({ decode: (stored, target) => right.decode(stored, beyond(target)) })],
  ['gives back something else', (right) => ({ decode: (stored, target) => spoilt(right, stored, target) })],
  ['changes its input', (right) => ({ encode: (plain, ...rest) => right.encode(plain.fill(0, 0, 1), ...rest) })],
  ['claims to fit', (right) => ({ encode: (...given) => Math.abs(right.encode(...given)) })],
  ['fills any target', () => ({ decode: (stored, target) => target.set(stored.subarray(0, target.length)) })],
  ['hides errors', (right) => ({ decode: (stored, target) => careless(right, stored, target) })],
];
function spoilt(right: Transform, stored: Uint8Array, target: Uint8Array): void {
  right.decode(stored, target);
  target[target.length - 1]++;
}
function careless(right: Transform, stored: Uint8Array, target: Uint8Array): void {
  try {
    right.decode(stored, target);
  } catch (e) {
    if (!(e instanceof RangeError)) throw e;
  }
}
const beyond = (target: Uint8Array): Uint8Array => {
  new Uint8Array(target.buffer)[target.byteOffset + target.length] = 0;
  return target;
};

describe('the check', () => {
  it.each(broken)('notices a transform that %s', (_, breaks) => {
    const right = registry.byName('lz4');
    const problems = [...checkTransform({ ...right, ...breaks(right) }, seededRandom(2), 20)];
    expect(problems.length).toBeGreaterThan(0);
  });

  it('finds nothing in the example', async () => {
    const path = fileURLToPath(new URL('../../examples/zero-runs.mjs', import.meta.url));
    expect([...checkTransform(await loadTransform(path), seededRandom(3), 12)]).toEqual([]);
    expect(
      readFileSync(path, 'utf8')
        .split('\n')
        .filter((line) => !/^\s*(\/\/|$)/.test(line)).length,
    ).toBeLessThanOrEqual(40);
  });

  it('refuses what is no transform', async () => {
    await expect(loadTransform('/nowhere.mjs')).rejects.toThrow(/no module/);
    await expect(loadTransform(fileURLToPath(import.meta.url))).rejects.toThrow(/vitest|load|default export/);
    expect(() => new Registry([{ ...registry.byName('deflate'), name: 'other' }])).toThrow(/two transforms/);
  });
});

describe('a unit', () => {
  const chain = { ...parseChain('lz4', registry), number: 1, sealed: false };

  it('fills whole pages, and is made only if it saves one', () => {
    const text = new Uint8Array(Buffer.from('some words '.repeat(3000)).subarray(0, 7 * page));
    const unit = encodeUnit(chain, text);
    expect(unit?.pages.length).toBe(page);
    expect(unit?.pages.subarray(unit.bytes).every((byte) => byte === 0)).toBe(true);
    const plain = new Uint8Array(text.length);
    if (unit) decodeUnit(chain, unit.pages.subarray(0, unit.bytes), plain);
    expect(plain).toEqual(text);
    expect(encodeUnit(chain, new Uint8Array(randomBytes(7 * page)))).toBeUndefined();
  });

  it('has memory of its own until it is released', () => {
    const one = encodeUnit(chain, new Uint8Array(4 * page).fill(1));
    const before = one?.pages.slice();
    const other = encodeUnit(chain, new Uint8Array(4 * page).fill(2));
    expect(one?.pages).toEqual(before);
    expect(other?.pages).not.toEqual(before);
    one?.release();
    other?.release();
  });
});

describe('the table of chains', () => {
  it('keeps names and levels under their numbers', () => {
    const bytes = table();
    const made = new Chains(bytes, registry);
    for (const text of ['lz4', 'deflate:9', 'lz4:12']) enterChain(bytes, made.add(made.next(text)));
    const read = new Chains(bytes, registry);
    expect([1, 2, 3, 4].map((number) => read.at(number)?.name)).toEqual(['lz4', 'deflate:9', 'lz4:12', undefined]);
    expect(read.at(2)?.level).toBe(9);
    expect(read.find('lz4:12')?.number).toBe(3);
    expect(read.find('deflate')).toBeUndefined();
    expect(read.missing.size).toBe(0);
  });

  it('tells what is missing, and gives its number to nobody else', () => {
    const bytes = table();
    TransformEntry.write(new DataView(bytes.buffer), TransformEntry.size, {
      compression: 700,
      encryption: 0,
      name: 'rot13',
    });
    const chains = new Chains(bytes, registry);
    expect([...chains.missing]).toEqual([[1, 'rot13']]);
    expect(chains.next('lz4').number).toBe(2);
  });

  it('refuses what there is not', () => {
    for (const text of ['', 'lz5', 'lz4:99', 'lz4:', 'lz4:1:2', 'deflate:0', 'deflate:x'])
      expect(() => parseChain(text, registry), text).toThrow(/transform|level|lz4|deflate/);
    const chains = new Chains(table(), registry);
    for (let level = 0; level < 6; level++) chains.add(chains.next(`lz4:${level}`));
    for (let level = 1; level <= 9; level++) chains.add(chains.next(`deflate:${level}`));
    expect(() => chains.next('lz4:11')).toThrow(/at most 15/);
  });
});
