/** A volume in memory with a filesystem, snapshots of it, and what they hold: for tests of what leads from one to another. */
import { createHash } from 'node:crypto';
import { expect } from 'vitest';
import type { FileSystemApi } from '../../fs/posix/api.js';
import { FileSystem } from '../../fs/posix/filesystem.js';
import { initialItems } from '../../fs/posix/namespace/root-directory.js';
import { SimulatedDisk } from '../../fs/store/simulated-disk.js';
import { run } from '../../fs/suspend.js';
import type { InodeNumber } from '../../fs/units.js';
import type { VolumeOptions } from '../../fs/volume/options.js';
import { SnapshotView } from '../../fs/volume/snapshot-view.js';
import { Volume } from '../../fs/volume/volume.js';
import { checkVolume } from '../../fsck/check.js';
import { dump } from '../../stress/model/dump.js';
import { fixedSuperblock } from '../../stress/system/superblock.js';
import { askedTransforms } from '../../stress/system/transforms.js';

export const root = { uid: 0, gid: 0, pid: 1 };
export const bytes = (text: string): Uint8Array => Buffer.from(text);

export class KeptVolume {
  private constructor(
    readonly disk: SimulatedDisk,
    public volume: Volume,
    public fs: FileSystem,
  ) {}

  /** A new one; `mark`: its identity, and what its names are hashed with; `transforms`: as in VARVE_TRANSFORMS. */
  static async make(
    mebibytes: number,
    mark = 1,
    transforms?: readonly string[],
    options: VolumeOptions = {},
  ): Promise<KeptVolume> {
    const disk = new SimulatedDisk(mebibytes * 2 ** 20);
    const uuid = new Uint8Array(16).fill(mark);
    const superblock = {
      ...fixedSuperblock(disk.size, undefined, undefined, []),
      uuid,
      nameSeed: mark * 77,
      ...askedTransforms(uuid, transforms),
    };
    await Volume.format(disk, { superblock, initial: initialItems({ seconds: 1, nanos: 0 }, 0, 0, 0o755) });
    return KeptVolume.open(disk, options);
  }

  static async open(disk: SimulatedDisk, options: VolumeOptions = {}): Promise<KeptVolume> {
    const volume = await Volume.open(disk, { commitSeconds: 0, cacheBytes: 2 ** 20, ...options });
    const fs = new FileSystem(volume, { cacheBytes: 4 << 20, accessTimes: 'noatime' });
    await fs.recover();
    return new KeptVolume(disk, volume, fs);
  }

  do<T>(call: (fs: FileSystem) => T | Promise<T>): Promise<T> {
    return run(() => call(this.fs));
  }

  async file(name: string, contents: string | Uint8Array, parent: InodeNumber = 1): Promise<InodeNumber> {
    const { inode } = await this.do((fs) => fs.mknod(parent, bytes(name), 0o100644, 0, 0, root));
    await this.write(inode, 0, contents);
    return inode;
  }

  async directory(name: string, parent: InodeNumber = 1): Promise<InodeNumber> {
    return (await this.do((fs) => fs.mkdir(parent, bytes(name), 0o755, 0, root))).inode;
  }

  async write(inode: InodeNumber, offset: number, contents: string | Uint8Array): Promise<void> {
    await this.do((fs) => fs.write(inode, offset, Buffer.from(contents), root));
  }

  view(name: string): SnapshotView {
    const kept = this.volume.snapshots.find(name);
    if (kept === undefined) throw new Error(`no snapshot ${name}`);
    return new SnapshotView(this.volume, kept);
  }

  /** A number for everything that a snapshot holds. */
  hash(name: string): Promise<string> {
    return hashOf(new FileSystem(this.view(name), { cacheBytes: 1, accessTimes: 'noatime' }));
  }

  async close(): Promise<void> {
    await this.fs.close();
    await this.volume.close();
    expect((await checkVolume(this.disk, { data: true })).map(({ message }) => message)).toEqual([]);
  }
}

/** Names, attributes but for places taken, and contents. */
export async function hashOf(api: FileSystemApi): Promise<string> {
  const { facts, files } = await dump(api);
  const hash = createHash('sha1');
  for (const [key, value] of [...facts].sort()) hash.update(`${key}=${value}\n`);
  for (const [inode, file] of [...files].sort(([a], [b]) => a - b)) {
    hash.update(`${inode}:`);
    hash.update(file.read(0, file.size));
  }
  return hash.digest('hex');
}
