import { expect, it } from 'vitest';
import { Neighbours } from '../../fs/store/neighbours.js';

const window = 256 * 1024;

it('asks once for the window around a missing piece, and for both when a piece lies in two', () => {
  const asked: number[][] = [];
  const neighbours = new Neighbours((offset, length) => asked.push([offset, length]));
  neighbours.missed(5 * window + 4096, 4096);
  neighbours.missed(5 * window + 65536, 4096);
  neighbours.missed(8 * window - 4096, 8192);
  expect(asked).toEqual([
    [5 * window, window],
    [7 * window, window],
    [8 * window, window],
  ]);
});

it('drops the habit where nothing else is wanted of the windows, but tries again now and then', () => {
  let asked = 0;
  const neighbours = new Neighbours(() => asked++);
  for (let i = 0; i < 1100; i++) neighbours.missed(i * window, 4096);
  const dropped = asked;
  for (let i = 1100; i < 1100 + 640; i++) neighbours.missed(i * window, 4096);
  expect(dropped).toBeLessThan(1100);
  expect(asked - dropped).toBe(10);
});

it('keeps the habit where windows are used', () => {
  let asked = 0;
  const neighbours = new Neighbours(() => asked++);
  for (let i = 0; i < 5000; i++) {
    neighbours.missed(i * window, 4096);
    neighbours.hit(i * window + 4096);
    neighbours.hit(i * window + 8192);
  }
  expect(asked).toBe(5000);
});
