/** What a replay leaves for the checkpoints after it. */
import { expect, it } from 'vitest';
import { FsError, VolumeError } from '../../fs/errors.js';
import { placeState } from '../../fs/format/segment-table.js';
import { headKind, type SegmentTable } from '../../fs/log/segment-table.js';
import { MemoryStore } from '../../fs/store/memory.js';
import { SimulatedDisk } from '../../fs/store/simulated-disk.js';
import { assemble } from '../../fs/volume/assemble.js';
import { newestCheckpoint } from '../../fs/volume/checkpoint-slots.js';
import { Checkpoints } from '../../fs/volume/checkpoints.js';
import { recover } from '../../fs/volume/recovery.js';
import { readSuperblock } from '../../fs/volume/superblock.js';
import { Volume } from '../../fs/volume/volume.js';
import { formatTestVolume } from '../support/volume-image.js';
import { Slots } from './slots.js';

/** The places that may be written now; afterwards there are none. */
function takeAll(table: SegmentTable): number[] {
  const places: number[] = [];
  for (let place = table.take(headKind.data, 0); place >= 0; place = table.take(headKind.data, 0)) places.push(place);
  return places;
}

it.each([1, 2])(
  'a place that the replay has freed is still whole after 1 checkpoint, and may be written after 2: %i',
  async (more) => {
    const store = new MemoryStore(16 * 2 ** 20);
    await formatTestVolume(store);
    const volume = await Volume.open(store, { commitSeconds: 0 });
    const slots = new Slots(volume);
    await slots.write(1, volume.state.log.perSegment - 1);
    await slots.write(2);
    await volume.commit();
    await slots.drop(1);
    await volume.sync();
    await volume.abandon();

    const superblock = await readSuperblock(store);
    const found = await newestCheckpoint(store, superblock);
    const state = await assemble(store, superblock, found, { epoch: 77 });
    const { table } = state;
    const full = table.live.indexOf(state.log.perSegment - 1);
    expect(full).toBeGreaterThanOrEqual(0);
    await recover(state, found.checkpoint);
    expect(table.state[full]).toBe(placeState.free);
    const checkpoints = new Checkpoints(state, () => 0);
    for (let i = 0; i < more; i++) await checkpoints.close();
    // Of the two slots, one still is the checkpoint from before the crash, until it is overwritten.
    if (more === 1) expect(takeAll(table)).not.toContain(full);
    else expect(takeAll(table)).toContain(full);
  },
);

it('a store that does not answer is no damage: nobody is told to repair', async () => {
  const disk = new SimulatedDisk(16 * 2 ** 20);
  await formatTestVolume(disk);
  const volume = await Volume.open(disk, { commitSeconds: 0 });
  await new Slots(volume).write(1, 20);
  await volume.sync();
  await volume.abandon();
  const told = new Set<string>();
  for (let call = 1; ; call++) {
    const again = new SimulatedDisk(disk.size, { contents: disk.contents() });
    again.faults.plan('read', call, { what: 'error', code: 'EIO' });
    try {
      await (await Volume.open(again, { commitSeconds: 0 })).abandon();
      // Superblock and slots have copies; a fault that was not met is beyond the last read.
      if (again.faults.counts.read < call) break;
    } catch (e) {
      told.add(e instanceof VolumeError ? e.problem : e instanceof FsError ? e.code : String(e));
    }
  }
  expect([...told].sort()).toEqual(['EIO', 'io']);
});
