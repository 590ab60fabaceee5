/** Random operations of all kinds on a filesystem, so that a volume gets worn. */
import { FsError } from '../../fs/errors.js';
import { type FileSystemApi, fallocateFlag } from '../../fs/posix/api.js';
import { below, chance, type Random } from '../../fs/store/random.js';
import { run } from '../../fs/suspend.js';

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
export class Worker {
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
