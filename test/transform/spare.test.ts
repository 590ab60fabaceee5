/** Memory for units that is used again. */
import { expect, it } from 'vitest';
import { Spare } from '../../fs/transform/spare.js';

const bytes = 128 << 10;

it("is nobody else's until it is given back, and then used again", () => {
  const spare = new Spare(bytes);
  const pieces = Array.from({ length: 100 }, () => spare.take());
  for (const [i, piece] of pieces.entries()) piece.fill(i);
  for (const [i, piece] of pieces.entries()) {
    expect(piece.length).toBe(bytes);
    expect(piece.every((byte) => byte === i)).toBe(true);
  }
  for (const piece of pieces) spare.give(piece);
  const places = new Set(
    pieces.map(({ buffer, byteOffset }) => `${pieces.findIndex((p) => p.buffer === buffer)} ${byteOffset}`),
  );
  expect(places.size).toBe(100);
  const again = Array.from({ length: 64 }, () => spare.take());
  expect(again.every((piece) => pieces.includes(piece))).toBe(true);
  expect(new Set(again).size).toBe(64);
});

it('keeps no more than it made beforehand', () => {
  const spare = new Spare(bytes);
  const pieces = Array.from({ length: 200 }, () => spare.take(4096));
  expect(pieces[199].length).toBe(4096);
  // What came last comes back first.
  for (const piece of pieces.toReversed()) spare.give(piece);
  const again = Array.from({ length: 200 }, () => spare.take());
  expect(again.filter((piece) => pieces.includes(piece)).length).toBe(64);
});
