/**
 * Images that somebody made to hurt: random damage to every kind of metadata, with all checksums made right again.
 * The check ends, in reasonable time, with findings or a plain refusal; it never crashes. Nor does a mount.
 */
import { expect, test } from 'vitest';
import { FsError, VolumeError } from '../../fs/errors.js';
import { DroppedRun } from '../../fs/format/item.js';
import { MemoryStore } from '../../fs/store/memory.js';
import { below, seededRandom } from '../../fs/store/random.js';
import { SparseBytes } from '../../fs/store/sparse-bytes.js';
import { Volume } from '../../fs/volume/volume.js';
import { examine, survey } from '../../fsck/check.js';
import { KeptRootList } from '../../fsck/kept-roots.js';
import type { NodeFrame } from '../../fsck/node.js';
import { Findings } from '../../fsck/problem.js';
import { replayInMemory } from '../../fsck/replay.js';
import { hurt } from '../broken/hurt.js';
import { sampleVolume } from '../broken/sample.js';
import { editCheckpoint, editSuperblock } from '../broken/surgery.js';
import { onlyOnPlainVolumes } from '../support/plain-volumes.js';

onlyOnPlainVolumes('lays nodes, extents and records by hand');

/** What a check or a mount may throw: that the image can't be used. */
async function calmly(work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (e) {
    if (!(e instanceof VolumeError) && !(e instanceof FsError && e.code === 'EUCLEAN')) throw e;
  }
}

test('120 hostile images', async () => {
  for (let seed = 1; seed <= 120; seed++) {
    const random = seededRandom(seed);
    const store = await sampleCopy();
    for (let n = 1 + below(random, 3); n > 0; n--) await calmly(hurt(store, random).catch(tooBroken));
    const began = performance.now();
    await calmly(examine(store, { data: true }));
    expect(performance.now() - began, `seed ${seed}`).toBeLessThan(20_000);
    await calmly(replayInMemory(store));
  }
});

/** Surgery on what is broken already may fail. */
function tooBroken(e: unknown): void {
  if (!(e instanceof Error)) throw e;
}

test('notes of dropped pages are no more than lines can have dropped', async () => {
  const { image } = await survey(await sampleCopy());
  const findings = new Findings();
  const list = new KeptRootList(image, findings);
  const { perSegment, geometry } = image;
  const length = 50 * DroppedRun.size;
  const view = new DataView(new ArrayBuffer(length));
  for (let at = 0; at < length; at += DroppedRun.size)
    DroppedRun.write(view, at, { address: perSegment, birth: 1, pages: perSegment });
  const frame = {
    view,
    valueStart: () => 0,
    valueLength: () => length,
    inode: () => 1,
    offset: () => 1,
    key: () => '',
  };
  const chunks = Math.ceil((64 * geometry.places) / 50) + 3;
  for (let i = 0; i < chunks; i++) list.chunk(frame as unknown as NodeFrame, 0);
  expect(findings.tallies.get('dropped-run')?.count).toBe(chunks * 50 - 64 * geometry.places);
});

test.each([
  ['outside the volume', { place: 1e9, serial: 77, page: 0, described: 0 }],
  ['in a place that holds something else', { place: 3, serial: 77, page: 0, described: 0 }],
])('a mount does not go on writing %s', async (_, head) => {
  for (const which of ['nodeHead', 'dataHead', 'coldHead'] as const) {
    const store = await sampleCopy();
    await editCheckpoint(store, (record) => {
      record[which] = head;
    });
    await expect(Volume.open(store, { commitSeconds: 0 })).rejects.toMatchObject({ problem: 'corrupt' });
  }
});

test('superblocks of nonsense are refused or survived', async () => {
  for (let seed = 1; seed <= 100; seed++) {
    const random = seededRandom(seed);
    const store = await sampleCopy();
    for (const which of [0, 1] as const) {
      await editSuperblock(store, which, (record) => {
        const names = [
          'segmentShift',
          'nodeShift',
          'imagePages',
          'places',
          'checkpointStart',
          'checkpointPages',
          'tableStart',
        ] as const;
        record[names[below(seededRandom(seed), names.length)]] = [0, 1, 2, 3, 255][below(random, 5)];
        record.segmentStart = [1, 64, 2 ** 30, record.segmentStart][below(random, 4)];
      });
    }
    await calmly(examine(store));
  }
});

let pristine: Uint8Array | undefined;
async function sampleCopy(): Promise<MemoryStore> {
  if (pristine === undefined) {
    const { bytes, size } = await sampleVolume();
    pristine = new Uint8Array(size);
    bytes.read(0, pristine);
  }
  const copy = new SparseBytes(pristine.length);
  copy.write(0, pristine);
  return new MemoryStore(pristine.length, { bytes: copy });
}
