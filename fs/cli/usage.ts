/** How much of a volume is in use: from an image that nobody serves, or from a mount. */
import { statfs } from 'node:fs/promises';
import { capacityPages } from '../format/geometry.js';
import { pageSize } from '../units.js';
import type { RawImage } from './raw-image.js';

/** In bytes, except for inodes. */
export interface Usage {
  readonly size: number;
  readonly used: number;
  readonly available: number;
  readonly inodes: number;
}

/** As of the newest checkpoint. */
export function usageOfImage({ superblock, newest: { checkpoint } }: RawImage): Usage {
  const size = capacityPages(superblock) * pageSize;
  const used = (checkpoint.livePages + checkpoint.promisedPages) * pageSize;
  return { size, used, available: Math.max(0, size - used), inodes: checkpoint.inodes };
}

/** What the server answers now. */
export async function usageOfMount(directory: string): Promise<Usage> {
  const found = await statfs(directory);
  return {
    size: found.blocks * found.bsize,
    used: (found.blocks - found.bfree) * found.bsize,
    available: found.bavail * found.bsize,
    inodes: found.files - found.ffree,
  };
}
