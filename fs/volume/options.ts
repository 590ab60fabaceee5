/** How a volume is opened, and what a new one is made of. */
import type { CleaningPolicy } from '../cleaner/policy.js';
import type { Registry } from '../transform/registry.js';
import type { Batch } from '../tree/batch.js';
import type { JournalMode } from './journal-mode.js';
import type { OpenSuperblock } from './superblock.js';

export interface Clock {
  /** Milliseconds since 1970, with fractions. */
  now(): number;
  /** The same, exactly, from a clock that has it so. */
  time?(): { seconds: number; nanos: number };
}

/** Seconds and nanoseconds since 1970. */
export function timeOf(clock: Clock): { seconds: number; nanos: number } {
  const exact = clock.time?.();
  if (exact !== undefined) return exact;
  const ms = clock.now();
  const seconds = Math.floor(ms / 1000);
  return { seconds, nanos: Math.floor((ms - seconds * 1000) * 1e6) };
}

export interface VolumeOptions {
  readonly readOnly?: boolean;
  /** What a crash shall leave; `ordered` unless told. */
  readonly journal?: JournalMode;
  /** The line that shall be live, '' for the first one; as it is unless told. Not of a volume opened read-only. */
  readonly branch?: string;
  /** Most seconds between a change and its commit; default 5. 0: no commit comes by itself (tests). */
  readonly commitSeconds?: number;
  /**
   * Seconds for which the root of each commit is kept after the next one. 0: none is made, and those there are go when
   * their time has come; unless told, none of that.
   */
  readonly historySeconds?: number;
  /** Whether freed places are given back to the host as they become free; so it is unless told. */
  readonly discard?: boolean;
  /** Memory for tree nodes, in bytes; default 64 MiB. */
  readonly cacheBytes?: number;
  readonly clock?: Clock;
  readonly policy?: CleaningPolicy;
  /** Chain for new data, such as `lz4` or `none`; as the superblock says unless told. */
  readonly compression?: string;
  /** The transforms that are known; those built in unless told. */
  readonly registry?: Registry;
  /**
   * Open a read-only volume even if transforms are missing (files that need them get EIO) or the journal is damaged (what
   * was done after that is not there).
   */
  readonly degraded?: boolean;
  /** No file will be read or written, as while a journal is replayed: transforms that are missing do not matter. */
  readonly filesUntouched?: boolean;
  /** Replay a damaged journal up to the damage, for good: a repair. */
  readonly cutJournal?: boolean;
  /** Told once when a write or barrier has failed, or something is damaged, and the volume takes no more changes. */
  readonly onFailure?: (failure: unknown) => void;
  /** Told each time that something gets ENOSPC. */
  readonly onNoSpace?: () => void;
}

export interface FormatOptions {
  /** Identity and geometry (planGeometry); its checksum is made here. */
  readonly superblock: OpenSuperblock;
  /** What the tree holds at first: the root directory. */
  readonly initial: Batch;
  readonly clock?: Clock;
}
