/** Reads of many pieces at once: the same bytes as one after another, in whatever order and however near they lie. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openImageFile } from '../../fs/store/image-file.js';
import { Neighbours } from '../../fs/store/neighbours.js';
import { Pieces } from '../../fs/store/pieces.js';
import { below, type Random, seededRandom } from '../../fs/store/random.js';
import { type Rest, ScatteredReads } from '../../fs/store/scattered-read.js';

const page = 4096;
const pages = 4096;
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'varve-scattered-'));
const file = path.join(folder, 'image');
afterAll(() => fs.rmSync(folder, { recursive: true }));
beforeAll(() => fs.writeFileSync(file, Buffer.concat(Array.from({ length: pages }, (_, i) => content(i)))));

const content = (number: number): Buffer => {
  const bytes = Buffer.alloc(page, number & 255);
  bytes.writeUInt32LE(number, 0);
  bytes.writeUInt32LE(number, page - 4);
  return bytes;
};

/** The host forgets what it has of the file, if it can. */
const forget = (): void =>
  void execFileSync('dd', [`of=${file}`, 'oflag=nocache', 'conv=notrunc,fdatasync', 'count=0'], { stdio: 'ignore' });

/** Pieces of 1 to 4 pages in ascending order with gaps of up to 5 pages, or anywhere; and what they are to hold. */
function somePieces(random: Random, count: number, near: boolean): { pieces: Pieces; into: Buffer; expected: Buffer } {
  const pieces = new Pieces();
  const wanted: Buffer[] = [];
  const where: { first: number; length: number }[] = [];
  for (let i = 0, at = below(random, 100); i < count; i++) {
    const length = 1 + below(random, 4);
    const first = near ? at : below(random, pages - length);
    at = first + length + below(random, 6);
    where.push({ first, length });
    for (let j = 0; j < length; j++) wanted.push(content(first + j));
  }
  const expected = Buffer.concat(wanted);
  const into = Buffer.alloc(expected.length, 0xee);
  let filled = 0;
  for (const { first, length } of where) {
    pieces.add(first * page, length * page, into, filled);
    filled += length * page;
  }
  return { pieces, into, expected };
}

it.each([true, false])('fills all pieces, cold and warm, near each other: %s', async (near) => {
  const random = seededRandom(31);
  const store = await openImageFile(file);
  for (let round = 0; round < 12; round++) {
    if (round % 3 === 0) forget();
    const { pieces, into, expected } = somePieces(random, 1 + below(random, 300), near);
    const wait = store.readPieces?.(pieces);
    pieces.clear();
    await wait;
    expect(into.equals(expected)).toBe(true);
  }
  await store.close();
});

it('what the host has in memory comes in place; what lies near each other in one call', () => {
  fs.readFileSync(file);
  const fd = fs.openSync(file, 'r');
  const asked: number[] = [];
  const reads = new ScatteredReads(fd, file, new Neighbours((offset) => asked.push(offset)), () => undefined);
  const { pieces, into, expected } = somePieces(seededRandom(5), 200, true);
  expect(reads.begin(pieces)).toBeUndefined();
  expect(into.equals(expected)).toBe(true);
  expect(asked).toEqual([]);
  fs.closeSync(fd);
});

it('fills what is missing, here and on threads, and says where the image ends', async () => {
  const fd = fs.openSync(file, 'r');
  const reads = new ScatteredReads(fd, file, new Neighbours(() => undefined), () => undefined);
  const into = Buffer.alloc(60 * page);
  const rests = (): Rest[] =>
    Array.from({ length: 20 }, (_, i) => ({
      offset: i * 100 * page,
      views: [0, 1, 2].map((j) => into.subarray((3 * i + j) * page, (3 * i + j + 1) * page)),
    }));
  const expected = Buffer.concat(Array.from({ length: 60 }, (_, i) => content(Math.floor(i / 3) * 100 + (i % 3))));
  reads.waitHere(rests());
  expect(into.equals(expected)).toBe(true);
  into.fill(0);
  await reads.wait(rests());
  expect(into.equals(expected)).toBe(true);
  const beyond = (): Rest[] => [{ offset: (pages - 1) * page, views: [into.subarray(0, 2 * page)] }];
  expect(() => reads.waitHere(beyond())).toThrow(/EIO/);
  await expect(reads.wait(beyond())).rejects.toThrow(/EIO/);
  fs.closeSync(fd);
});
