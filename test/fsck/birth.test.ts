/** A crash that loses a checkpoint: the replay crosses a generation, and births stay in order. */
import { expect, test } from 'vitest';
import { slotOffset } from '../../fs/format/geometry.js';
import { itemKind } from '../../fs/format/item.js';
import { MemoryStore } from '../../fs/store/memory.js';
import { readSuperblock } from '../../fs/volume/superblock.js';
import { Volume } from '../../fs/volume/volume.js';
import { examine } from '../../fsck/check.js';
import { replayInMemory } from '../../fsck/replay.js';
import { applying, inodeOf, inodeValue, putPages, sampleBytes, sampleVolume } from '../broken/sample.js';
import { onlyOnPlainVolumes } from '../support/plain-volumes.js';

onlyOnPlainVolumes('lays nodes, extents and records by hand');

/** Loses what is written before `limit` once told to. */
class Forgetful extends MemoryStore {
  limit = 0;
  override write(offset: number, buffers: readonly Uint8Array[]): Promise<void> | undefined {
    return offset < this.limit ? undefined : super.write(offset, buffers);
  }
}

test('nodes changed in the second generation of a replay are born in it', async () => {
  const { bytes } = await sampleVolume();
  const store = new Forgetful(sampleBytes, { bytes });
  const volume = await Volume.open(store, { commitSeconds: 3600 });
  // Every leaf is changed in the first generation, so that all nodes above are dirty when the second begins.
  await applying((batch) => {
    for (let i = 0; i < 400; i += 10)
      batch.put(inodeOf.firstFile + i, itemKind.inode, 0, inodeValue({ mode: 0o100644, uid: 5 }));
  })(volume);
  await volume.sync();
  store.limit = slotOffset(await readSuperblock(store), 2);
  await volume.commit();
  const record = inodeValue({ mode: 0o100644, links: 0, pages: 3 });
  await applying((batch) => batch.put(inodeOf.orphan, itemKind.inode, 0, record))(volume);
  await putPages(volume, inodeOf.orphan, 1, 2);
  for (let i = 0; i < 400; i += 50) {
    await applying((batch) => {
      for (let k = i; k < i + 50; k++) {
        batch.put(inodeOf.firstFile + k, itemKind.inline, 0, Buffer.alloc(200, 1));
        batch.put(inodeOf.firstFile + k, itemKind.inode, 0, inodeValue({ mode: 0o100644, size: 200 }));
      }
    })(volume);
  }
  await volume.sync();
  await volume.abandon();
  const replayed = await replayInMemory(new MemoryStore(sampleBytes, { bytes, readOnly: true }));
  expect(replayed.records).toBeGreaterThan(1);
  expect((await examine(replayed.store, { data: true })).problems).toEqual([]);
});
