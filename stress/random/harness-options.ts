/** What a run is told, and what is left of one that was recorded. */
import type { Moment as DiskMoment, Recording } from '../../fs/store/recording.js';
import type { JournalMode } from '../../fs/volume/journal-mode.js';
import type { KeptLog } from '../model/kept.js';
import type { Tape } from '../model/tape.js';
import type { VirtualTime } from '../system/virtual-time.js';
import type { MachineOptions } from './machine.js';

/** With `record`, the history goes on tape beside what the disk is told. Such a run has no stop and no cut. */
export interface HarnessOptions extends MachineOptions {
  readonly seed: number;
  readonly time: VirtualTime;
  /** What the system promises; `ordered` unless told. */
  readonly journal?: JournalMode;
  /** How many of the last operations the report of a failure lists; 40 unless told. */
  readonly trail?: number;
  /** Snapshots, branches and streams are among the operations. */
  readonly roots?: boolean;
  /** Most bytes of one write, copy or allocation; 1 MiB unless told. */
  readonly mostBytes?: number;
}

/** A run that was recorded, from the first operation on. */
export interface Recorded {
  readonly recording: Recording;
  readonly tape: Tape;
  /** Snapshots and branches, if they are among the operations. */
  readonly kept: KeptLog | undefined;
  /** Moment of the disk when the first operation began. */
  readonly since: DiskMoment;
}
