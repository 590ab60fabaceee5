import { expect, it } from 'vitest';
import { DirtyPages } from '../../fs/cache/dirty-pages.js';
import { below, chance, seededRandom } from '../../fs/store/random.js';

it('agrees with a Map', () => {
  const random = seededRandom(11);
  const pages = new DirtyPages();
  const twin = new Map<number, { frame: number; dirty: boolean }>();
  const far = 2 ** 31 - 40;
  const draw = (): number => below(random, 80) + (chance(random, 0.3) ? far - 45 : 0);
  for (let i = 0; i < 20_000; i++) {
    const page = draw();
    const known = twin.get(page);
    const dice = random();
    if (known === undefined && dice < 0.7) {
      const dirty = chance(random, 0.6);
      pages.set(page, i, dirty);
      twin.set(page, { frame: i, dirty });
    } else if (known !== undefined && dice < 0.4) {
      expect(pages.markDirty(page)).toBe(!known.dirty);
      known.dirty = true;
    } else if (dice < 0.9) {
      expect(pages.remove(page)).toBe(known?.frame ?? -1);
      twin.delete(page);
    } else if (dice < 0.92) {
      const end = page + below(random, 70);
      const dropped: number[] = [];
      pages.removeRange(page, end, (frame) => dropped.push(frame));
      const expected = [...twin].filter(([p]) => p >= page && p < end);
      expect(dropped.sort()).toEqual(expected.map(([, { frame }]) => frame).sort());
      for (const [p] of expected) twin.delete(p);
    }
    expect(pages.frame(page)).toBe(twin.get(page)?.frame ?? -1);
    expect(pages.isDirty(page)).toBe(twin.get(page)?.dirty ?? false);
    if (i % 50 > 0) continue;
    const all = [...twin].sort(([a], [b]) => a - b);
    const dirty = all.filter(([, entry]) => entry.dirty).map(([p]) => p);
    expect(pages.dirtyCount).toBe(dirty.length);
    expect(pages.cleanCount).toBe(all.length - dirty.length);
    expect(pages.dirtyChunks()).toEqual([...new Set(dirty.map((p) => Math.floor(p / 32)))]);
    expect(pages.nextDirty(page)).toBe(dirty.find((p) => p >= page) ?? Number.POSITIVE_INFINITY);
    const clean = all.filter(([, entry]) => !entry.dirty).map(([p]) => p);
    expect(pages.cleanPages().sort((a, b) => a - b)).toEqual(clean);
    expect(pages.lowestDirtyOutside(-1)).toBe(dirty[0] ?? Number.POSITIVE_INFINITY);
    expect(pages.empty).toBe(twin.size === 0);
  }
});

it('leaves out the chunks that a batch takes', () => {
  const pages = new DirtyPages();
  for (const page of [5, 40, 100]) pages.set(page, page, true);
  for (const key of [0, 1]) {
    const chunk = pages.chunks.get(key);
    if (chunk) chunk.batch = 9;
  }
  expect(pages.lowestDirtyOutside(9)).toBe(100);
  expect(pages.lowestDirtyOutside(8)).toBe(5);
});
