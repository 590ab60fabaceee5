/**
 * What the harness needs of the thing under test, besides its API: to be made on a disk, opened again after a stop
 * or a power cut, and asked what it has gone through.
 */
import type { FileSystemApi, Time } from '../../fs/posix/api.js';
import type { SimulatedDisk } from '../../fs/store/simulated-disk.js';
import type { VarveRoots } from './varve-roots.js';

export interface System {
  /** Of the line that is live. */
  readonly api: FileSystemApi;
  /** Snapshots and the like, if it has them. */
  readonly roots?: VarveRoots;
  /** End the use of the API, do what makes another line live, begin to use it anew. */
  turn?(act: () => Promise<unknown>): Promise<void>;
  /** Make everything durable by a checkpoint. */
  commit(): Promise<void>;
  /** Do now what is done in pauses: pages that the cleaner moved are laid anew. Rejects with what kept it from that. */
  resettle?(): Promise<void>;
  /** The generation that is open. */
  generation(): number;
  /** What happened inside so far, by name: nodes split, segments cleaned, ... */
  counters(): Readonly<Record<string, number>>;
  /** Stop in peace. */
  close(): Promise<void>;
  /** The disk is gone: end timers, touch nothing. */
  abandon(): Promise<void>;
}

export interface SystemMaker {
  /** A kernel stands between: it lets through what it would of any filesystem. */
  readonly kernel?: boolean;
  /** What the system says of the time of a change; the virtual time unless told. */
  readonly timeOfChange?: () => Time;
  /** After the last stop: remove what was made. */
  end?(): void;
  format(disk: SimulatedDisk): Promise<void>;
  open(disk: SimulatedDisk): Promise<System>;
  /** Generation of the checkpoint with which a start begins; the disk is not in use. */
  generationOf(disk: SimulatedDisk): Promise<number>;
  /** Problems that a check of the whole image finds; the disk is not in use meanwhile. */
  check(disk: SimulatedDisk): Promise<string[]>;
}
