/**
 * Volumes to be damaged: small, with one of everything. Two or three levels of nodes, files inline, in extents, with
 * holes, reserved; large attributes, links, entries of the relocation map, an orphan; closed in peace, or stopped with
 * records to be replayed.
 */
import { placeState } from '../../fs/format/segment-table.js';
import { fallocateFlag } from '../../fs/posix/api.js';
import { FileSystem } from '../../fs/posix/filesystem.js';
import { initialItems } from '../../fs/posix/namespace/root-directory.js';
import { MemoryStore } from '../../fs/store/memory.js';
import { below, chance, type Random, seededRandom } from '../../fs/store/random.js';
import { run } from '../../fs/suspend.js';
import { Volume } from '../../fs/volume/volume.js';
import { fixedSuperblock } from '../system/superblock.js';

const imageBytes = 16 << 20;
/** Pages in a segment, as a power of two, and places: the least that a volume may have. */
const segmentShift = 5;
const places = 64;
const now = (): number => 1_700_000_000_000;
const who = { uid: 0, gid: 0, pid: 1 };
const bytes = (text: string): Uint8Array => Buffer.from(text);

/** `closed`: by an unmount; else stopped after its last fsync. `transforms`: as for fixedSuperblock. */
export async function makeBase(seed: number, closed: boolean, transforms?: readonly string[]): Promise<MemoryStore> {
  const random = seededRandom(seed);
  const store = new MemoryStore(imageBytes);
  const initial = initialItems({ seconds: 1_700_000_000, nanos: 0 }, 0, 0, 0o755);
  await Volume.format(store, {
    superblock: fixedSuperblock(imageBytes, segmentShift, places, transforms),
    initial,
    clock: { now },
  });
  const volume = await Volume.open(store, { commitSeconds: 0, clock: { now } });
  const fs = new FileSystem(volume, { cacheBytes: 1 << 20 });
  const files = await populate(fs, random);
  await volume.commit();
  await moveSome(volume, random);
  for (let i = 0; i < 6; i++) {
    await change(fs, files[below(random, files.length)], i, random);
    await fs.sync();
  }
  if (closed) {
    await fs.close();
    await volume.close();
  } else await volume.abandon();
  return store;
}

/** Names, files and attributes of all kinds. The inodes of the regular files. */
async function populate(fs: FileSystem, random: Random): Promise<number[]> {
  const files: number[] = [];
  const directories = [1];
  for (let i = 0; i < 4; i++) {
    const parent = directories[below(random, directories.length)];
    directories.push(await run(() => fs.mkdir(parent, bytes(`directory ${i}`), 0o755, 0, who).inode));
  }
  for (let i = 0; i < 64; i++) {
    const parent = directories[below(random, directories.length)];
    files.push(await run(() => fs.mknod(parent, bytes(`file ${i}`), 0o100644, 0, 0, who).inode));
  }
  for (const inode of files.slice(0, 28)) {
    const length = 1 + below(random, chance(random, 0.4) ? 12_000 : 900);
    const offset = chance(random, 0.2) ? below(random, 1 << 20) : 0;
    await run(() => fs.write(inode, offset, Buffer.alloc(length, `contents of ${inode} `), who));
  }
  for (const inode of files.slice(26, 32)) {
    const value = Buffer.alloc(1 + below(random, chance(random, 0.5) ? 9000 : 60), 'value ');
    await run(() => fs.setxattr(inode, bytes('user.attribute'), value, 0, who));
  }
  await fs.fallocate(files[3], fallocateFlag.keepSize, 1 << 20, 30_000);
  await fs.fallocate(files[4], fallocateFlag.punchHole | fallocateFlag.keepSize, 4096, 8192);
  await run(() => fs.symlink(1, bytes('link'), bytes('directory 0/file 1'), who));
  await run(() => fs.link(files[5], directories[1], bytes('another name'), who));
  await run(() => fs.mknod(1, bytes('fifo'), 0o010600, 0, 0, who));
  const gone = await run(() => fs.tmpfile(1, 0o600, 0, who).inode);
  fs.hold(gone);
  await run(() => fs.write(gone, 0, Buffer.alloc(9000, 'without a name '), who));
  await fs.sync();
  return files;
}

/** Let the cleaner move what some segments hold. */
async function moveSome(volume: Volume, random: Random): Promise<void> {
  const { table, mover } = volume.state;
  for (let place = 0; place < table.state.length; place++) {
    if (table.state[place] !== placeState.sealed || table.live[place] === 0 || chance(random, 0.4)) continue;
    await mover.clean(place);
    volume.state.changed = true;
  }
  await volume.commit();
}

async function change(fs: FileSystem, inode: number, nth: number, random: Random): Promise<void> {
  await run(() => fs.write(inode, below(random, 9000), Buffer.alloc(5000, `change ${nth} `), who));
  await run(() => fs.mknod(1, bytes(`late ${nth}`), 0o100644, 0, 0, who));
  if (nth === 3) await run(() => fs.rename(1, bytes('late 1'), 1, bytes('renamed'), 0, who));
  if (nth === 4) await run(() => fs.unlink(1, bytes('late 2'), who));
}
