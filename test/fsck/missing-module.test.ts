import { expect, test } from 'vitest';
import { incompatibleFeatures } from '../../fs/format/features.js';
import { Superblock, TransformEntry } from '../../fs/format/superblock.js';
import { initialItems } from '../../fs/posix/namespace/root-directory.js';
import { MemoryStore } from '../../fs/store/memory.js';
import { Volume } from '../../fs/volume/volume.js';
import { replay } from '../../fsck/replay.js';
import { fixedSuperblock } from '../../stress/system/superblock.js';

test('a journal is replayed without the module that the files need', async () => {
  const store = new MemoryStore(16 * 2 ** 20);
  const transforms = new Uint8Array(Superblock.fields.transforms.size);
  const entry = { compression: 700, encryption: 0, name: 'rot13' };
  TransformEntry.write(new DataView(transforms.buffer), TransformEntry.size, entry);
  const plain = fixedSuperblock(store.size, undefined, undefined, []);
  const superblock = { ...plain, transforms, incompatible: incompatibleFeatures.transforms };
  await Volume.format(store, { superblock, initial: initialItems({ seconds: 1, nanos: 0 }, 0, 0, 0o755) });
  await expect(Volume.open(store)).rejects.toThrow(/needs rot13/);
  expect(await replay(store)).toEqual({ records: 0, batches: 0 });
});
