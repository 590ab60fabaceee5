import { expect, it } from 'vitest';
import { ReadPace } from '../../fs/store/read-pace.js';

const inPlace = (pace: ReadPace, milliseconds: number, times: number): void => {
  for (let i = 0; i < times; i++) pace.took(milliseconds);
};
/** Reads on threads until the next one in place. */
const untilTry = (pace: ReadPace): number => {
  let reads = 0;
  for (; !pace.quick; reads++) pace.passed();
  return reads;
};

it('a quick disk is waited for, and one read that took long is forgiven', () => {
  const pace = new ReadPace();
  for (let round = 0; round < 10; round++) {
    inPlace(pace, 0.04, 30);
    inPlace(pace, 20, 1);
    expect(pace.quick).toBe(true);
  }
});

it('a slow one is left after a few, and tried again ever more seldom', () => {
  const pace = new ReadPace();
  inPlace(pace, 2, 3);
  expect(pace.quick).toBe(false);
  const tries: number[] = [];
  for (let i = 0; i < 7; i++) {
    tries.push(untilTry(pace));
    pace.took(2);
    expect(pace.quick).toBe(false);
  }
  expect(tries).toEqual([16, 32, 64, 128, 256, 512, 512]);
});

it('one that was slow for a moment is waited for again', () => {
  const pace = new ReadPace();
  inPlace(pace, 0.04, 100);
  while (pace.quick) pace.took(3);
  expect(untilTry(pace)).toBe(16);
  inPlace(pace, 0.04, 100);
  expect(pace.quick).toBe(true);
  while (pace.quick) pace.took(3);
  expect(untilTry(pace)).toBe(16);
});

it('waits for reads of a bit less than 0.2 ms, and not for those of a bit more', () => {
  const [less, more] = [new ReadPace(), new ReadPace()];
  inPlace(less, 0.18, 1000);
  inPlace(more, 0.22, 1000);
  expect([less.quick, more.quick]).toEqual([true, false]);
});
