/** Workloads on a toy: the same calls for the same seed, and every lie is found. */
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../fs/store/random.js';
import { exitOf } from '../../stress/command/stress.js';
import { profiles } from '../../stress/profiles/all.js';
import { contents, firstDifference, keyOf } from '../../stress/workload/contents.js';
import { layOut } from '../../stress/workload/file-set.js';
import { drawSize } from '../../stress/workload/gamma.js';
import { Histogram } from '../../stress/workload/histogram.js';
import type { Profile } from '../../stress/workload/profile.js';
import { type RunOptions, type RunResult, runProfile } from '../../stress/workload/run.js';
import { type Lie, ToyFiles } from './toy-files.js';

const named = (name: string): Profile => {
  const found = profiles.find((profile) => profile.name === name);
  if (found === undefined) throw new Error(`no profile ${name}`);
  return found;
};

/** Tables are large. */
const countOf = (name: string): number => (name === 'db' ? 1 : 12);

const run = (name: string, files: ToyFiles, more: Partial<RunOptions> = {}): Promise<RunResult> =>
  runProfile({ profile: named(name), files, seed: 5, count: countOf(name), workers: 3, operations: 900, ...more });

/** All calls of a run; sorted, as the workers' calls may fall between each other as they like. */
async function calls(name: string, files: ToyFiles, seed: number): Promise<string[]> {
  const seen: string[] = [];
  await run(name, files, { seed, watch: (...call) => void seen.push(call.join(' ')) });
  return seen.sort();
}

describe.each(profiles.map(({ name }) => name))('profile %s', (name) => {
  it('makes the same calls for the same seed, whatever the order of answers', async () => {
    const first = await calls(name, new ToyFiles('none', 1), 7);
    expect(await calls(name, new ToyFiles('none', 2), 7)).toEqual(first);
    expect(await calls(name, new ToyFiles('none', 1), 8)).not.toEqual(first);
  });

  it('finds nothing wrong where nothing is, and ends when its operations are done', async () => {
    const { wrong, error, endedBy, meter } = await run(name, new ToyFiles());
    expect({ wrong: wrong.first, error, endedBy }).toEqual({ wrong: [], error: undefined, endedBy: 'operations' });
    expect(meter.operations).toBeGreaterThanOrEqual(900);
    expect(meter.bytesRead).toBeGreaterThan(0);
    expect(meter.bytesWritten).toBeGreaterThan(0);
  });
});

it.each<[Lie, string]>([
  ['flipped bit', 'web'],
  ['flipped bit', 'db'],
  ['lost write', 'db'],
  ['lost rename', 'build'],
  ['every name', 'build'],
  ['lost append', 'mail'],
  ['stale file', 'file'],
])('finds a %s with profile %s', async (lie, name) => {
  const result = await run(name, new ToyFiles(lie), { count: name === 'db' ? 1 : 3, operations: 3000 });
  expect(result.wrong.count).toBeGreaterThan(0);
  expect(result.wrong.first.length).toBeLessThanOrEqual(20);
  expect(exitOf({ ...result, error: undefined })).toBe(17);
});

it('ends when it is told to', async () => {
  const stop = new AbortController();
  let seen = 0;
  const watch = (): void => void (++seen === 100 && stop.abort());
  const result = await run('mail', new ToyFiles(), { stop: stop.signal, watch, operations: 1e9 });
  expect(result.endedBy).toBe('signal');
  expect(seen).toBeLessThan(150);
  expect(exitOf({ ...result, error: undefined })).toBe(130);
});

it('says what failed, and when a volume is full', async () => {
  const result = await run('file', new ToyFiles('none', 1, 2_500_000), { operations: 1e9 });
  expect(result.endedBy).toBe('error');
  expect(String(result.error)).toMatch(/ENOSPC/);
  expect(exitOf({ ...result, error: 'ENOSPC' })).toBe(1);
});

