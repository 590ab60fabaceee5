/** A volume in memory with a few files, for tests of scrubbing: where things lie in its image, and how to damage them. */
import { createHash } from 'node:crypto';
import { placeOffset } from '../../fs/format/geometry.js';
import { itemKind } from '../../fs/format/item.js';
import { FileSystem } from '../../fs/posix/filesystem.js';
import { extentAddress } from '../../fs/posix/inode/extent-value.js';
import { initialItems } from '../../fs/posix/namespace/root-directory.js';
import type { ScrubStatus } from '../../fs/scrub/report.js';
import { Scrub, type ScrubOptions } from '../../fs/scrub/scrub.js';
import { MemoryStore } from '../../fs/store/memory.js';
import type { Random } from '../../fs/store/random.js';
import { run } from '../../fs/suspend.js';
import type { VolumeApi } from '../../fs/volume/api.js';
import { Volume } from '../../fs/volume/volume.js';
import { flip } from '../broken/surgery.js';
import { formatTestVolume } from '../support/volume-image.js';

const who = { uid: 0, gid: 0, pid: 1 };

export class ScrubbedVolume {
  private constructor(
    readonly store: MemoryStore,
    readonly volume: Volume,
    readonly fs: FileSystem,
  ) {}

  /** `late`: the store answers late and out of order. */
  static async make(late?: Random): Promise<ScrubbedVolume> {
    const store = new MemoryStore(16 << 20, late === undefined ? {} : { shuffled: { random: late } });
    await formatTestVolume(store, undefined, initialItems({ seconds: 1, nanos: 0 }, 0, 0, 0o755));
    const volume = await Volume.open(store, { commitSeconds: 0, cacheBytes: 1 << 20 });
    return new ScrubbedVolume(store, volume, new FileSystem(volume, { cacheBytes: 4 << 20 }));
  }

  directory(name: string, parent = 1): Promise<number> {
    return run(() => this.fs.mkdir(parent, Buffer.from(name), 0o755, 0, who).inode);
  }

  async file(name: string, bytes: number, parent = 1): Promise<number> {
    const { inode } = await run(() => this.fs.mknod(parent, Buffer.from(name), 0o100644, 0, 0, who));
    await this.write(inode, 0, bytes);
    return inode;
  }

  async write(inode: number, offset: number, bytes: number): Promise<void> {
    // Noise, of which as many pages are stored whatever transforms there are.
    const noise = createHash('shake256', { outputLength: bytes }).update(`${inode}/${offset}`).digest();
    await run(() => this.fs.write(inode, offset, noise, who));
  }

  unlink(name: string, parent = 1): Promise<void> {
    return run(() => this.fs.unlink(parent, Buffer.from(name), who));
  }

  /** Byte of the image where a page of a file lies that begins an extent. */
  async offsetOfPage(inode: number, page: number, root: VolumeApi = this.volume): Promise<number> {
    const value = await run(() => root.get(inode, itemKind.extent, page));
    if (value === undefined) throw new Error(`no extent begins at page ${page}`);
    return this.offsetOf(extentAddress(value));
  }

  async offsetOf(address: number): Promise<number> {
    const { log, geometry } = this.volume.state;
    const located = await run(() => log.where(address));
    return placeOffset(geometry, Math.floor(located / log.perSegment), located % log.perSegment);
  }

  flip(offset: number): Promise<void> {
    return flip(this.store, offset);
  }

  /** Scrub it from one end to the other, without rest. */
  async scrub(options: ScrubOptions = {}): Promise<ScrubStatus> {
    const scrub = new Scrub(this.volume, { sleep: async () => undefined, ...options });
    await scrub.ended;
    return scrub.status;
  }
}
