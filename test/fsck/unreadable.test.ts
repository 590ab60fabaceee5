/** A sector that the medium can't read: what lies there twice is taken from the other place, and written anew. */
import { describe, expect, test } from 'vitest';
import { placeOffset, tableOffset } from '../../fs/format/geometry.js';
import { currentCopy } from '../../fs/log/table-pages.js';
import { MemoryStore } from '../../fs/store/memory.js';
import type { Store } from '../../fs/store/store.js';
import { run } from '../../fs/suspend.js';
import { pageSize } from '../../fs/units.js';
import { assemble } from '../../fs/volume/assemble.js';
import { newestCheckpoint } from '../../fs/volume/checkpoint-slots.js';
import { readSuperblock } from '../../fs/volume/superblock.js';
import { Volume } from '../../fs/volume/volume.js';
import { withoutBadSectors } from '../../fsck/bad-sectors.js';
import { checkVolume } from '../../fsck/check.js';
import { allowSafe } from '../../fsck/repair/permission.js';
import { repairVolume } from '../../fsck/repair/repair.js';
import { sampleVolume } from '../broken/sample.js';
import { BadSectors } from '../support/bad-sectors.js';
import { onlyOnPlainVolumes } from '../support/plain-volumes.js';

onlyOnPlainVolumes('lays nodes, extents and records by hand');

const lastPage = (store: Store): number => store.size / pageSize - 1;

describe('a superblock that can not be read', () => {
  test.each([
    ['the first', 'superblock', () => 0],
    ['its copy', 'superblock-copy', lastPage],
  ])('%s: the volume opens, fsck says it and fsck -p writes it anew', async (_, code, page) => {
    const sample = await sampleVolume();
    const store = new BadSectors(sample, page(sample));
    await (await Volume.open(store, { readOnly: true })).close();
    const [found] = await checkVolume(store);
    expect(found).toMatchObject({ code, message: expect.stringContaining('cannot be read') });
    const { left, corrected } = await repairVolume(store, { allow: allowSafe });
    expect([corrected, left.problems]).toEqual([true, []]);
    expect(await checkVolume(store)).toEqual([]);
  });

  test.each([
    ['the first', () => 0],
    ['its copy', lastPage],
  ])('%s is written anew by whoever opens the volume to write', async (_, page) => {
    const sample = await sampleVolume();
    const store = new BadSectors(sample, page(sample));
    await (await Volume.open(store)).close();
    expect(await checkVolume(store)).toEqual([]);
  });

  test('nor can its copy: the failure of the first is told', async () => {
    const sample = await sampleVolume();
    await expect(readSuperblock(new BadSectors(sample, 0, lastPage(sample)))).rejects.toMatchObject({
      code: 'EIO',
      message: expect.stringContaining('page 0'),
    });
  });
});

describe('a page of metadata that can not be read', () => {
  /** Where things lie on the sample, as pages of the image. */
  async function pagesOf(sample: Store): Promise<Record<string, number>> {
    const superblock = await readSuperblock(sample);
    const found = await newestCheckpoint(sample, superblock);
    const state = await assemble(sample, superblock, found, { epoch: 1 });
    const { perSegment } = state.log;
    const pageOf = (address: number): number => {
      const at = state.log.where(address);
      return placeOffset(superblock, Math.floor(at / perSegment), at % perSegment) / pageSize;
    };
    const root = await run(() => state.main.rootNode());
    return {
      root: pageOf(root.address),
      leaf: pageOf(root.childAddress(root.count - 1)),
      system: pageOf(state.system.root.address),
      index: tableOffset(superblock, 0, currentCopy(found.map, 0) - 1) / pageSize,
      live:
        tableOffset(superblock, superblock.indexPages, currentCopy(found.map, superblock.indexPages) - 1) / pageSize,
    };
  }

  test.each(['root', 'leaf', 'system', 'index', 'live'])('%s: fsck says it, and repairs what can be', async (what) => {
    const sample = await sampleVolume();
    const store = new BadSectors(sample, (await pagesOf(sample))[what]);
    expect((await checkVolume(store)).length).toBeGreaterThan(0);
    const { left, corrected } = await repairVolume(store);
    expect([corrected, left.problems]).toEqual([true, []]);
    expect(await checkVolume(store)).toEqual([]);
  });

  test('a medium that hardly answers at all is not taken for one full of zeros', async () => {
    const pages = 300;
    const all = Array.from({ length: pages }, (_, i) => i);
    const store = withoutBadSectors(new BadSectors(new MemoryStore(pages * pageSize), ...all));
    const some = new Uint8Array(200 * pageSize).fill(1);
    await store.read(0, some);
    expect(some.every((byte) => byte === 0)).toBe(true);
    await expect(store.read(0, new Uint8Array(pages * pageSize))).rejects.toMatchObject({ code: 'EIO' });
  });
});