it('fills a volume as far as it is told', async () => {
  const files = new ToyFiles('none', 1, 16 << 20);
  const { endedBy, space, wrong } = await run('mail', files, { fill: 60, operations: 1e9 });
  expect([endedBy, wrong.count]).toEqual(['fill', 0]);
  expect(space.used / space.size).toBeGreaterThan(0.59);
  expect(space.used / space.size).toBeLessThan(0.8);
});

it('goes on past what it is told to where the volume is full before', async () => {
  const { endedBy, error } = await run('mail', new ToyFiles('none', 1, 1 << 20), { fill: 100, operations: 1e9 });
  expect([endedBy, error]).toEqual(['fill', undefined]);
});

describe('what is made of a seed', () => {
  it('sizes have the mean that is asked for, and many are small', () => {
    const random = seededRandom(3);
    const drawn = Array.from({ length: 20_000 }, () => drawSize(random, { mean: 16384, shape: 1.5 }));
    const mean = drawn.reduce((sum, size) => sum + size, 0) / drawn.length;
    expect(Math.abs(mean / 16384 - 1)).toBeLessThan(0.03);
    expect(Math.min(...drawn)).toBeGreaterThanOrEqual(1);
    // The median of this distribution is 0.789 of its mean.
    const small = drawn.filter((size) => size < 0.789 * 16384).length / drawn.length;
    expect(Math.abs(small - 0.5)).toBeLessThan(0.02);
    expect(drawSize(random, 77)).toBe(77);
  });

  it('contents are the same from any offset, and other for each seed, path and version', () => {
    const key = keyOf(1, 'a/b', 1);
    const whole = contents(key, 0, 100);
    for (let at = 0; at < 20; at++) expect(contents(key, at, 50)).toEqual(whole.slice(at, at + 50));
    for (const other of [keyOf(2, 'a/b', 1), keyOf(1, 'a/c', 1), keyOf(1, 'a/b', 2)])
      expect(contents(other, 0, 100)).not.toEqual(whole);
    expect(contents(key, 4096, 100)).not.toEqual(whole);
    expect(firstDifference(key, 10, whole.slice(10))).toBe(-1);
    const wrong = whole.slice();
    wrong[40] ^= 1;
    expect(firstDifference(key, 10, wrong.slice(10))).toBe(40);
  });

  it('no directory holds more than the width, and own files belong to one worker each', () => {
    const set = { use: 'own', files: 500, size: 10, present: 0.5, directoryWidth: 5 } as const;
    const { directories, start, pools } = layOut('s', set, 500, 4, seededRandom(1));
    const files = pools.flatMap((pool) => [...pool.present, ...pool.absent]);
    const held = new Map<string, number>();
    for (const path of [...directories.slice(1), ...files.map((file) => file.path)]) {
      const parent = path.slice(0, path.lastIndexOf('/'));
      expect(directories).toContain(parent);
      held.set(parent, (held.get(parent) ?? 0) + 1);
    }
    expect(Math.max(...held.values())).toBeLessThanOrEqual(5);
    expect(new Set(files).size).toBe(500);
    expect(files).toHaveLength(500);
    expect(pools.flatMap((pool) => pool.present).length).toBe(start.length);
  });
});

describe('the histogram', () => {
  it('tells percentiles at most 9 % too high, and the longest exactly', () => {
    const times = new Histogram();
    for (let i = 1; i <= 1000; i++) times.add(i);
    for (const share of [0.5, 0.9, 0.99]) {
      expect(times.percentile(share)).toBeGreaterThanOrEqual(share * 1000);
      expect(times.percentile(share)).toBeLessThanOrEqual(share * 1000 * 1.0906);
    }
    expect([times.count, times.max, times.percentile(1)]).toEqual([1000, 1000, 1000]);
  });

  it('takes what is very short, very long, and what another has', () => {
    const [times, others] = [new Histogram(), new Histogram()];
    expect(times.percentile(0.5)).toBe(0);
    times.add(0);
    others.add(1e15);
    others.add(2);
    times.merge(others);
    expect([times.count, times.max]).toEqual([3, 1e15]);
    expect(times.percentile(0.1)).toBeLessThanOrEqual(1 / 8);
    expect(times.percentile(0.5)).toBeCloseTo(2, 5);
  });
});
