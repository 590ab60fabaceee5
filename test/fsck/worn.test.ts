/**
 * Volumes that were worked in: random operations of all kinds on a small volume, so that it fills up and is cleaned,
 * with power cuts and clean closes in between. Whatever happened, the check finds nothing: not in the checkpoint
 * that a crash left, not in what a replay makes of it, not after a clean close.
 */
import { describe, expect, test } from 'vitest';
import { FsError } from '../../fs/errors.js';
import { type FileSystemApi, fallocateFlag } from '../../fs/posix/api.js';
import { FileSystem } from '../../fs/posix/filesystem.js';
import { initialItems } from '../../fs/posix/namespace/root-directory.js';
import { MemoryStore } from '../../fs/store/memory.js';
import { below, chance, type Random, seededRandom } from '../../fs/store/random.js';
import type { Store } from '../../fs/store/store.js';
import { run } from '../../fs/suspend.js';
import { Volume } from '../../fs/volume/volume.js';
import { type CheckResult, examine } from '../../fsck/check.js';
import { replayInMemory } from '../../fsck/replay.js';
import { formatTestVolume } from '../support/volume-image.js';

const who = { uid: 0, gid: 0, pid: 1 };
const root = 1;
/** Files and directories that a crash has taken back are still asked for now and then: ESTALE. */
const tolerated = [
  'ENOSPC',
  'EEXIST',
  'ENOENT',
  'ENODATA',
  'ENOTEMPTY',
  'EINVAL',
  'EISDIR',
  'ENOTDIR',
  'EPERM',
  'ESTALE',
  'ENODEV',
];

/** Names from a small set, so that operations meet each other's files. */
class Worker {
  constructor(
    private readonly fs: FileSystemApi,
    private readonly random: Random,
    private readonly directories: number[],
    private readonly files: number[],
  ) {}

  async step(): Promise<void> {
    try {
      await this.operate();
    } catch (e) {
      if (!(e instanceof FsError) || !tolerated.includes(e.code)) throw e;
    }
  }

  private get name(): Buffer {
    return Buffer.from(`${'long '.repeat(below(this.random, 6))}name ${below(this.random, 40)}`);
  }
  private get directory(): number {
    return this.directories[below(this.random, this.directories.length)];
  }
  private get file(): number {
    return this.files[below(this.random, this.files.length)] ?? root;
  }

  private async operate(): Promise<void> {
    const { fs, random, directory, name, file } = this;
    const offset = below(random, 60) * (chance(random, 0.5) ? 4096 : 1000);
    const length = 1 + below(random, chance(random, 0.3) ? 200_000 : 5000);
    switch (below(random, 18)) {
      case 0:
      case 1:
      case 2: {
        const made = await run(() => fs.mknod(directory, name, 0o100644, 0, 0, who));
        this.files.push(made.inode);
        break;
      }
      case 3:
        this.directories.push((await run(() => fs.mkdir(directory, name, 0o755, 0, who))).inode);
        break;
      case 4:
        await run(() => fs.symlink(directory, name, Buffer.from('x'.repeat(1 + below(random, 300))), who));
        break;
      case 5:
        await run(() => fs.link(file, directory, name, who));
        break;
      case 6:
      case 7:
      case 8:
        await run(() => fs.unlink(directory, name, who));
        break;
      case 9:
        await run(() => fs.rename(directory, name, this.directory, this.name, below(random, 3), who));
        break;
      case 10:
        await run(() => fs.setattr(file, { size: chance(random, 0.5) ? 0 : offset * 3 }, who));
        break;
      case 11: {
        const modes = [
          0,
          fallocateFlag.keepSize,
          fallocateFlag.punchHole | fallocateFlag.keepSize,
          fallocateFlag.zeroRange,
        ];
        await fs.fallocate(file, modes[below(random, modes.length)], offset, length);
        break;
      }
      case 12:
        await run(() =>
          fs.setxattr(file, Buffer.from(`user.${below(random, 5)}`), Buffer.alloc(below(random, 9000), 7), 0, who),
        );
        break;
      case 13:
        await run(() => fs.removexattr(file, Buffer.from(`user.${below(random, 5)}`), who));
        break;
      case 14:
        if (chance(random, 0.3)) await run(() => fs.rmdir(directory, name, who));
        else await run(() => fs.fsync(file, false));
        break;
      case 15: {
        const made = await run(() => fs.tmpfile(directory, 0o600, 0, who));
        fs.hold(made.inode);
        this.files.push(made.inode);
        break;
      }
      default:
        await run(() => fs.write(file, offset, Buffer.alloc(length, below(random, 255)), who));
    }
  }
}

async function clean(store: Store, when: string): Promise<CheckResult> {
  const result = await examine(store, { data: true });
  expect(result.problems, when).toEqual([]);
  return result;
}

async function wear(store: MemoryStore, seed: number, rounds: number, steps: number): Promise<void> {
  const random = seededRandom(seed);
  await formatTestVolume(store, undefined, initialItems({ seconds: 1, nanos: 0 }, 0, 0, 0o755));
  await clean(store, 'after mkfs');
  const directories = [root];
  const files: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const volume = await Volume.open(store, { commitSeconds: 3600, cacheBytes: 2 ** 20 });
    const fs = new FileSystem(volume, { cacheBytes: 2 ** 22 });
    await fs.recover();
    const worker = new Worker(fs, random, directories, files);
    for (let i = 0; i < steps; i++) {
      await Promise.all(Array.from({ length: 1 + below(random, 4) }, () => worker.step()));
      if (chance(random, 0.01)) await volume.commit();
    }
    const crash = chance(random, 0.6);
    if (crash) {
      // A crash in the middle of a commit leaves records of two generations.
      if (chance(random, 0.5)) {
        volume.commit().catch(() => undefined);
        for (let i = 0; i < 20; i++) await worker.step();
      }
      if (chance(random, 0.8)) await volume.sync();
      await volume.abandon();
    } else {
      await fs.close();
      await volume.close();
    }
    const when = `seed ${seed}, round ${round}, ${crash ? 'crash' : 'close'}`;
    await clean(store, when);
    if (crash) await clean((await replayInMemory(store)).store, `${when}, replayed`);
  }
}

/** More of them: WEAR_SEEDS=1,2,3,4 npx vitest run test/fsck/worn.test.ts */
const seeds = (process.env.WEAR_SEEDS ?? '1,2').split(',').map(Number);

describe('a worn volume has no problems', () => {
  test.each(seeds)('seed %i', async (seed) => {
    await wear(new MemoryStore(16 * 2 ** 20), seed, 4, 250);
  });

  test.each(seeds)('seed %i, in a store that answers late', async (seed) => {
    await wear(new MemoryStore(16 * 2 ** 20, { shuffled: { random: seededRandom(seed) } }), seed, 3, 150);
  });
});
