/**
 * A small volume on a disk that records, and a model that does the same: each step is done on both, and what the
 * model knew is kept beside the moments of the disk, so that any moment can be judged later.
 */
import { FileSystem } from '../../fs/posix/filesystem.js';
import { initialItems } from '../../fs/posix/namespace/root-directory.js';
import type { Moment } from '../../fs/store/recording.js';
import { SimulatedDisk } from '../../fs/store/simulated-disk.js';
import type { SparseBytes } from '../../fs/store/sparse-bytes.js';
import { run } from '../../fs/suspend.js';
import type { JournalMode } from '../../fs/volume/journal-mode.js';
import { Volume } from '../../fs/volume/volume.js';
import { dump } from '../model/dump.js';
import { Model } from '../model/model.js';
import { restore } from '../model/restore.js';
import { fixedSuperblock } from '../system/superblock.js';
import { Knowledge, type Known } from './knowledge.js';
import type { Step } from './script.js';

const imageBytes = 16 * 2 ** 20;
/** Segments of 32 pages, the smallest there are. */
const segmentShift = 5;

/** Moves by a millisecond a step: an operation's time must not depend on how often it began again. */
class Clock {
  milliseconds = 1_700_000_000_000;
  readonly now = (): number => this.milliseconds;
  time(): { seconds: number; nanos: number } {
    const seconds = Math.floor(this.milliseconds / 1000);
    return { seconds, nanos: (this.milliseconds - seconds * 1000) * 1e6 };
  }
}

/** An empty filesystem, just made. */
export async function emptyImage(): Promise<SparseBytes> {
  const disk = new SimulatedDisk(imageBytes);
  const initial = initialItems(new Clock().time(), 0, 0, 0o755);
  await Volume.format(disk, { superblock: fixedSuperblock(imageBytes, segmentShift), initial });
  return disk.contents();
}

export interface Opened {
  readonly disk: SimulatedDisk;
  readonly volume: Volume;
  readonly api: FileSystem;
}

export async function open(disk: SimulatedDisk, journal: JournalMode, clock = new Clock()): Promise<Opened> {
  const volume = await Volume.open(disk, { journal, commitSeconds: 0, cacheBytes: 1 << 20, clock });
  const api = new FileSystem(volume, { cacheBytes: 1 << 19, accessTimes: 'noatime' });
  await api.recover();
  return { disk, volume, api };
}

export class Machine {
  readonly clock = new Clock();
  readonly model = new Model(() => this.clock.time());
  /** Steps done, as lines of a script. */
  readonly script: string[] = [];
  private readonly knowledge: Knowledge;

  private constructor(
    private readonly opened: Opened,
    readonly journal: JournalMode,
  ) {
    this.model.history.namesFlush = journal !== 'writeback';
    this.knowledge = new Knowledge(this.model);
  }

  static async start(image: SparseBytes, journal: JournalMode): Promise<Machine> {
    const disk = new SimulatedDisk(image.size, { contents: image.copy(), record: true });
    const machine = new Machine(await open(disk, journal), journal);
    restore(machine.model, await dump(machine.opened.api));
    machine.knowledge.note(disk.recording.now, 'mount');
    return machine;
  }

  get disk(): SimulatedDisk {
    return this.opened.disk;
  }

  /** What is promised at a moment of the disk. */
  knownAt(moment: Moment): Known {
    return this.knowledge.at(moment);
  }

  /** Do it on both sides, and wait until it may be acknowledged. */
  readonly perform = async (step: Step): Promise<void> => {
    this.clock.milliseconds++;
    const { api } = this.opened;
    const before = this.disk.recording.now;
    const { history } = this.model;
    if (step.syncs !== undefined) {
      const moment = history.now();
      this.knowledge.syncing(before, step.text);
      await run(() => step.act(api));
      const all = step.syncs === 'all' || this.journal === 'data';
      history.durable(moment, all ? undefined : (step.syncs as readonly number[]));
      this.knowledge.synced(this.disk.recording.now, step.text);
    } else {
      const made = await run(() => step.act(api));
      if (isMade(made)) this.model.nextInode = made.inode;
      step.act(this.model);
      this.knowledge.note(before, step.text);
      if (step.change !== 'nothing') await api.settled(step.change);
    }
    this.script.push(step.text);
  };

  /** The commit that would come by itself after a while. */
  async commit(): Promise<void> {
    const act = (): unknown => this.opened.volume.commit();
    await this.perform({ text: 'commit', change: 'nothing', syncs: 'all', act });
  }

  async stop(): Promise<void> {
    await this.opened.volume.abandon();
  }
}

function isMade(value: unknown): value is { inode: number } {
  return typeof value === 'object' && value !== null && 'inode' in value && typeof value.inode === 'number';
}
