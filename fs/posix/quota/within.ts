/** What a quota leaves: of a write, as many pages as the limit has room for; of a volume, what a project may use. */
import { FsError } from '../../errors.js';
import { pageSize } from '../../units.js';
import type { VolumeStatistics } from '../api.js';
import type { Inode } from '../inode/inode.js';
import { upTo } from '../inode/write-now.js';
import type { ProjectSpace, Quotas } from './quotas.js';

/**
 * Write all that is allowed, as write(2) does that meets a limit on its way: EDQUOT only when nothing is. `write` takes the
 * bytes and returns how many.
 */
export function withinQuota(
  quotas: Quotas,
  inode: Inode,
  offset: number,
  data: Uint8Array,
  write: (data: Uint8Array) => number,
): number {
  try {
    return write(data);
  } catch (e) {
    if (!(e instanceof FsError && e.code === 'EDQUOT')) throw e;
    const pages = quotas.room(inode);
    const part = pages < 1 ? data : upTo(pages, offset, data);
    if (part.length === data.length && data.length <= pageSize) throw e;
    // What lies in pages that the file has needs no room: the first page is tried where there is none.
    return write(pages < 1 ? upTo(1, offset, data) : part);
  }
}

/** As ext4 does (ext4_statfs_project): sizes are the limits, what is free is what they leave. */
export function withinProject(whole: VolumeStatistics, space: ProjectSpace): VolumeStatistics {
  const { pages, usedPages, inodes, usedInodes } = space;
  const shown: { -readonly [K in keyof VolumeStatistics]: VolumeStatistics[K] } = { ...whole };
  if (pages > 0 && pages < whole.pages) {
    shown.pages = pages;
    shown.freePages = Math.max(0, pages - usedPages);
    shown.availablePages = Math.min(whole.availablePages, shown.freePages);
  }
  if (inodes > 0 && inodes < whole.inodes) {
    shown.inodes = inodes;
    shown.freeInodes = Math.max(0, inodes - usedInodes);
  }
  return shown;
}
