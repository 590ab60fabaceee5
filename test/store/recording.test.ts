import { describe, expect, it } from 'vitest';
import { applyCrashState, type PendingWrite, plainCrashStates } from '../../fs/store/crash-states.js';
import { below, seededRandom } from '../../fs/store/random.js';
import { Playback } from '../../fs/store/recording.js';
import { SimulatedDisk } from '../../fs/store/simulated-disk.js';
import { SparseBytes } from '../../fs/store/sparse-bytes.js';

const size = 1 << 20;
const page = (byte: number): Uint8Array => new Uint8Array(4096).fill(byte);
const firstBytes = (contents: SparseBytes, pages: number): number[] => {
  const into = new Uint8Array(1);
  return Array.from({ length: pages }, (_, i) => {
    contents.read(i * 4096, into);
    return into[0];
  });
};

describe('a recording', () => {
  it('gives back what was durable and what was pending at each moment', async () => {
    const random = seededRandom(4);
    const disk = new SimulatedDisk(size, { record: true, slow: { random, inPlace: 0.3, turns: 3 } });
    const seen: { moment: number; all: number[] }[] = [];
    for (let i = 1; i <= 60; i++) {
      const work = i % 7 === 0 ? disk.barrier() : disk.write(i * 4096, [page(i)]);
      if (below(random, 3) === 0) await work;
      seen.push({ moment: disk.recording.now, all: firstBytes(disk.contents(), 61) });
    }
    await disk.close();
    expect(disk.recording.barriers.length).toBeGreaterThan(3);
    const playback = new Playback(disk.recording);
    for (const { moment, all } of seen) {
      playback.advance(moment);
      const contents = playback.durable.copy();
      applyCrashState(
        contents,
        playback.arrived().map((write) => ({ write, unit: 4096 })),
      );
      expect(firstBytes(contents, 61)).toEqual(all);
    }
  });

  it('takes a write as durable only if it was issued before the barrier', async () => {
    const disk = new SimulatedDisk(size, { record: true, slow: { random: seededRandom(1), inPlace: 0, turns: 4 } });
    const first = disk.write(0, [page(1)]);
    const barrier = disk.barrier();
    const second = disk.write(4096, [page(2)]);
    await Promise.all([first, barrier, second]);
    const playback = new Playback(disk.recording);
    playback.advance(disk.recording.now);
    expect(firstBytes(playback.durable, 2)).toEqual([1, 0]);
    expect(playback.pending().map(({ offset }) => offset)).toEqual([4096]);
    for (let seed = 0; seed < 20; seed++) expect(firstBytes(disk.crash(seededRandom(seed)), 1)).toEqual([1]);
  });

  it('knows what is under way', async () => {
    const disk = new SimulatedDisk(size, { record: true });
    disk.write(0, [page(1)]);
    disk.faults.plan('write', 2, { what: 'slow', turns: 3 });
    const late = disk.write(4096, [page(2)]);
    const { now } = disk.recording;
    await late;
    const playback = new Playback(disk.recording);
    playback.advance(now);
    expect(playback.pending().map(({ offset }) => offset)).toEqual([0, 4096]);
    expect(playback.arrived().map(({ offset }) => offset)).toEqual([0]);
  });
});

describe('plain crash states', () => {
  const writes = (count: number): PendingWrite[] =>
    Array.from({ length: count }, (_, i) => ({ offset: i * 4096, length: 4096, bytes: page(1) }));
  const states = (count: number): string[] =>
    [...plainCrashStates(writes(count))].map((state) => {
      const contents = new SparseBytes(size);
      applyCrashState(contents, state);
      return firstBytes(contents, count).join('');
    });

  it('are all subsets of a few writes', () => {
    expect(states(0)).toEqual(['']);
    expect(states(3).sort()).toEqual(['000', '001', '010', '011', '100', '101', '110', '111']);
  });

  it('are the nearest ones of many writes', () => {
    const found = new Set(states(6));
    for (const state of ['000000', '111111', '111000', '000100', '111011']) expect(found).toContain(state);
    expect(found.size).toBe(7 + 6 + 6 - 1 - 1);
  });
});
