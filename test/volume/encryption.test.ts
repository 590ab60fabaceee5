/** Encrypted volumes in memory: nothing can be read without the key, and what was changed is not believed. */
import { afterEach, expect, test } from 'vitest';
import { checksum } from '../../fs/format/checksum.js';
import { FileSystem } from '../../fs/posix/filesystem.js';
import { initialItems } from '../../fs/posix/namespace/root-directory.js';
import { MemoryStore } from '../../fs/store/memory.js';
import { seededRandom } from '../../fs/store/random.js';
import type { Store } from '../../fs/store/store.js';
import { run } from '../../fs/suspend.js';
import { aesGcmName } from '../../fs/transform/aes-gcm.js';
import { forget, keep } from '../../fs/transform/keyring.js';
import { VolumeKey } from '../../fs/transform/volume-key.js';
import { pageSize } from '../../fs/units.js';
import { Volume } from '../../fs/volume/volume.js';
import { checkVolume } from '../../fsck/check.js';
import { countNonces } from '../../stress/sealing/nonces.js';
import { fixedSuperblock } from '../../stress/system/superblock.js';

const bytes = 16 << 20;
const who = { uid: 0, gid: 0, pid: 1 };
const { uuid } = fixedSuperblock(bytes);
const complaints: string[] = [];
/** In all names and contents. */
const common = '-plainly-readable-';

afterEach(() => forget(uuid));

async function make(...transforms: string[]): Promise<MemoryStore> {
  const store = new MemoryStore(bytes);
  const initial = initialItems({ seconds: 1, nanos: 0 }, 0, 0, 0o755);
  await Volume.format(store, { superblock: fixedSuperblock(bytes, 5, 64, [aesGcmName, ...transforms]), initial });
  return store;
}

async function open(store: Store): Promise<{ volume: Volume; fs: FileSystem }> {
  const volume = await Volume.open(store, { commitSeconds: 0 });
  complaints.length = 0;
  const fs = new FileSystem(volume, { onCorruption: ({ message }) => complaints.push(message) });
  return { volume, fs };
}

const makeFile = (fs: FileSystem, name: string): Promise<number> =>
  run(() => fs.mknod(1, Buffer.from(name), 0o100644, 0, 0, who).inode);

function imageOf(store: MemoryStore): Buffer {
  const all = Buffer.alloc(store.size);
  void store.read(0, all);
  return all;
}

test.each([[[]], [['lz4']]])(
  'names, contents, attributes and targets are nowhere in the image (%j)',
  async (transforms) => {
    const store = await make(...transforms);
    const { volume, fs } = await open(store);
    const words: string[] = [];
    const word = (i: number): string => {
      words.push(`${i}${common}${i * 7919}`);
      return words[words.length - 1];
    };
    for (let i = 0; i < 200; i++) {
      const inode = await makeFile(fs, word(i));
      const line = word(1000 + i);
      await run(() => fs.write(inode, 0, Buffer.from(`${line}\n`.repeat(i % 3 === 0 ? 1 : 600)), who));
      await run(() => fs.setxattr(inode, Buffer.from(`user.${word(2000 + i)}`), Buffer.from(word(3000 + i)), 0, who));
      if (i % 20 === 0) await fs.fsync(inode, false);
    }
    const target = word(4000);
    await run(() => fs.symlink(1, Buffer.from(word(4001)), Buffer.from(target), who));
    await volume.commit();
    await volume.snapshots.create(word(4002));
    await run(() => fs.unlink(1, Buffer.from(words[0]), who));
    await fs.sync();
    await volume.abandon();
    const image = imageOf(store);
    expect(words.every((text) => text.includes(common))).toBe(true);
    expect(image.includes(common)).toBe(false);
    expect(image.includes(aesGcmName)).toBe(true);
    const again = await open(store);
    expect(await run(() => again.fs.lookup(1, Buffer.from(words[4])))).toBeDefined();
    await again.fs.close();
    await again.volume.close();
    expect(await checkVolume(store, { data: true })).toEqual([]);
  },
);

test('without its key, or with another one, a volume is not opened', async () => {
  const store = await make();
  keep(uuid, new VolumeKey(new Uint8Array(32).fill(1)));
  await expect(Volume.open(store)).rejects.toMatchObject({ problem: 'corrupt' });
  forget(uuid);
  await expect(Volume.open(store)).rejects.toMatchObject({ problem: 'wrong-key' });
});

/** Bits that change bytes and leave their CRC32C as it is: the generator polynomial, lowest bit first. */
function invisible(page: Uint8Array, at: number): void {
  const generator = [1, ...(0x1edc6f41).toString(2).padStart(32, '0')].map(Number);
  for (const [i, bit] of generator.entries()) if (bit === 1) page[at + (i >> 3)] ^= 1 << (i & 7);
}

test('contents that were changed under the right checksum are EIO, and fsck says so', async () => {
  const store = await make();
  const { volume, fs } = await open(store);
  const inode = await makeFile(fs, 'f');
  await run(() => fs.write(inode, 0, Buffer.alloc(10 * pageSize, 'contents'), who));
  await fs.close();
  await volume.close();
  const before = imageOf(store);
  const pageOf = (image: Buffer, page: number): Buffer => image.subarray(page * pageSize, (page + 1) * pageSize);
  const found = [...Array(store.size / pageSize).keys()].filter((page) =>
    pageOf(before, page).some((byte) => byte !== 0),
  );
  expect(found.length).toBeGreaterThan(10);
  // Every page of the image, in turn: what holds the file must refuse, and all others must not pass for it.
  let refused = 0;
  for (const page of found) {
    const changed = Buffer.from(before);
    invisible(pageOf(changed, page), 100);
    expect(checksum(pageOf(changed, page))).toBe(checksum(pageOf(before, page)));
    const copy = new MemoryStore(store.size);
    void copy.write(0, [changed]);
    try {
      const one = await Volume.open(copy, { readOnly: true });
      const reader = new FileSystem(one, { onCorruption: ({ message }) => complaints.push(message) });
      const into = Buffer.alloc(10 * pageSize);
      const file = await run(() => reader.lookup(1, Buffer.from('f')));
      await run(() => reader.read(file.inode, 0, into));
      expect(into.equals(Buffer.alloc(10 * pageSize, 'contents')), `page ${page}`).toBe(true);
    } catch (e) {
      refused++;
      expect(String(e)).not.toContain('contents');
    }
  }
  expect(refused).toBeGreaterThanOrEqual(3);
  expect(complaints.some((line) => /page 0.*not authentic/.test(line))).toBe(true);
});

test('no nonce comes twice under a key, over power cuts and copies', async () => {
  const count = await countNonces(seededRandom(5), 40);
  expect(count.repeated).toBe(0);
  expect(count.sessions).toBeGreaterThanOrEqual(40);
  expect(count.crashes).toBeGreaterThan(10);
  expect(count.messages).toBeGreaterThan(500);
});
