/** What the files of the filesystem layer share: one of each for a mounted root. */
import type { PageFrames } from '../../cache/page-frames.js';
import type { UnitCache } from '../../cache/units.js';
import type { CorruptionError } from '../../errors.js';
import type { InodeNumber } from '../../units.js';
import type { VolumeApi } from '../../volume/api.js';
import type { Credentials } from '../api.js';
import type { Quotas } from '../quota/quotas.js';
import type { Gatherer } from './gather.js';
import type { InodeTable } from './inode-table.js';
import type { Reclaimer } from './reclaim.js';
import type { Writeback } from './writeback.js';

/** When a read moves atime: at each read that finds it older than mtime, ctime or a day; or never. */
export type AccessTimes = 'relatime' | 'noatime';

/** Pages of files in memory: those that are dirty, all, and the most there may be. */
export interface Memory {
  readonly dirtyPages: number;
  readonly pages: number;
  readonly mostPages: number;
}

export interface Context {
  readonly root: InodeNumber;
  readonly volume: VolumeApi;
  readonly frames: PageFrames;
  /** Transformed units of files, decoded. */
  readonly units: UnitCache;
  readonly inodes: InodeTable;
  readonly writeback: Writeback;
  readonly reclaimer: Reclaimer;
  /** What a read found scattered joins the next flush; undefined: it does not. */
  readonly gatherer: Gatherer | undefined;
  /** Limits that are enforced; undefined: none are. */
  readonly quotas: Quotas | undefined;
  readonly accessTimes: AccessTimes;
  /** Whether a listing of the root directory has `.snapshots`. */
  readonly listsSnapshots: boolean;
  /** Groups of a caller besides its own, where the filesystem itself must know; undefined: the kernel has checked. */
  readonly groupsOf: ((who: Credentials) => readonly number[]) | undefined;
  /** What was read is not what was written: for the log, before the caller gets EIO. */
  readonly onCorruption: (error: CorruptionError, inode: InodeNumber) => void;
  /** Let requests be served between steps of long work. */
  readonly breathe: () => Promise<void>;
}
