/**
 * What the filesystem layer asks of a volume: one ordered map, pages in a log, and promises about both.
 * Methods that may throw Suspend say so; they do it before they change anything.
 */

import type { Usage } from '../format/item.js';
import type { Sealer } from '../format/seal.js';
import type { Pieces } from '../store/pieces.js';
import type { Chains } from '../transform/chain.js';
import type { Batch } from '../tree/batch.js';
import type { Address, Generation, InodeNumber, PageNumber } from '../units.js';
import type { JournalMode } from './journal-mode.js';
import type { MovedPages } from './moved-pages.js';
import type { Holder } from './usage.js';

/** A position in the map. It is valid until the next `apply`; values are views into the node: copy what outlives that. */
export interface ItemCursor {
  /** False past the last item (or before the first); the other members may then not be read. */
  readonly valid: boolean;
  readonly inode: InodeNumber;
  readonly kind: number;
  readonly offset: number;
  readonly value: Uint8Array;
  /** To the next item in key order. May throw Suspend. */
  next(): void;
}

/** Consecutive pages of the log. */
export interface PageRun {
  readonly address: Address;
  readonly pages: number;
}

/** Who holds data that has no address yet: the volume asks it to give that up before a commit. */
export interface Flusher {
  /** Flush everything that was dirty when called. Resolves when it is appended and applied (not yet durable). */
  flushAll(): Promise<void>;
  /** The same at once, in one synchronous stretch. Throws Suspend; what was flushed by then stays so. */
  flushNow(): void;
}

/** The chains of a volume, and which one is for whom, by number; 0: stored as it is. */
export interface TransformChoice {
  readonly chains: Chains;
  /** What encrypts the data of an encrypted volume. */
  readonly sealer?: Sealer | undefined;
  /** For files that ask for none of their own. */
  readonly usual: number;
  /** For files with flag `compress` (chattr +c) that ask for none; 0: the volume has none yet. */
  readonly flagged: number;
  /** Enter a chain, such as `lz4:9`, into the superblock, durably. Rejects with VolumeError 'usage', EIO. */
  demand(text: string): Promise<unknown>;
}

/** A volume as the filesystem sees it: items by key, and pages in the log. */
export interface VolumeApi {
  readonly readOnly: boolean;
  /** What a crash shall leave. */
  readonly journal: JournalMode;
  /** The generation in which a change made now belongs: the birth of what is appended now. */
  readonly generation: Generation;
  /** Pages born up to this generation are held by a snapshot: releasing them gives no space back. 0: none is. */
  readonly heldGeneration: Generation;
  /** Seed of the hash of names, below 2^53. */
  readonly nameSeed: number;
  /** Most pages that one `prepare` may ask for: a segment's worth, as places for more need never be there at once. */
  readonly mostPages: number;
  /** Most pages for which there are places at this moment, so that `prepare` does not wait; at least `mostPages`. */
  readonly pagesAtOnce: number;
  /** Inodes in the tree. */
  readonly inodes: number;
  flusher: Flusher | undefined;
  /** What keeps the relocation map small, where that is done: on the live line. */
  readonly movedPages?: MovedPages;

  /** Why the store has failed: nothing is written any more. Undefined: it has not. */
  readonly failure: string | undefined;

  /** Throws EROFS where nothing may be written, and EIO once the store has failed: nothing more can be promised then. */
  mustBeWritable(operation: string): void;

  /** Value of the item with just that key. A view, valid until the next `apply`. May throw Suspend. */
  get(inode: InodeNumber, kind: number, offset: number): Uint8Array | undefined;
  /** First item at or after the key. May throw Suspend. */
  seek(inode: InodeNumber, kind: number, offset: number): ItemCursor;
  /** Last item at or before the key. May throw Suspend. */
  floor(inode: InodeNumber, kind: number, offset: number): ItemCursor;

  /**
   * Do all of the batch. Throws Suspend (nodes not in memory, commit too far behind) or FsError (ENOSPC unless
   * `batch.frees`, EROFS, EIO) before anything has changed. After `appendData` in the same operation it must not
   * suspend: call `prepare` first.
   */
  apply(batch: Batch): void;

