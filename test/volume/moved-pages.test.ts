/** The pass that keeps the relocation map small: what it takes out of it, what it leaves, and when it works at all. */
import { describe, expect, it, vi } from 'vitest';
import { placeState } from '../../fs/format/segment-table.js';
import { FileSystem } from '../../fs/posix/filesystem.js';
import { initialItems } from '../../fs/posix/namespace/root-directory.js';
import { MemoryStore } from '../../fs/store/memory.js';
import type { SparseBytes } from '../../fs/store/sparse-bytes.js';
import { run } from '../../fs/suspend.js';
import { mapSize } from '../../fs/volume/moved-pages.js';
import { SnapshotView } from '../../fs/volume/snapshot-view.js';
import { Volume } from '../../fs/volume/volume.js';
import { checkVolume } from '../../fsck/check.js';
import { onlyOnPlainVolumes } from '../support/plain-volumes.js';
import { formatTestVolume } from '../support/volume-image.js';

onlyOnPlainVolumes('counts pages as they were written');

const who = { uid: 0, gid: 0, pid: 1 };
const page = 4096;
const imageBytes = 64 << 20;
const files = 4;
const pagesEach = 300;

/** Made once. */
let image: SparseBytes | undefined;

class Aged {
  private constructor(
    readonly store: MemoryStore,
    readonly volume: Volume,
    readonly fs: FileSystem,
  ) {}

  static async open(store: MemoryStore, commitSeconds = 0): Promise<Aged> {
    const volume = await Volume.open(store, { commitSeconds });
    return new Aged(store, volume, new FileSystem(volume, { cacheBytes: 4 << 20 }));
  }

  static async make(commitSeconds = 0): Promise<Aged> {
    image ??= await Aged.image();
    return Aged.open(new MemoryStore(imageBytes, { bytes: image.copy() }), commitSeconds);
  }

  /** Files whose pages were written in turns with others that are gone, and then moved: an entry a page. */
  private static async image(): Promise<SparseBytes> {
    const store = new MemoryStore(imageBytes);
    await formatTestVolume(store, undefined, initialItems({ seconds: 1, nanos: 0 }, 0, 0, 0o755));
    const aged = await Aged.open(store);
    const all: number[] = [];
    for (let i = 0; i < files; i++) all.push(await aged.file(`kept ${i}`), await aged.file(`gone ${i}`));
    for (let at = 0; at < pagesEach; at++) {
      for (const inode of all) await aged.write(inode, at, inode + at);
      await aged.fs.sync();
    }
    for (let i = 0; i < files; i++) await run(() => aged.fs.unlink(1, Buffer.from(`gone ${i}`), who));
    await aged.move();
    await aged.fs.close();
    await aged.volume.close();
    return store.bytes;
  }

  async file(name: string): Promise<number> {
    return (await run(() => this.fs.mknod(1, Buffer.from(name), 0o100644, 0, 0, who))).inode;
  }
  async write(inode: number, at: number, fill: number): Promise<void> {
    await run(() => this.fs.write(inode, at * page, Buffer.alloc(page, fill), who));
  }

  /** Clean all segments. */
  async move(): Promise<void> {
    const { volume } = this;
    const { table } = volume.state;
    await volume.commit();
    const { nextSerial } = table;
    for (const place of table.state.keys())
      if (table.state[place] === placeState.sealed && table.live[place] > 0 && table.serial[place] < nextSerial)
        await volume.cleaning.evacuate(place);
    volume.state.changed = true;
    for (let i = 0; i < 3; i++) {
      await volume.commit();
      volume.state.changed = true;
    }
  }

  /** Every file holds what was written to it. */
  async right(fs = this.fs): Promise<boolean> {
    for (let i = 0; i < files; i++) {
      const { inode } = await run(() => fs.lookup(1, Buffer.from(`kept ${i}`)));
      const into = Buffer.alloc(page);
      for (let at = 0; at < pagesEach; at++) {
        await run(() => fs.read(inode, at * page, into));
        if (into[0] !== (inode + at) % 256 || into[page - 1] !== into[0]) return false;
      }
    }
    return true;
  }

