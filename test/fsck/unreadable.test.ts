/** A sector that the medium can't read: what lies there twice is taken from the other place, and written anew. */
import { describe, expect, test } from 'vitest';
import { FsError } from '../../fs/errors.js';
import { MemoryStore } from '../../fs/store/memory.js';
import type { Store } from '../../fs/store/store.js';
import { pageSize } from '../../fs/units.js';
import { readSuperblock } from '../../fs/volume/superblock.js';
import { Volume } from '../../fs/volume/volume.js';
import { checkVolume } from '../../fsck/check.js';
import { allowSafe } from '../../fsck/repair/permission.js';
import { repairVolume } from '../../fsck/repair/repair.js';
import { sampleVolume } from '../broken/sample.js';

/** Some pages answer EIO until they are written, as a disk remaps a sector then. */
class WornMedium extends MemoryStore {
  private readonly lost: Set<number>;

  constructor(of: Store, ...pages: readonly number[]) {
    super(of.size, { bytes: (of as MemoryStore).bytes });
    this.lost = new Set(pages);
  }

  override read(offset: number, into: Uint8Array): Promise<void> | undefined {
    for (let at = Math.floor(offset / pageSize); at * pageSize < offset + into.length; at++)
      if (this.lost.has(at)) throw new FsError('EIO', 'read', undefined, `page ${at}`);
    return super.read(offset, into);
  }

  override write(offset: number, buffers: readonly Uint8Array[]): Promise<void> | undefined {
    let end = offset;
    for (const { length } of buffers) end += length;
    for (let at = Math.floor(offset / pageSize); at * pageSize < end; at++) this.lost.delete(at);
    return super.write(offset, buffers);
  }
}

const lastPage = (store: Store): number => store.size / pageSize - 1;

describe('a superblock that can not be read', () => {
  test.each([
    ['the first', 'superblock', () => 0],
    ['its copy', 'superblock-copy', lastPage],
  ])('%s: the volume opens, fsck says it and fsck -p writes it anew', async (_, code, page) => {
    const sample = await sampleVolume();
    const store = new WornMedium(sample, page(sample));
    await (await Volume.open(store, { readOnly: true })).close();
    const [found] = await checkVolume(store);
    expect(found).toMatchObject({ code, message: expect.stringContaining('cannot be read') });
    const { left, corrected } = await repairVolume(store, { allow: allowSafe });
    expect([corrected, left.problems]).toEqual([true, []]);
    expect(await checkVolume(store)).toEqual([]);
  });

  test('nor can its copy: the failure of the first is told', async () => {
    const sample = await sampleVolume();
    await expect(readSuperblock(new WornMedium(sample, 0, lastPage(sample)))).rejects.toMatchObject({
      code: 'EIO',
      message: expect.stringContaining('page 0'),
    });
  });
});
