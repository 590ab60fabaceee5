/** The tree at several levels: filled, emptied from the middle and from both ends, and filled again. */
import { describe, expect, it } from 'vitest';
import { maxItemBytes } from '../../fs/format/item.js';
import { MemoryStore } from '../../fs/store/memory.js';
import { below, seededRandom } from '../../fs/store/random.js';
import { run } from '../../fs/suspend.js';
import { Batch } from '../../fs/tree/batch.js';
import { keyInode } from '../../fs/tree/key.js';
import type { Node } from '../../fs/tree/node.js';
import { Volume } from '../../fs/volume/volume.js';
import { formatTestVolume } from '../support/volume-image.js';

async function open(bytes: number, shuffled: boolean): Promise<Volume> {
  const store = new MemoryStore(bytes, shuffled ? { shuffled: { random: seededRandom(3) } } : {});
  await formatTestVolume(store);
  return Volume.open(store, { commitSeconds: 0, cacheBytes: 2 ** 20 });
}

async function change(
  volume: Volume,
  keys: readonly number[],
  value: (key: number) => string | undefined,
): Promise<void> {
  for (let i = 0; i < keys.length; i += 200) {
    const batch = new Batch();
    batch.frees = true;
    for (const key of keys.slice(i, i + 200)) {
      const text = value(key);
      if (text === undefined) batch.delete(key, 2, key * 7);
      else batch.put(key, 2, key * 7, Buffer.from(text));
    }
    await run(() => volume.apply(batch));
  }
}

async function contents(volume: Volume): Promise<Map<number, string>> {
  const found = new Map<number, string>();
  // A hundred at a time, as an operation that misses a node starts again.
  for (let from = 0; from >= 0; ) {
    from = await run(() => {
      const c = volume.seek(from, 0, 0);
      for (let i = 0; c.valid && i < 100; i++, c.next()) found.set(c.inode, Buffer.from(c.value).toString());
      return c.valid ? c.inode : -1;
    });
  }
  return found;
}

const inodeAt = (node: Node, index: number): number => keyInode(node.keyWord(index, 0), node.keyWord(index, 1));

describe.each([
  ['a store that answers in place', false],
  ['a store that answers late', true],
])('the tree over %s', (_name, shuffled) => {
  it('splits to three levels, merges, frees and grows again', async () => {
    const volume = await open(128 * 2 ** 20, shuffled);
    const random = seededRandom(11);
    const keys = Array.from({ length: 9000 }, (_, i) => i);
    const shuffledKeys = keys
      .map((key) => ({ key, at: random() }))
      .sort((a, b) => a.at - b.at)
      .map(({ key }) => key);
    const long = (key: number) => `${key}:${'v'.repeat(below(random, 3000))}`;
    const wanted = new Map<number, string>();
    await change(volume, shuffledKeys, (key) => {
      const text = long(key);
      wanted.set(key, text);
      return text;
    });
    expect(volume.counters.height).toBe(3);
    expect(volume.counters.splits).toBeGreaterThan(100);
    expect(await contents(volume)).toEqual(new Map([...wanted].sort((a, b) => a[0] - b[0])));
    // Out of the middle, then nearly all: leaves shrink, merge and go.
    const doomed = [...keys.slice(3000, 6000), ...shuffledKeys.filter((key) => key % 5 !== 0)];
    await change(volume, doomed, () => undefined);
    for (const key of doomed) wanted.delete(key);
    expect(await contents(volume)).toEqual(new Map([...wanted].sort((a, b) => a[0] - b[0])));
    expect(volume.counters.merges).toBeGreaterThan(0);
    expect(volume.counters.freedNodes).toBeGreaterThan(0);
    await change(volume, [...wanted.keys()], () => undefined);
    expect(await contents(volume)).toEqual(new Map());
    // Replacing by longer and shorter values.
    for (const length of [10, 4000, 1, 200])
      await change(volume, keys.slice(0, 500), (key) => `${key}`.padEnd(length, '.'));
    const last = await contents(volume);
    expect(last.size).toBe(500);
    expect(last.get(7)).toBe('7'.padEnd(200, '.'));
    await volume.close();
  });
});

