/** A sector that the medium can't read: what lies there twice is taken from the other place, and written anew. */
import { describe, expect, test } from 'vitest';
import type { Store } from '../../fs/store/store.js';
import { pageSize } from '../../fs/units.js';
import { readSuperblock } from '../../fs/volume/superblock.js';
import { Volume } from '../../fs/volume/volume.js';
import { checkVolume } from '../../fsck/check.js';
import { allowSafe } from '../../fsck/repair/permission.js';
import { repairVolume } from '../../fsck/repair/repair.js';
import { sampleVolume } from '../broken/sample.js';
import { BadSectors } from '../support/bad-sectors.js';

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
