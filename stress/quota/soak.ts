/**
 * Random operations of several users on a volume with limits, with crashes: after each, fsck counts again what everybody
 * uses, in the checkpoint that the crash left and in what a replay makes of it, and nobody but the superuser is beyond a
 * hard limit.
 */
import { FsError } from '../../fs/errors.js';
import { inodeFlag } from '../../fs/format/item.js';
import { fallocateFlag } from '../../fs/posix/api.js';
import { FileSystem } from '../../fs/posix/filesystem.js';
import { initialItems } from '../../fs/posix/namespace/root-directory.js';
import { noLimits, QuotaTable } from '../../fs/posix/quota/quota-table.js';
import { MemoryStore } from '../../fs/store/memory.js';
import { below, chance, type Random, seededRandom } from '../../fs/store/random.js';
import type { Store } from '../../fs/store/store.js';
import { run } from '../../fs/suspend.js';
import { rootInode } from '../../fs/units.js';
import { holders } from '../../fs/volume/usage.js';
import { Volume } from '../../fs/volume/volume.js';
import { checkVolume } from '../../fsck/check.js';
import { replayInMemory } from '../../fsck/replay.js';
import { fixedSuperblock } from '../system/superblock.js';

export interface SoakOptions {
  readonly seed: number;
  readonly operations: number;
  /** True: end after the operation under way. */
  readonly stop?: () => boolean;
}

export interface SoakReport {
  readonly operations: number;
  readonly crashes: number;
  readonly closes: number;
  /** Images counted again. */
  readonly recounts: number;
  /** Operations that met a limit. */
  readonly refused: number;
  readonly snapshots: number;
  /** What is wrong; empty: nothing. */
  readonly wrong: readonly string[];
}

const imageBytes = 32 * 2 ** 20;
const superuser = 0;
/** Ids with limits; the same numbers are users, groups and projects. */
const ids = [superuser, 1, 2, 3, 4];
const hardPages = 700;
const hardInodes = 60;
const modes = [0, fallocateFlag.keepSize, fallocateFlag.punchHole | fallocateFlag.keepSize, fallocateFlag.zeroRange];
/** A file may be gone, or of another kind; a crash takes some back. */
const tolerated = [
  'ENOSPC',
  'EEXIST',
  'ENOENT',
  'ENOTEMPTY',
  'EINVAL',
  'EISDIR',
  'ENOTDIR',
  'ESTALE',
  'EXDEV',
  'ENOTTY',
  'EPERM',
];

export async function quotaSoak({ seed, operations, stop = () => false }: SoakOptions): Promise<SoakReport> {
  const soak = new Soak(seededRandom(seed));
  await soak.begin();
  while (soak.operations < operations && soak.wrong.length === 0 && !stop()) {
    const stretch = Math.min(200 + below(soak.random, 400), operations - soak.operations);
    await soak.stretch(stretch, stop);
  }
  return soak;
}

class Soak implements SoakReport {
  operations = 0;
  crashes = 0;
  closes = 0;
  recounts = 0;
  refused = 0;
  snapshots = 0;
  readonly wrong: string[] = [];
  private readonly store = new MemoryStore(imageBytes);
  private directories: number[] = [rootInode];
  private files: number[] = [];
  private volume!: Volume;
  private fs!: FileSystem;

  constructor(readonly random: Random) {}

  async begin(): Promise<void> {
    const superblock = fixedSuperblock(imageBytes, 5);
    await Volume.format(this.store, { superblock, initial: initialItems({ seconds: 1, nanos: 0 }, 0, 0, 0o777) });
  }

  /** Open, work, and close or crash; then count again. */
  async stretch(operations: number, stop: () => boolean): Promise<void> {
    const { random, store } = this;
    const compression = chance(random, 0.5) ? { compression: 'deflate:1' } : {};
    this.volume = await Volume.open(store, { commitSeconds: 3600, cacheBytes: 2 ** 20, ...compression });
    this.fs = new FileSystem(this.volume, { cacheBytes: 2 ** 22, quotas: holders });
    await this.fs.recover();
    if (this.operations === 0) await this.limit();
    for (let i = 0; i < operations && !stop(); i++) {
      await this.step();
      if (chance(random, 0.01)) await this.volume.commit();
      if (chance(random, 0.003)) await this.snapshot();
    }
    await this.compareLimits();
    if (chance(random, 0.7)) await this.crash();
    else {
      this.closes++;
      await this.fs.close();
      await this.volume.close();
      await this.recount(store, 'after a close');
    }
  }

  private async crash(): Promise<void> {
    const { random, volume } = this;
    this.crashes++;
    if (chance(random, 0.6)) await volume.sync();
    // In the middle of a commit: records of two generations.
    if (chance(random, 0.5)) {
      volume.commit().catch(() => undefined);
      for (let i = below(random, 20); i > 0; i--) await this.step();
      if (chance(random, 0.5)) await volume.sync();
    }
    await volume.abandon();
    await this.recount(this.store, 'in what a crash left');
    await this.recount((await replayInMemory(this.store)).store, 'after a replay');
  }

