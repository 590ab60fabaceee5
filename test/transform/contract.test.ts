/** Every transform keeps the rules of transform.ts; chains are named, numbered and found again. */
import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { maxTransforms, TransformEntry } from '../../fs/format/superblock.js';
import { Chains, enterChain, parseChain } from '../../fs/transform/chain.js';
import { Registry } from '../../fs/transform/registry.js';
import { maxUnitBytes } from '../../fs/transform/transform.js';
import { decodeUnit, encodeUnit } from '../../fs/transform/unit.js';

const registry = await new Registry().ready();
const table = (): Uint8Array => new Uint8Array(maxTransforms * TransformEntry.size);
const page = 4096;

describe.each(registry.names)('%s', (name) => {
  const transform = registry.byName(name);
  const level = transform.levels?.usual ?? 0;
  const samples = [1, 2, 100, page, 3 * page, maxUnitBytes].flatMap((length) => [
    new Uint8Array(length),
    new Uint8Array(randomBytes(length)),
    new Uint8Array(Buffer.from('all work and no play '.repeat(Math.ceil(length / 21))).subarray(0, length)),
  ]);

  it('gives back what it was given, and touches neither it nor what follows the target', () => {
    for (const plain of samples) {
      const before = plain.slice();
      const memory = new Uint8Array(2 * maxUnitBytes + 16).fill(0xa5);
      const target = memory.subarray(0, plain.length + 1000);
      const bytes = transform.encode(plain, target, level);
      expect(bytes).toBeGreaterThan(0);
      expect(memory.subarray(target.length).every((byte) => byte === 0xa5)).toBe(true);
      expect(plain).toEqual(before);
      const stored = target.slice(0, bytes);
      const room = new Uint8Array(plain.length + 16).fill(0x5a);
      transform.decode(stored, room.subarray(0, plain.length));
      expect(room.subarray(0, plain.length)).toEqual(plain);
      expect(room.subarray(plain.length).every((byte) => byte === 0x5a)).toBe(true);
    }
  });

  it('says so when the result does not fit', () => {
    const noise = new Uint8Array(randomBytes(8 * page));
    const memory = new Uint8Array(8 * page).fill(0xa5);
    expect(transform.encode(noise, memory.subarray(0, 7 * page), level)).toBe(-1);
    expect(memory.subarray(7 * page).every((byte) => byte === 0xa5)).toBe(true);
  });

  it('throws for a wrong length, and for what is cut off', () => {
    const plain = samples[samples.length - 1];
    const target = new Uint8Array(maxUnitBytes);
    const stored = target.slice(0, transform.encode(plain, target, level));
    expect(() => transform.decode(stored, new Uint8Array(plain.length - 1))).toThrow();
    expect(() => transform.decode(stored, new Uint8Array(plain.length + 1))).toThrow();
    expect(() => transform.decode(stored.subarray(0, stored.length - 1), new Uint8Array(plain.length))).toThrow();
    expect(() => transform.decode(new Uint8Array(0), new Uint8Array(page))).toThrow();
  });
});

describe('a unit', () => {
  const chain = { ...parseChain('lz4', registry), number: 1 };

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
    const other = encodeUnit(chain, new Uint8Array(4 * page).fill(2));
    expect(one?.pages.buffer).not.toBe(other?.pages.buffer);
  });
});

describe('the table of chains', () => {
  it('keeps names and levels under their numbers', () => {
    const bytes = table();
    const made = new Chains(bytes, registry);
    for (const text of ['lz4', 'deflate:9', 'lz4:12']) enterChain(bytes, made.add(text));
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
    expect(chains.add('lz4').number).toBe(2);
  });

  it('refuses what there is not', () => {
    for (const text of ['', 'lz5', 'lz4:99', 'lz4:', 'lz4:1:2', 'deflate:0', 'deflate:x'])
      expect(() => parseChain(text, registry), text).toThrow(/transform|level|lz4|deflate/);
    const chains = new Chains(table(), registry);
    for (let level = 0; level < 6; level++) chains.add(`lz4:${level}`);
    for (let level = 1; level <= 9; level++) chains.add(`deflate:${level}`);
    expect(() => chains.add('lz4:11')).toThrow(/at most 15/);
  });
});