  /**
   * Bring in what a batch on these keys and an append of `pages` pages need, so that `appendData` and `apply`
   * in the same synchronous stretch can't suspend. Throws Suspend while something is missing, EROFS, EIO.
   */
  prepare(keys: readonly { inode: InodeNumber; kind: number; offset: number }[], pages: number, frees: boolean): void;

  /**
   * Append pages of a file to the data head. `buffers` together hold a whole number of pages and stay untouched
   * until `done` is called (when they are written, or the volume has failed). Never suspends after `prepare`.
   */
  appendData(inode: InodeNumber, firstPage: PageNumber, buffers: readonly Uint8Array[], done: () => void): PageRun[];

  /** What can happen to the units of files. */
  readonly transforms: TransformChoice;
  /** Pages of a unit for which there is room in the segment that an append would go to: a unit lies in one. */
  readonly unitRoom: number;
  /**
   * Append a unit as stored: whole pages, at most `unitRoom`, which stay untouched until `done`. Returns its address.
   * Never suspends after `prepare`. The log hands it on when `endUnits` is called, in the same stretch.
   */
  appendUnit(inode: InodeNumber, firstPage: PageNumber, pages: Uint8Array, done: () => void): Address;
  /** Hand on to the log what `appendUnit` has appended. */
  endUnits(): void;

  /**
   * Fill `into` (whole pages) from the log. Bytes are as stored, not verified. Throws Suspend when the place must
   * be looked up first; undefined when done in place.
   */
  readPages(address: Address, pages: number, into: Uint8Array): Promise<void> | undefined;

  /**
   * Add to `pieces` where a run of pages lies that goes to `buffer` from byte `at` on, for a read of what lies in many
   * pieces. Returns `where` of its first page. Throws Suspend as `readPages` does.
   */
  locate(address: Address, pages: number, buffer: Uint8Array, at: number, pieces: Pieces): number;
  /** Fill pieces that were located in the same stretch; else as `readPages`. */
  readPieces(pieces: Pieces): Promise<void> | undefined;

  /** A run of pages will probably be read soon. Throws Suspend as `readPages` does. */
  expect(address: Address, pages: number): void;

  /**
   * Where a page lies: a number that grows by one from a page to the next in the image; -1 if nowhere. A checksum that
   * failed is no corruption if the page lies elsewhere by then. May throw Suspend.
   */
  where(address: Address): number;

  /**
   * Set space aside for `pages` dirty pages. Throws ENOSPC, or Suspend when a commit or the cleaner will make room.
   * `replaces`: how many of them will, when flushed, release a page or use a reserved one (fallocate), so that on a
   * full volume overwriting still works. Callers find that out only after a first ENOSPC.
   */
  reserve(pages: number, replaces?: number): void;
  /** Give reserved space back: the pages were flushed or dropped. */
  unreserve(pages: number): void;

  /** What a user, group or project uses by now, without dirty pages. May throw Suspend. */
  usageOf(holder: Holder, id: number): Usage;

  /** A number that no inode has had. */
  allocateInode(): InodeNumber;
  /** Seconds and nanoseconds since 1970, from the volume's clock. */
  now(): { seconds: number; nanos: number };

  /** Everything applied so far becomes durable: one journal record and a barrier, shared by all who wait. */
  sync(): Promise<void>;
  /**
   * In mode `data`: hand one record with all batches so far to the host, without a barrier. Undefined when the host
   * has it, and all that it refers to; in the other modes always. Rejects with EIO.
   */
  handOver(): Promise<void> | undefined;
  /** Flush, checkpoint. Everything so far is durable when it resolves. */
  commit(): Promise<void>;
  /** Tell the volume that something is dirty, so that a commit comes in due time. */
  touched(): void;

  /** Live pages, dirty reservations, capacity: in pages, exact. */
  statistics(): { capacity: number; live: number; reserved: number; available: number };
}
