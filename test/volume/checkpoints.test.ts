/** What a checkpoint leaves in the log besides nodes. */
import { expect, it } from 'vitest';
import { Checkpoint, checkpointMagic } from '../../fs/format/checkpoint.js';
import { checksum } from '../../fs/format/checksum.js';
import { itemKind } from '../../fs/format/item.js';
import { MemoryStore } from '../../fs/store/memory.js';
import { below, seededRandom } from '../../fs/store/random.js';
import { run } from '../../fs/suspend.js';
import { Batch } from '../../fs/tree/batch.js';
import { pageSize } from '../../fs/units.js';
import { Volume } from '../../fs/volume/volume.js';
import { formatTestVolume } from '../support/volume-image.js';

it('each appends a copy of itself that verifies, wherever in a segment it comes to lie', async () => {
  const store = new MemoryStore(16 * 2 ** 20);
  await formatTestVolume(store);
  const volume = await Volume.open(store, { commitSeconds: 0 });
  const { log } = volume.state;
  const random = seededRandom(1);
  const rooms = new Set<number>();
  for (let commit = 0; commit < 120; commit++) {
    for (let i = below(random, 4); i >= 0; i--)
      await run(() => volume.apply(new Batch().put(40 * below(random, 100), itemKind.inode, 0, new Uint8Array(1500))));
    await volume.commit();
    const address = log.node.appended;
    rooms.add(log.perSegment - (address % log.perSegment));
    const page = new Uint8Array(pageSize);
    await log.read(address, 1, page);
    const view = new DataView(page.buffer);
    const copy = Checkpoint.read(view, 0);
    expect(copy).toMatchObject({ magic: checkpointMagic, generation: volume.generation - 1 });
    view.setUint32(Checkpoint.offsetOf.checksum, 0, true);
    expect(checksum(page)).toBe(copy.checksum);
  }
  // Also near the end of a segment.
  expect(Math.min(...rooms)).toBeLessThanOrEqual(4);
  await volume.close();
});
