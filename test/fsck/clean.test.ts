/** Volumes with nothing wrong: the check says so, counts right, and writes nothing. */
import { expect, test } from 'vitest';
import { MemoryStore } from '../../fs/store/memory.js';
import { seededRandom } from '../../fs/store/random.js';
import { Volume } from '../../fs/volume/volume.js';
import { examine } from '../../fsck/check.js';
import { replayInMemory } from '../../fsck/replay.js';
import { inodeOf, putPages, sampleVolume } from '../broken/sample.js';
import { onlyOnPlainVolumes } from '../support/plain-volumes.js';
import { formatTestVolume } from '../support/volume-image.js';

onlyOnPlainVolumes('lays nodes, extents and records by hand');

test('the sample has no problems and is counted right', async () => {
  const result = await examine(await sampleVolume(), { data: true });
  expect(result.problems).toEqual([]);
  expect(result.inodes).toBe(407);
  expect(result.nodes).toBeGreaterThan(3);
  expect(result.livePages).toBe(6 + 4 * result.nodes);
});

test('a store that answers late changes nothing', async () => {
  const { bytes, size } = await sampleVolume();
  const late = new MemoryStore(size, { bytes, readOnly: true, shuffled: { random: seededRandom(3) } });
  expect((await examine(late, { data: true })).problems).toEqual([]);
});

test('an empty tree misses its root directory and nothing else', async () => {
  const store = new MemoryStore(16 * 2 ** 20);
  await formatTestVolume(store);
  expect((await examine(store)).problems.map(({ code }) => code)).toEqual(['root']);
});

test('after a crash the checkpoint is whole, and so is what a replay in memory makes of it', async () => {
  const store = await sampleVolume();
  const volume = await Volume.open(store, { commitSeconds: 3600 });
  await putPages(volume, inodeOf.orphan, 1, 2);
  await volume.sync();
  await volume.abandon();
  const readOnly = new MemoryStore(store.size, { bytes: store.bytes, readOnly: true });
  const before = await examine(readOnly, { data: true });
  expect(before.checkpoint.clean).toBe(0);
  expect(before.problems).toEqual([]);
  const replayed = await replayInMemory(readOnly);
  expect(replayed.records).toBeGreaterThan(0);
  const after = await examine(replayed.store, { data: true });
  // The pages were appended behind the inode's back: its record does not count them.
  expect(after.problems.map(({ code }) => code)).toEqual(['pages']);
  expect(after.livePages).toBeGreaterThan(before.livePages);
});
