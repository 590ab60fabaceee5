/** A filesystem over a MemoryVolume for a test of a few lines, with names and contents as text. */
import { FsError } from '../../fs/errors.js';
import type { Attributes, Credentials } from '../../fs/posix/api.js';
import { FileSystem, type FileSystemOptions } from '../../fs/posix/filesystem.js';
import { initialItems } from '../../fs/posix/namespace/root-directory.js';
import { seededRandom } from '../../fs/store/random.js';
import { run } from '../../fs/suspend.js';
import { MemoryVolume, type MemoryVolumeOptions } from '../support/memory-volume.js';
import { checkMap } from './check-map.js';

export const root: Credentials = { uid: 0, gid: 0, pid: 1 };
export const user: Credentials = { uid: 1000, gid: 100, pid: 2 };

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
export const text = (from: Uint8Array): string => Buffer.from(from).toString('latin1');

/** How a volume may behave, for tests that shall hold on each. */
export const moods: readonly (readonly [string, Partial<MemoryVolumeOptions>])[] = [
  ['a calm volume', {}],
  ['a restless volume', { restless: 0.4, late: 0.5 }],
];

export class Workbench {
  private constructor(
    readonly volume: MemoryVolume,
    public fs: FileSystem,
  ) {}

  static async open(
    mood: Partial<MemoryVolumeOptions> = {},
    options: FileSystemOptions = { cacheBytes: 4 << 20 },
  ): Promise<Workbench> {
    const volume = new MemoryVolume({ random: seededRandom(3), ...mood });
    await run(() => volume.apply(initialItems({ seconds: 5, nanos: 6 }, 0, 0, 0o755)));
    const bench = new Workbench(volume, new FileSystem(volume, options));
    await bench.fs.recover();
    return bench;
  }

  /** Forget all that is in memory, as a crash after the last batch would, and mount again. */
  async remount(options: FileSystemOptions = { cacheBytes: 4 << 20 }): Promise<void> {
    this.volume.reserved = 0;
    this.fs = new FileSystem(this.volume, options);
    await this.fs.recover();
  }

  do<T>(call: (fs: FileSystem) => T | Promise<T>): Promise<T> {
    return run(() => call(this.fs));
  }

  /** The code of the error that the call ends in, or `none`. */
  async failure(call: (fs: FileSystem) => unknown): Promise<string> {
    try {
      await this.do(call);
      return 'none';
    } catch (e) {
      if (e instanceof FsError) return e.code;
      throw e;
    }
  }

  async file(name: string, contents = '', parent = 1): Promise<number> {
    const { inode } = await this.do((fs) => fs.mknod(parent, bytes(name), 0o100644, 0, 0, root));
    if (contents !== '') await this.write(inode, 0, contents);
    return inode;
  }

  async directory(name: string, parent = 1): Promise<number> {
    return (await this.do((fs) => fs.mkdir(parent, bytes(name), 0o755, 0, root))).inode;
  }

  async write(inode: number, offset: number, contents: string | Uint8Array): Promise<number> {
    const data = typeof contents === 'string' ? Buffer.from(contents, 'latin1') : contents;
    return this.do((fs) => fs.write(inode, offset, data, root));
  }

  async read(inode: number, offset = 0, length?: number): Promise<string> {
    const wanted = length ?? Math.max(0, (await this.stat(inode)).size - offset);
    const into = new Uint8Array(wanted);
    const count = await this.do((fs) => fs.read(inode, offset, into));
    return text(into.subarray(0, count));
  }

  stat(inode: number): Promise<Attributes> {
    return this.do((fs) => fs.getattr(inode));
  }

  async truncate(inode: number, size: number): Promise<void> {
    await this.do((fs) => fs.setattr(inode, { size }, root));
  }

  flush(inode: number): Promise<void> {
    return this.fs.fsync(inode, false);
  }

  async names(directory: number): Promise<string[]> {
    return this.do((fs) => {
      const found: string[] = [];
      fs.readdir(directory, 0, (name) => found.push(text(name)) > 0);
      return found.filter((name) => name !== '.' && name !== '..').sort();
    });
  }

  /** Close, so that all work in the background has ended; the problems of the map; and open again. */
  async settle(): Promise<string[]> {
    await this.fs.close();
    const problems = checkMap(this.volume);
    if (this.volume.reserved !== 0) problems.push(`${this.volume.reserved} pages reserved`);
    await this.remount();
    return problems;
  }
}
