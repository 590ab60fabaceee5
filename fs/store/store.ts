/**
 * Where the bytes of an image lie. The layers above speak in offsets; nothing above knows files or devices.
 *
 * Every method either does its work in place and returns undefined, or returns a promise of it: a page that is
 * in the host's cache, a small write into that cache and a quick barrier cost less than a trip to a thread and
 * back (0.6 us and 7 us against 24 us for 4 KiB; Node 20, 2026).
 *
 * Invariants
 * 1. Reads of bytes never written return zeros.
 * 2. Writes issued before a barrier is issued are durable when it has completed. Between barriers they may
 *    become durable in any order, or in part.
 * 3. A failed write or barrier is never retried here: the caller makes the volume read-only.
 * 4. The caller does not touch a buffer handed over until the work is done.
 */
import type { ImageOffset } from '../units.js';
import type { Pieces } from './pieces.js';

/** What bytes can be read from. */
export interface Readable {
  /** Fill `into` from `offset`. Throws or rejects with FsError EIO. */
  read(offset: ImageOffset, into: Uint8Array): Promise<void> | undefined;
}

export interface Store extends Readable {
  /** Size in bytes; only `resize` changes it. */
  readonly size: number;
  readonly readOnly: boolean;
  /** What a person calls it: a path. */
  readonly name: string;

  /**
   * The same bytes, whole pages of them, from the medium itself where the host lets us, leaving its memory as it is.
   * Absent where there is no such difference. Writes that have returned are seen.
   */
  readonly medium?: Readable;

  /**
   * Fill all pieces of what is read as a sequence though it lies in many: their neighbours will probably be wanted as
   * well. The list may be used again at once. Throws or rejects with FsError EIO, when nothing is under way any more.
   * Absent where that is no better than reading one after another.
   */
  readPieces?(pieces: Pieces): Promise<void> | undefined;

  /** These bytes will probably be wanted soon. It promises nothing. Absent where nothing would be gained. */
  expect?(offset: ImageOffset, length: number): void;

  /** Write the buffers one after another from `offset`. Throws or rejects with FsError EIO or ENOSPC. */
  write(offset: ImageOffset, buffers: readonly Uint8Array[]): Promise<void> | undefined;

  /** Make all writes issued so far durable. Throws or rejects with FsError EIO. */
  barrier(): Promise<void> | undefined;

  /** The bytes are no longer needed: give the space back to the host where it can. Reads may return zeros or what was there. */
  discard(offset: ImageOffset, length: number): Promise<void> | undefined;

  /**
   * Make it so many bytes long: an image file. A device must have that size already to grow, and stays as it is to
   * shrink. Absent where that can't be. Rejects with VolumeError or FsError.
   */
  resize?(size: number): Promise<void>;

  /** Release it; no call may follow. */
  close(): Promise<void>;
}
