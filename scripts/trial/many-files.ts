/**
 * A volume with many files, made through the inode API: no mount, no kernel, a quarter of the time. Serves the scripts
 * that look at what grows with the number of files.
 */
import { FileSystem } from '../../fs/posix/filesystem.js';
import { openImageFile } from '../../fs/store/image-file.js';
import { run } from '../../fs/suspend.js';
import type { InodeNumber } from '../../fs/units.js';
import { Volume } from '../../fs/volume/volume.js';

const perDirectory = 1000;
const perCommit = 10_000;
export const who = { uid: 0, gid: 0, pid: 1 };

/** Path of file `i` below the root of the volume: a thousand in a directory. */
export const manyFilesPath = (i: number): string => `d${Math.floor(i / perDirectory)}/f${i}`;

/** Gives the new file `i` its contents. */
export type Contents = (fs: FileSystem, inode: InodeNumber, i: number) => Promise<unknown> | undefined;

/** Make `count` files in the formatted image, empty unless given contents, and close it. */
export async function makeManyFiles(image: string, count: number, contents?: Contents): Promise<void> {
  const store = await openImageFile(image);
  const volume = await Volume.open(store, { commitSeconds: 0, journal: 'none' });
  const fs = new FileSystem(volume);
  let directory = 1;
  for (let i = 0; i < count; i++) {
    if (i % perCommit === 0) await volume.commit();
    if (i % perDirectory === 0) {
      const name = Buffer.from(`d${i / perDirectory}`);
      directory = (await run(() => fs.mkdir(1, name, 0o755, 0, who))).inode;
    }
    const name = Buffer.from(`f${i}`);
    const { inode } = await run(() => fs.mknod(directory, name, 0o100644, 0, 0, who));
    await contents?.(fs, inode, i);
  }
  await fs.close();
  await volume.close();
  await store.close();
}
