/**
 * Looks for a nonce that comes twice under a key: volumes are opened, changed and left in every way that could lead a
 * counter back. Power cuts that lose writes, images that are copied and both go on, older copies that are taken again.
 *
 * Every message that is ever sealed is noted, whether or not its write arrives: that is a superset of what a store sees.
 */
import { FileSystem } from '../../fs/posix/filesystem.js';
import { initialItems } from '../../fs/posix/namespace/root-directory.js';
import { below, chance, type Random } from '../../fs/store/random.js';
import { SimulatedDisk } from '../../fs/store/simulated-disk.js';
import type { SparseBytes } from '../../fs/store/sparse-bytes.js';
import { run } from '../../fs/suspend.js';
import { aesGcmName } from '../../fs/transform/aes-gcm.js';
import { keep } from '../../fs/transform/keyring.js';
import { VolumeKey } from '../../fs/transform/volume-key.js';
import { Volume } from '../../fs/volume/volume.js';
import { listDirectory } from '../model/dump.js';
import { fixedSuperblock } from '../system/superblock.js';
import { suiteKey } from '../system/transforms.js';

export interface NonceCount {
  /** Messages that were sealed. */
  messages: number;
  /** Openings that sealed any. */
  sessions: number;
  /** Messages under a nonce that their key had seen before. */
  repeated: number;
  crashes: number;
  copies: number;
}

const imageBytes = 16 << 20;
const mostImages = 4;
const who = { uid: 0, gid: 0, pid: 1 };
const clock = { now: () => 1_700_000_000_000 };

/** Open and leave volumes `rounds` times. `goOn`: asked before each. */
export async function countNonces(random: Random, rounds: number, goOn = () => true): Promise<NonceCount> {
  const count: NonceCount = { messages: 0, sessions: 0, repeated: 0, crashes: 0, copies: 0 };
  const seen = new Map<string, Set<string>>();
  const note = (salt: Uint8Array, kind: number, counter: number): void => {
    const session = Buffer.from(salt).toString('hex');
    let nonces = seen.get(session);
    if (nonces === undefined) {
      nonces = new Set();
      seen.set(session, nonces);
      count.sessions++;
    }
    const nonce = `${kind} ${counter}`;
    if (nonces.has(nonce)) count.repeated++;
    nonces.add(nonce);
    count.messages++;
  };
  const disk = new SimulatedDisk(imageBytes);
  const superblock = fixedSuperblock(imageBytes, 5, 64, [aesGcmName]);
  keep(superblock.uuid, new VolumeKey(suiteKey(), note));
  const initial = initialItems({ seconds: 1, nanos: 0 }, 0, 0, 0o755);
  await Volume.format(disk, { superblock, initial, clock });
  const images = [disk.contents()];
  for (let round = 0; round < rounds && goOn(); round++) {
    const image = images[below(random, images.length)];
    const left = await useOnce(image.copy(), random, count);
    // The image it came from stays as it was, or is written over by what came of it.
    if (images.length < mostImages) {
      images.push(left);
      count.copies++;
    } else images[below(random, images.length)] = left;
  }
  return count;
}

/** Open a volume, change it, and leave it. */
async function useOnce(contents: SparseBytes, random: Random, count: NonceCount): Promise<SparseBytes> {
  const disk = new SimulatedDisk(imageBytes, { contents });
  const volume = await Volume.open(disk, { commitSeconds: 0, cacheBytes: 1 << 20, clock });
  const fs = new FileSystem(volume, { cacheBytes: 1 << 20 });
  // What power cuts have left: a small volume, used for ever.
  for (const { name } of await listDirectory(fs, 1))
    if (name !== '.' && name !== '..') await run(() => fs.unlink(1, Buffer.from(name, 'latin1'), who));
  await volume.commit();
  const names = [0, 1, 2].map(() => Buffer.from(`file ${below(random, 1e9)}`));
  for (const name of names) {
    const { inode } = await run(() => fs.mknod(1, name, 0o100644, 0, 0, who));
    await run(() => fs.write(inode, 0, Buffer.alloc(1 + below(random, 60_000), 1), who));
    if (chance(random, 0.5)) await fs.fsync(inode, false);
    if (chance(random, 0.3)) await volume.commit();
  }
  for (const name of names) await run(() => fs.unlink(1, name, who));
  if (chance(random, 0.3)) {
    await fs.close();
    await volume.close();
    return disk.contents();
  }
  await volume.abandon();
  count.crashes++;
  return disk.crash(random);
}
