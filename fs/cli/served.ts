/**
 * What a driver serves: a volume with its snapshots. One function for a mount and for its rehearsal, because V8 makes
 * the code of a call anew when it meets another function there.
 */
import type { Served } from '../fuse/driver.js';
import type { Roots } from '../posix/snapshots/roots.js';
import { pageSize } from '../units.js';
import type { Volume } from '../volume/volume.js';

const mebibyte = 2 ** 20;

export const servedBy = (volume: Volume, roots: Roots): Served => ({
  filesystem: (rootId) => roots.filesystem(rootId),
  hidden: (rootId, parent, name) => roots.hidden(rootId, parent, name),
  nearLimit: () => nearlyFull(volume),
});

/** Below this, write(2) shall hear of ENOSPC itself: 256 MiB, or a sixteenth of a small volume. */
const nearlyFull = (volume: Volume): boolean => {
  const { available, capacity } = volume.statistics();
  return available < Math.min((256 * mebibyte) / pageSize, capacity / 16);
};
