/**
 * Pages of an extent as they are stored, verified. What fails to verify is looked up once more: the cleaner may have moved
 * it while it was read, and its old place been written again.
 */
import { FsError } from '../errors.js';
import { checksum, followedByPage } from '../format/checksum.js';
import { extentAddress, extentPageChecksum } from '../posix/inode/extent-value.js';
import { run } from '../suspend.js';
import { type InodeNumber, type PageNumber, pageSize } from '../units.js';
import type { VolumeApi } from '../volume/api.js';

const attempts = 3;

/** `count` pages from page `from` of the extent with that value. Rejects with EIO, naming file and page. */
export async function storedPages(
  volume: VolumeApi,
  inode: InodeNumber,
  page: PageNumber,
  value: Uint8Array,
  from: number,
  count: number,
): Promise<Uint8Array> {
  const address = extentAddress(value) + from;
  const into = Buffer.allocUnsafe(count * pageSize);
  let sum = extentPageChecksum(value, from);
  for (let i = 1; i < count; i++) sum = followedByPage(sum, extentPageChecksum(value, from + i));
  for (let failed = 0; ; ) {
    const lay = await run(() => volume.where(address));
    await run(() => volume.readPages(address, count, into));
    if (checksum(into) === sum) return into;
    if ((await run(() => volume.where(address))) !== lay) continue;
    if (++failed === attempts)
      throw new FsError('EIO', 'send', inode, `its contents from page ${page} on do not verify; see varve scrub`);
  }
}