describe('the tree', () => {
  it('finds neighbours at the borders of leaves', async () => {
    const volume = await open(64 * 2 ** 20, false);
    const keys = Array.from({ length: 2000 }, (_, i) => 10 + 10 * i);
    await change(volume, keys, (key) => 'x'.repeat(key % 300));
    for (let probe = 1; probe < 20_020; probe += 7) {
      const at = await run(() => {
        const after = volume.seek(probe, 0, 0);
        const before = volume.floor(probe, 255, 2 ** 50);
        return [after.valid ? after.inode : -1, before.valid ? before.inode : -1];
      });
      const after = Math.max(10, Math.ceil(probe / 10) * 10);
      const before = Math.min(20_000, Math.floor(probe / 10) * 10);
      expect(at).toEqual([after > 20_000 ? -1 : after, before < 10 ? -1 : before]);
    }
    await volume.close();
  });

  it('keeps full leaves behind items that arrive in order', async () => {
    const volume = await open(64 * 2 ** 20, false);
    await change(
      volume,
      Array.from({ length: 10_000 }, (_, i) => i),
      () => 'y'.repeat(100),
    );
    await volume.commit();
    // 120 bytes an item: 136 to a full node of 16 KiB.
    expect(volume.statistics().live / 4).toBeLessThan(10_000 / 130 + 5);
    await volume.close();
  });

  it.each([
    [
      'puts an item where it has deleted the last one of a leaf',
      (batch: Batch, last: number) => batch.delete(last, 1, 0).put(last + 1, 1, 0, Buffer.from('new')),
    ],
    [
      'deletes what is not there behind the last item of a leaf',
      (batch: Batch, last: number) => batch.delete(last, 1, 0).delete(last + 1, 1, 0),
    ],
  ])('%s, whatever of its neighbours is in memory', async (_how, fill) => {
    const store = new MemoryStore(16 * 2 ** 20, { shuffled: { random: seededRandom(3), inPlace: 0 } });
    await formatTestVolume(store);
    let volume = await Volume.open(store, { commitSeconds: 0 });
    for (let key = 0; key < 400; key += 10)
      await run(() => volume.apply(new Batch().put(key, 1, 0, new Uint8Array(3000))));
    await volume.close();
    volume = await Volume.open(store, { commitSeconds: 0 });
    // The leaves beside it stay on the disk.
    const { main } = volume.state;
    const keys: number[] = [];
    await run(() => {
      keys.length = 0;
      const root = main.rootNode();
      const leaf = main.child(root, 3);
      for (let i = 0; i < leaf.count; i++) keys.push(inodeAt(leaf, i));
    });
    expect(keys.length).toBeGreaterThan(3);
    const batch = new Batch();
    for (const key of keys.slice(1)) batch.delete(key, 1, 0);
    await run(() => volume.apply(batch));
    await run(() => volume.apply(fill(new Batch(), keys[0])));
    const wanted = new Set(Array.from({ length: 40 }, (_, i) => i * 10).filter((key) => !keys.includes(key)));
    for (const item of fill(new Batch(), keys[0]).items) if (item.type === 'put') wanted.add(item.inode);
    expect(new Set((await contents(volume)).keys())).toEqual(wanted);
    await volume.close();
  });

  it('gives back what it no longer needs when several levels go at once', async () => {
    const store = new MemoryStore(64 * 2 ** 20);
    await formatTestVolume(store);
    const volume = await Volume.open(store, { commitSeconds: 0, cacheBytes: 2 ** 25 });
    const { main, cache } = volume.state;
    const keys: number[] = [];
    // Descending, so that leaves and inner nodes are half full and the second inner node stays.
    for (let key = 2000; main.height < 3 || key > 1990; key--) {
      await change(volume, [key], () => 'z'.repeat(3500));
      keys.unshift(key);
    }
    const border = (await run(() => inodeAt(main.rootNode(), 1))) ?? 0;
    const low = keys.filter((key) => key < border);
    const high = keys.filter((key) => key >= border);
    for (const half of [low, high]) {
      // An inner node that empties while the other is not in memory is not merged with it.
      await volume.commit();
      cache.chill();
      await change(volume, half.slice(1), () => undefined);
    }
    await volume.commit();
    expect(main.height).toBe(3);
    // Now the lower half is in memory, clean, one node above the other.
    await run(() => volume.get(low[0], 1, low[0] * 7)?.length);
    await change(volume, [high[0]], () => undefined);
    expect(main.height).toBe(1);
    // A leaf of this tree, and one of the system tree.
    expect(volume.statistics().live).toBe(2 * volume.state.space.perNode);
    await volume.close();
  });

  it('refuses keys and values that no node can hold, and changes nothing', async () => {
    const volume = await open(64 * 2 ** 20, false);
    const bad = [
      new Batch().put(1, 1, 0, Buffer.from('a')).put(2, 1, 0, new Uint8Array(maxItemBytes + 1)),
      new Batch().put(1, 1, 0, Buffer.from('a')).put(2 ** 48, 1, 0, Buffer.from('b')),
      new Batch().put(1, 1, 0, Buffer.from('a')).put(2, 1, -1, Buffer.from('b')),
      new Batch().put(1, 1, 0, Buffer.from('a')).put(2, 0, 0, Buffer.from('b')),
    ];
    for (const batch of bad) await expect(run(() => volume.apply(batch))).rejects.toThrow(RangeError);
    expect((await contents(volume)).size).toBe(0);
    await volume.close();
  });
});
