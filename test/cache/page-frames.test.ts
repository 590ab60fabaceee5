import { expect, it } from 'vitest';
import { PageFrames } from '../../fs/cache/page-frames.js';
import { below, chance, seededRandom } from '../../fs/store/random.js';
import { pageSize } from '../../fs/units.js';

const slab = 1024;

it('gives frames in a row, up to the end of a slab', () => {
  const frames = new PageFrames(2 * slab * pageSize);
  const first = frames.allocate(256);
  expect(frames.run).toBe(256);
  const second = frames.allocate(256);
  expect(second).toBe(first + 256);
  frames.allocate(1000);
  expect(frames.run).toBe(512);
  expect(frames.used).toBe(slab);
  frames.allocate(1);
  expect(frames.free).toBe(slab - 1);
});

it('makes a slab only when all frames are taken', () => {
  const frames = new PageFrames(2 * slab * pageSize);
  const first = frames.allocate(slab);
  frames.release(first + 10, 5);
  expect(frames.allocate(8)).toBe(first + 10);
  expect(frames.run).toBe(5);
  expect(frames.allocate(1)).toBe(slab);
});

it('views are of the frame they were asked for', () => {
  const frames = new PageFrames(slab * pageSize);
  const frame = frames.allocate(3);
  frames.slice(frame, 3).fill(1);
  frames.view(frame + 1).fill(2);
  expect(frames.view(frame)).toBe(frames.view(frame));
  expect([frames.view(frame)[4095], frames.view(frame + 1)[0], frames.view(frame + 2)[0]]).toEqual([1, 2, 1]);
});

it('tells who waits when frames are released', async () => {
  const frames = new PageFrames(slab * pageSize);
  const frame = frames.allocate(slab);
  let told = 0;
  const waiting = [frames.whenReleased(), frames.whenReleased()].map((one) => one.then(() => told++));
  frames.release(frame);
  await Promise.all(waiting);
  expect(told).toBe(2);
  expect(frames.free).toBe(1);
});

it('never gives a frame twice', () => {
  const random = seededRandom(5);
  const frames = new PageFrames(2 * slab * pageSize);
  const owned: number[] = [];
  const taken = new Set<number>();
  for (let i = 0; i < 20_000; i++) {
    if (owned.length > 0 && (frames.free === 0 || chance(random, 0.5))) {
      const [frame] = owned.splice(below(random, owned.length), 1);
      taken.delete(frame);
      frames.release(frame);
      continue;
    }
    const first = frames.allocate(1 + below(random, 40));
    for (let k = 0; k < frames.run; k++) {
      expect(taken.has(first + k)).toBe(false);
      taken.add(first + k);
      owned.push(first + k);
    }
    expect(frames.used).toBe(taken.size);
  }
});
