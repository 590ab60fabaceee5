/** Commits that come by themselves, and the cleaner's turn after them. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FsError } from '../../fs/errors.js';
import { MemoryStore } from '../../fs/store/memory.js';
import { Pace, type Paced } from '../../fs/volume/pace.js';
import { Volume } from '../../fs/volume/volume.js';
import { formatTestVolume } from '../support/volume-image.js';
import { Slots } from './slots.js';

class Work implements Paced {
  commits = 0;
  /** So many commits fail. */
  failures = 0;
  /** Segments to clean. */
  victims = 0;
  /** Steps of what waits for a pause, and how many of them were done. */
  untidy = 0;
  tidied = 0;
  /** Most segments cleaned without a commit. */
  longest = 0;
  broken = false;
  private since = 0;

  async commit(): Promise<void> {
    this.commits++;
    this.since = 0;
    if (this.failures-- > 0) throw new FsError('ENOSPC', 'flush');
  }

  async clean(): Promise<boolean> {
    if (this.victims === 0) return false;
    this.longest = Math.max(this.longest, ++this.since);
    return --this.victims > 0;
  }

  async tidy(): Promise<boolean> {
    if (this.untidy === 0) return false;
    this.tidied++;
    return --this.untidy > 0;
  }

  failed(): boolean {
    return this.broken;
  }
}

/** So many changes, a tenth of a second apart. */
async function change(pace: Pace, times: number): Promise<void> {
  for (let i = 0; i < times; i++) {
    pace.touched();
    await vi.advanceTimersByTimeAsync(100);
  }
}

describe('the pace of commits', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('commits when changes have paused, and at the latest after the time given', async () => {
    const work = new Work();
    const pace = new Pace(work, 5000);
    pace.touched();
    await vi.advanceTimersByTimeAsync(1000);
    expect(work.commits).toBe(1);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(work.commits).toBe(1);
    await change(pace, 99);
    expect(work.commits).toBe(2);
    await pace.stop();
  });

  it('a commit that fails again and again is not tried at each pause, which comes at once', async () => {
    const work = new Work();
    work.failures = 1000;
    const pace = new Pace(work, 5000);
    pace.touched();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(work.commits).toBeGreaterThanOrEqual(10);
    expect(work.commits).toBeLessThan(14);
    work.failures = 0;
    await vi.advanceTimersByTimeAsync(10_000);
    const { commits } = work;
    pace.touched();
    await vi.advanceTimersByTimeAsync(1000);
    expect(work.commits).toBe(commits + 1);
    await pace.stop();
  });

  it('keeps its pace when commits change things themselves, as a flush does', async () => {
    const work = new Work();
    const pace = new Pace(work, 5000);
    const { commit } = work;
    work.commit = () => {
      pace.touched();
      return commit.call(work);
    };
    await change(pace, 600);
    expect(work.commits).toBeGreaterThanOrEqual(10);
    expect(work.commits).toBeLessThanOrEqual(12);
    await pace.stop();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('tries again after a commit that failed', async () => {
    const work = new Work();
    work.failures = 2;
    const pace = new Pace(work, 5000);
    pace.touched();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(work.commits).toBe(3);
    await pace.stop();
  });

  it('ends with the volume', async () => {
    const work = new Work();
    work.failures = 1;
    work.broken = true;
    const pace = new Pace(work, 5000);
    pace.touched();
    await vi.advanceTimersByTimeAsync(60_000);
    pace.touched();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(work.commits).toBe(1);
    await pace.stop();
  });

  it('cleaning asks for a commit now and then, as it dirties nodes and its places are free only after one', async () => {
    const work = new Work();
    work.victims = 100;
    const pace = new Pace(work, 5000);
    pace.touched();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(work.victims).toBe(0);
    expect(work.longest).toBeLessThan(10);
    await pace.stop();
  });

  it('what waits for a pause is not done while something changes', async () => {
    const work = new Work();
    work.untidy = 5;
    const pace = new Pace(work, 1000);
    await change(pace, 99);
    expect(work.commits).toBeGreaterThan(5);
    expect(work.tidied).toBe(0);
    await vi.advanceTimersByTimeAsync(2000);
    expect(work.tidied).toBe(5);
    await pace.stop();
  });

  it('what a step in a pause changed is committed before the next step, and ends with the last one', async () => {
    const work = new Work();
    work.untidy = 5;
    const pace = new Pace(work, 1000);
    const { tidy } = work;
    work.tidy = () => {
      if (work.untidy > 0) pace.touched();
      return tidy.call(work);
    };
    pace.touched();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(work.tidied).toBe(5);
    expect(work.commits).toBe(6);
    await pace.stop();
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('what is done in a pause', () => {
  it('keeps no commit waiting, however long it takes, and is waited for at the end', async () => {
    vi.useFakeTimers();
    const work = new Work();
    const pace = new Pace(work, 1000);
    let end = (): void => undefined;
    let begun = 0;
    work.tidy = () => {
      begun++;
      return new Promise((resolve) => {
        end = () => resolve(false);
      });
    };
    pace.touched();
    await vi.advanceTimersByTimeAsync(5000);
    expect([work.commits, begun]).toEqual([1, 1]);
    await change(pace, 50);
    expect(work.commits).toBeGreaterThan(3);
    await vi.advanceTimersByTimeAsync(5000);
    expect(begun).toBe(1);
    let stopped = false;
    const stop = pace.stop().then(() => {
      stopped = true;
    });
    await vi.advanceTimersByTimeAsync(100);
    expect(stopped).toBe(false);
    end();
    await stop;
    vi.useRealTimers();
  });
});

describe('a commit', () => {
  it('makes everything else durable when one file can not be flushed', async () => {
    const store = new MemoryStore(16 * 2 ** 20);
    await formatTestVolume(store);
    const volume = await Volume.open(store, { commitSeconds: 0 });
    const slots = new Slots(volume);
    volume.flusher = {
      flushAll: () => Promise.reject(new FsError('EIO', 'flush')),
      flushNow: () => undefined,
    };
    await slots.write(1, 3);
    await expect(volume.commit()).rejects.toMatchObject({ code: 'EIO' });
    await volume.abandon();
    slots.volume = await Volume.open(store, { commitSeconds: 0 });
    expect(await slots.wrong()).toEqual([]);
    await slots.volume.close();
  });
});