  async check(): Promise<void> {
    await this.fs.close();
    await this.volume.close();
    expect(await checkVolume(this.store, { data: true })).toEqual([]);
  }
}

describe('a pass over moved pages', () => {
  it('takes what is known through short entries out of the map', async () => {
    const aged = await Aged.make();
    const { movedPages } = aged.volume;
    const before = await mapSize(aged.volume.state);
    expect(before.entries).toBeGreaterThan(files * pagesEach * 0.9);
    await movedPages.pass();
    await aged.volume.commit();
    expect((await mapSize(aged.volume.state)).entries).toBeLessThan(before.entries / 100);
    expect(movedPages.resettled.pages).toBeGreaterThan(files * pagesEach * 0.9);
    expect(movedPages.resettled.entries).toBeGreaterThan(before.entries * 0.9);
    expect(movedPages.resettled.entries).toBeLessThanOrEqual(before.entries + movedPages.resettled.nodes);
    expect(await aged.right()).toBe(true);
    await aged.check();
  });

  it('looks at so much in a step, and lets others have their turns', async () => {
    const aged = await Aged.make();
    const { movedPages } = aged.volume;
    for (let i = 0; i < 5000; i++) await aged.file(`small ${i}`);
    await aged.volume.commit();
    const { resettler } = movedPages;
    if (resettler === undefined) throw new Error('there is no filesystem');
    const { next } = await resettler.step({ inode: 0, kind: 0, offset: 0 }, 2 ** 30);
    expect(next).toBeDefined();
    const leaves = aged.volume.state.main.nodes - 1;
    const [breathe, step] = [vi.spyOn(resettler, 'breathe'), vi.spyOn(resettler, 'step')];
    await movedPages.pass();
    expect(step.mock.calls.length).toBeGreaterThan(1);
    expect(breathe.mock.calls.length).toBeGreaterThan(leaves / 20);
    await aged.check();
  });

  it('ends where the volume is too full, and leaves the leaves as well', async () => {
    const aged = await Aged.make();
    const { movedPages, state } = aged.volume;
    const { space } = state;
    space.reserved = space.capacity;
    await movedPages.pass();
    expect(movedPages.resettled).toEqual({ pages: 0, nodes: 0, entries: 0 });
    space.reserved = 0;
    await movedPages.pass();
    expect(movedPages.resettled.pages).toBeGreaterThan(files * pagesEach * 0.9);
    await aged.check();
  });

  it('leaves what a snapshot holds where it is', async () => {
    const aged = await Aged.make();
    const { movedPages, snapshots } = aged.volume;
    await snapshots.create('all');
    await aged.volume.commit();
    const { live } = aged.volume.statistics();
    const { entries } = await mapSize(aged.volume.state);
    await movedPages.pass();
    await aged.volume.commit();
    expect(movedPages.resettled).toEqual({ pages: 0, nodes: 0, entries: 0 });
    expect(aged.volume.statistics().live).toBe(live);
    // It does not come by itself to look for the same again.
    const { counters } = aged.volume.state;
    const { resettler } = movedPages;
    let steps = 0;
    movedPages.resettler = {
      breathe: async () => undefined,
      step: (from, most) => {
        steps++;
        return resettler?.step(from, most) ?? Promise.reject(new Error('there is none'));
      },
    };
    for (let i = 1; i <= 3; i++) {
      counters.filePages = i * files * pagesEach;
      while (await movedPages.step());
      expect(steps).toBe(0);
    }
    movedPages.resettler = resettler;
    // What was written after the snapshot is nobody else's.
    for (let at = 0; at < pagesEach; at += 2) {
      await aged.write(2, at, 2 + at);
      await aged.fs.sync();
    }
    await aged.move();
    await movedPages.pass();
    await aged.volume.commit();
    expect(movedPages.resettled.pages).toBeGreaterThan(0);
    expect((await mapSize(aged.volume.state)).entries).toBeGreaterThan(entries / 2);
    const root = snapshots.find('all');
    if (root === undefined) throw new Error('the snapshot is gone');
    const view = new FileSystem(new SnapshotView(aged.volume, root), { cacheBytes: 1 });
    expect(await aged.right(view)).toBe(true);
    expect(await aged.right()).toBe(true);
    await aged.check();
  });

  it('lays anew about as much as others wrote, and not what that writes again', async () => {
    const aged = await Aged.make();
    const { movedPages, state } = aged.volume;
    const written = files * pagesEach * 0.2;
    state.counters.filePages = written;
    for (let i = 0; i < 20; i++) {
      await movedPages.step();
      await aged.fs.sync();
    }
    expect(movedPages.resettled.pages).toBeGreaterThan(written / 2);
    expect(movedPages.resettled.pages).toBeLessThan(written * 1.5);
    await aged.check();
  });

  it('may be cut off anywhere', async () => {
    const aged = await Aged.make();
    const pass = aged.volume.movedPages.pass();
    await new Promise((resolve) => setImmediate(resolve));
    await aged.fs.sync();
    await aged.volume.abandon();
    await pass.catch(() => undefined);
    const again = await Aged.open(aged.store);
    expect(await again.right()).toBe(true);
    await again.check();
  });

  it('goes on beside writers, whose contents stay', async () => {
    const aged = await Aged.make();
    let done = false;
    const pass = aged.volume.movedPages.pass().finally(() => {
      done = true;
    });
    for (let at = 0; !done; at = (at + 7) % pagesEach) {
      const inode = 2 + 2 * (at % files);
      await aged.write(inode, at, inode + at);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await pass;
    expect(await aged.right()).toBe(true);
    await aged.check();
  });

  it('ends with the filesystem whose files it lays anew', async () => {
    const aged = await Aged.make();
    const pass = aged.volume.movedPages.pass();
    await aged.fs.close();
    expect(aged.volume.movedPages.resettler).toBeUndefined();
    await pass;
    expect(await aged.right(new FileSystem(aged.volume))).toBe(true);
    await aged.check();
  });
});

describe('a pass by itself', () => {
  it('comes in a pause, to rest, and not for more than others have written', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const aged = await Aged.make(1);
      const { volume } = aged;
      volume.state.counters.filePages = 4 * files * pagesEach;
      const { entries } = await mapSize(volume.state);
      const pause = async (seconds: number): Promise<void> => {
        for (let i = 0; i < seconds * 2; i++) {
          await vi.advanceTimersByTimeAsync(500);
          for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve));
        }
      };
      volume.touched();
      await pause(20);
      const { pages } = volume.movedPages.resettled;
      expect(pages).toBeGreaterThan(files * pagesEach * 0.9);
      expect((await mapSize(volume.state)).entries).toBeLessThan(entries / 10);
      await pause(20);
      expect(volume.movedPages.resettled.pages).toBe(pages);
      const { checkpoints } = volume.counters;
      await pause(20);
      expect(volume.counters.checkpoints).toBe(checkpoints);
      expect(await aged.right()).toBe(true);
      await aged.check();
    } finally {
      vi.useRealTimers();
    }
  });

  it('does not come where the map is small, space is short, or nobody has written', async () => {
    const aged = await Aged.make();
    const { state, movedPages } = aged.volume;
    const { space, counters } = state;
    const { capacity } = space;
    counters.filePages = 4 * files * pagesEach;
    space.reserved = Math.floor(capacity * 0.8);
    expect(await movedPages.step()).toBe(false);
    space.reserved = 0;
    const { filePages } = counters;
    counters.filePages = 0;
    expect(await movedPages.step()).toBe(false);
    counters.filePages = filePages;
    expect(movedPages.resettled.pages).toBe(0);
    while (await movedPages.step());
    expect(movedPages.resettled.pages).toBeGreaterThan(0);
    const { pages } = movedPages.resettled;
    counters.filePages *= 100;
    expect(await movedPages.step()).toBe(false);
    expect(movedPages.resettled.pages).toBe(pages);
    await aged.check();
  });
});