  private async recount(store: Store, when: string): Promise<void> {
    this.recounts++;
    for (const { message } of await checkVolume(store))
      this.wrong.push(`${when}, operation ${this.operations}: ${message}`);
  }

  private async limit(): Promise<void> {
    const table = new QuotaTable(this.volume);
    for (const holder of holders) {
      for (const id of ids.slice(1)) {
        const limits = { ...noLimits, hardPages: hardPages * id, hardInodes: hardInodes * id };
        await run(() => table.set(holder, id, limits));
      }
    }
    this.fs.quotasChanged();
  }

  /** All that users did stays within their limits, what is dirty included; what the superuser gave away may not. */
  private async compareLimits(): Promise<void> {
    await this.volume.commit();
    for (const id of ids.slice(1)) {
      const { pages, inodes } = await run(() => this.volume.usageOf('user', id));
      if (pages > hardPages * id || inodes > hardInodes * id)
        this.wrong.push(`user ${id} uses ${pages} pages and ${inodes} inodes, operation ${this.operations}`);
    }
  }

  private async step(): Promise<void> {
    this.operations++;
    try {
      await this.operate();
    } catch (e) {
      if (!(e instanceof FsError)) throw e;
      if (e.code === 'EDQUOT') this.refused++;
      else if (!tolerated.includes(e.code)) throw e;
    }
  }

  private async snapshot(): Promise<void> {
    const { snapshots } = this.volume;
    const [oldest] = snapshots.list();
    try {
      if (oldest !== undefined && chance(this.random, 0.5)) await snapshots.remove(oldest.name);
      else await snapshots.create(`s${this.operations}`);
      this.snapshots++;
    } catch (e) {
      if (!(e instanceof FsError && e.code === 'ENOSPC')) throw e;
    }
  }

  private pick(list: readonly number[]): number {
    return list[below(this.random, list.length)] ?? rootInode;
  }

  private async operate(): Promise<void> {
    const { random, fs } = this;
    const id = 1 + below(random, ids.length - 1);
    const who = { uid: id, gid: this.pick(ids), pid: 1 };
    const directory = this.pick(this.directories);
    const file = this.pick(this.files);
    const name = Buffer.from(`name ${below(random, 60)}`);
    const offset = below(random, 80) * (chance(random, 0.5) ? 4096 : 1000);
    const length = 1 + below(random, chance(random, 0.3) ? 300_000 : 9000);
    switch (below(random, 16)) {
      case 0:
      case 1:
      case 2:
        this.files.push((await run(() => fs.mknod(directory, name, 0o100644, 0, 0, who))).inode);
        break;
      case 3:
        this.directories.push((await run(() => fs.mkdir(directory, name, 0o755, 0, who))).inode);
        break;
      case 4:
        await run(() => fs.link(file, directory, name, who));
        break;
      case 5:
      case 6:
      case 7:
        await run(() => (chance(random, 0.2) ? fs.rmdir(directory, name, who) : fs.unlink(directory, name, who)));
        break;
      case 8: {
        const flags = below(random, 3);
        const other = Buffer.from(`name ${below(random, 60)}`);
        await run(() => fs.rename(directory, name, this.pick(this.directories), other, flags, who));
        break;
      }
      case 9:
        await run(() => fs.setattr(file, { size: chance(random, 0.6) ? below(random, offset + 1) : offset * 3 }, who));
        break;
      case 10:
        await fs.fallocate(file, this.pick(modes), offset, length, who);
        break;
      case 11: {
        // As the kernel would let it be: to another group, or by the owner-to-be.
        const owner = chance(random, 0.5) ? { uid: id } : { gid: this.pick(ids) };
        await run(() => fs.setattr(file, owner, who));
        break;
      }
      case 12: {
        const inode = chance(random, 0.3) ? directory : file;
        const flags = chance(random, 0.5) ? inodeFlag.projectInherit : 0;
        await run(() => fs.setFlags(inode, flags, this.pick(ids), who));
        break;
      }
      case 13:
        if (chance(random, 0.3)) await fs.fsync(file, false);
        else await fs.copyRange(this.pick(this.files), offset, file, 0, length, who);
        break;
      default: {
        // A file that belongs to somebody else: only the superuser may then pass that one's limits, and does not here.
        const data = Buffer.alloc(length, chance(random, 0.5) ? below(random, 255) : '0123456789');
        await run(() => fs.write(file, offset, data, who));
      }
    }
  }
}

/** For people. */
export const soakText = (report: SoakReport): string =>
  `${report.operations} operations, ${report.crashes} crashes, ${report.closes} closes, ${report.snapshots} snapshots made ` +
  `or deleted, ${report.refused} refused by a limit; ${report.recounts} images counted again: ` +
  (report.wrong.length === 0 ? 'no difference' : `${report.wrong.length} differences`);
