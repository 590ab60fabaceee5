/**
 * What an operation of libfuse is to the driver: something that can be started anew from the top (fs/suspend.ts),
 * what it changes, and how its answer gets back to the thread that waits for it.
 */
import type { Change, Credentials, FileSystemApi } from '../../posix/api.js';
import type { Guard } from './guard.js';
import type { Handles } from './handles.js';
import type { HiddenNames } from './hidden-names.js';
import type { PathTable } from './path-table.js';
import type { ThreadRecord } from './thread-record.js';

/** What all operations of a mount share. */
export interface Shared {
  readonly filesystem: FileSystemApi;
  readonly hidden: HiddenNames;
  readonly handles: Handles;
  readonly counters: { bytesRead: number; bytesWritten: number };
}

/** One operation that is under way. */
export interface Call extends Shared {
  readonly paths: PathTable;
  /** Checks what the caller may do; undefined: the kernel has. */
  readonly guard: Guard | undefined;
  /** Arguments, and where results belong. */
  readonly record: ThreadRecord;
  readonly who: Credentials;
  /** libfuse's buffer, in operations that read or write one; else empty. */
  readonly lent: Uint8Array;
  /** The handle of open and create. */
  opened: number;
}

export interface Operation {
  /** The result, 0 or more; throws FsError, and Suspend before it has changed anything. */
  act(call: Call): number | Promise<number>;
  /** What it changes: it is answered when the filesystem says that this is settled. */
  readonly change?: Change;
  /** Which of the binding's arguments is a buffer of libfuse. */
  readonly lent?: number;
  /** What the binding's signal wants besides the result, if it is the operation's own: the buffer, a new handle. */
  readonly rest?: (lent: Uint8Array, opened: number) => unknown[];
}
