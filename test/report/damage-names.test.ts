import { expect, test } from 'vitest';
import { FileSystem } from '../../fs/posix/filesystem.js';
import { initialItems } from '../../fs/posix/namespace/root-directory.js';
import { DamageNames } from '../../fs/report/damage-names.js';
import { MemoryStore } from '../../fs/store/memory.js';
import { run } from '../../fs/suspend.js';
import { Volume } from '../../fs/volume/volume.js';
import { fixedSuperblock } from '../../stress/system/superblock.js';

const who = { uid: 0, gid: 0, pid: 1 };
const page = 4096;

/** Hurt the first page of the image that holds the text. */
function hurt(store: MemoryStore, text: string): void {
  const bytes = new Uint8Array(page);
  for (let at = 0; at < store.size; at += page) {
    store.bytes.read(at, bytes);
    if (!Buffer.from(bytes.buffer).includes(text)) continue;
    store.bytes.write(at + 100, Uint8Array.of(bytes[100] ^ 1));
    return;
  }
  throw new Error(`'${text}' is nowhere`);
}

test('whoever reads the log learns which file is damaged, once, and nothing of what it holds', async () => {
  const store = new MemoryStore(16 * 2 ** 20);
  const initial = initialItems({ seconds: 1, nanos: 0 }, 0, 0, 0o755);
  await Volume.format(store, { superblock: fixedSuperblock(store.size, undefined, undefined, []), initial });
  const volume = await Volume.open(store, { commitSeconds: 0 });
  const lines: string[] = [];
  const names = new DamageNames(volume, (line) => lines.push(line));
  const fs = new FileSystem(volume, {
    onCorruption: ({ message }, inode) => {
      lines.push(message);
      names.met(inode);
    },
  });
  const { inode: folder } = await run(() => fs.mkdir(1, Buffer.from('folder'), 0o755, 0, who));
  const { inode } = await run(() => fs.mknod(folder, Buffer.from('a file'), 0o100644, 0, 0, who));
  await run(() => fs.write(inode, 0, Buffer.alloc(3 * page, 'secret words '), who));
  await fs.sync();
  hurt(store, 'secret words');
  const into = new Uint8Array(3 * page);
  for (let i = 0; i < 2; i++) await expect(run(() => fs.read(inode, 0, into))).rejects.toMatchObject({ code: 'EIO' });
  await names.settled();
  expect(lines.filter((line) => line.includes(`inode ${inode}, page 0, address`))).toHaveLength(2);
  const named = `inode ${inode}, of which contents are damaged, is /folder/a file`;
  expect(lines.filter((line) => line === named)).toHaveLength(1);
  expect(lines.join()).not.toContain('secret');
  await fs.close();
  await volume.close();
});
