/**
 * Where a workload takes place: in a new folder on a mount, removed again at the end, or on a volume in memory. And
 * what Varve counts meanwhile; other filesystems tell nothing.
 */
import { promises as fs } from 'node:fs';
import { join } from 'node:path';
import { askServer } from '../../fs/cli/server-facts.js';
import { sync } from '../../fs/cli/sync.js';
import { mountAround } from '../../fs/cli/target.js';
import { VolumeError } from '../../fs/errors.js';
import { FileSystem } from '../../fs/posix/filesystem.js';
import { initialItems } from '../../fs/posix/namespace/root-directory.js';
import { MemoryStore } from '../../fs/store/memory.js';
import { Volume } from '../../fs/volume/volume.js';
import { fixedSuperblock } from '../system/superblock.js';
import { codeOf, type Files } from './files.js';
import { SystemFiles } from './system-files.js';
import { VolumeFiles } from './volume-files.js';

/** Counted by a volume since it was opened. */
export interface VolumeCounts {
  readonly journal: string;
  readonly counts: Readonly<Record<string, number>>;
}

export interface Ground {
  /** For a person: a path. */
  readonly name: string;
  readonly files: Files;
  /** Make everything so far durable and tell what was counted; undefined where it is not Varve that counts. */
  counts(): Promise<VolumeCounts | undefined>;
  /** Remove what was made, unless it is to stay. */
  end(keep: boolean): Promise<void>;
}

/** A new folder `name` in `directory`. Throws VolumeError. */
export async function groundIn(directory: string, name: string): Promise<Ground> {
  const mount = mountAround(directory);
  const folder = join(directory, name);
  try {
    await fs.mkdir(folder);
  } catch (e) {
    if (codeOf(e) !== 'EEXIST') throw new VolumeError('io', `can't make ${folder}: ${(e as Error).message}`);
    throw new VolumeError('usage', `${folder} is there already: remove it, or choose another --seed`);
  }
  return {
    name: folder,
    files: new SystemFiles(folder),
    counts: async () => {
      if (mount === undefined) return undefined;
      await sync(mount.target);
      const facts = await askServer(mount);
      return facts && { journal: facts.journal, counts: facts.volume };
    },
    end: async (keep) => {
      if (!keep) await fs.rm(folder, { recursive: true, force: true });
    },
  };
}

/** A volume of `bytes` in memory. Throws RangeError if that is too small. */
export async function groundInMemory(bytes: number): Promise<Ground> {
  const store = new MemoryStore(bytes);
  const initial = initialItems({ seconds: 0, nanos: 0 }, 0, 0, 0o755);
  await Volume.format(store, { superblock: fixedSuperblock(bytes), initial });
  const volume = await Volume.open(store, {});
  const filesystem = new FileSystem(volume);
  return {
    name: 'a volume in memory',
    files: new VolumeFiles(filesystem),
    counts: async () => {
      await volume.commit();
      return { journal: volume.journal, counts: { ...volume.counters } };
    },
    end: async () => {
      await filesystem.close();
      await volume.close();
    },
  };
}
