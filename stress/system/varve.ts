/**
 * Varve as the harness sees it: a volume and a filesystem on a simulated disk, with small caches, so that much has
 * to be read again, and fsck's check as the judge of images.
 */

import { FileSystem } from '../../fs/posix/filesystem.js';
import { initialItems } from '../../fs/posix/namespace/root-directory.js';
import type { SimulatedDisk } from '../../fs/store/simulated-disk.js';
import { newestCheckpoint } from '../../fs/volume/checkpoint-slots.js';
import type { JournalMode } from '../../fs/volume/journal-mode.js';
import { readSuperblock } from '../../fs/volume/superblock.js';
import { Volume } from '../../fs/volume/volume.js';
import { checkVolume } from '../../fsck/check.js';
import { fixedSuperblock } from './superblock.js';
import type { System, SystemMaker } from './system.js';
import { VarveRoots } from './varve-roots.js';

export interface VarveOptions {
  /** Pages in a segment, as a power of two; by size if absent. */
  readonly segmentShift?: number;
  /** Places for segments, at least 64; as many as fit if absent. */
  readonly places?: number;
  /** `ordered` unless told. */
  readonly journal?: JournalMode;
  /** Chain for all files, such as `lz4`. */
  readonly compression?: string;
  /** Memory for nodes, in bytes. */
  readonly nodeBytes?: number;
  /** Memory for pages of files, in bytes. */
  readonly pageBytes?: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export class VarveMaker implements SystemMaker {
  constructor(private readonly options: VarveOptions) {}

  async format(disk: SimulatedDisk): Promise<void> {
    const superblock = fixedSuperblock(disk.size, this.options.segmentShift, this.options.places);
    const seconds = Math.floor(this.options.now() / 1000);
    const initial = initialItems({ seconds, nanos: 0 }, 0, 0, 0o755);
    await Volume.format(disk, { superblock, initial, clock: this.options });
  }

  async open(disk: SimulatedDisk): Promise<System> {
    const volume = await Volume.open(disk, {
      clock: this.options,
      commitSeconds: 5,
      journal: this.options.journal ?? 'ordered',
      cacheBytes: this.options.nodeBytes ?? 2 << 20,
      ...(this.options.compression === undefined ? {} : { compression: this.options.compression }),
    });
    const begin = async (): Promise<FileSystem> => {
      const api = new FileSystem(volume, { cacheBytes: this.options.pageBytes ?? 4 << 20 });
      await api.recover();
      return api;
    };
    let api = await begin();
    return {
      get api() {
        return api;
      },
      roots: new VarveRoots(volume),
      turn: async (act) => {
        await api.close();
        try {
          await act();
        } finally {
          api = await begin();
        }
      },
      commit: () => volume.commit(),
      resettle: () => volume.movedPages.pass(),
      generation: () => volume.generation,
      counters: () => {
        const { height, ...rest } = volume.counters;
        return { ...rest, 'max height': height, resettled: volume.movedPages.resettled.pages };
      },
      close: async () => {
        await api.close();
        await volume.close();
      },
      abandon: () => volume.abandon(),
    };
  }

  async generationOf(disk: SimulatedDisk): Promise<number> {
    return (await newestCheckpoint(disk, await readSuperblock(disk))).checkpoint.generation;
  }

  async check(disk: SimulatedDisk): Promise<string[]> {
    return (await checkVolume(disk, { data: true })).map((problem) => JSON.stringify(problem));
  }
}
