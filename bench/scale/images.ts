/**
 * The images of the scale benchmark: with many files, made once and kept for later runs where `--directory` says so. One that
 * is half made has another name, so a run that was ended leaves nothing that the next one would take for whole.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../../fs/suspend.js';
import { type Contents, makeManyFiles, who } from '../../scripts/trial/many-files.js';
import { program } from '../../scripts/trial/volume.js';

/** One file of ten is short and lies in the tree, one of a hundred has pages of its own, the others are empty. */
const contents: Contents = (fs, inode, i) => {
  if (i % 10 !== 0) return undefined;
  const bytes = Buffer.alloc(i % 100 === 0 ? 5000 : 100, `${i} `);
  return run(() => fs.write(inode, 0, bytes, who));
};

/** The image with `count` files in `folder`; made if it is not there. Of 64 GiB, of which a file takes about 0.4 KiB. */
export async function imageOf(folder: string, count: number): Promise<string> {
  const path = join(folder, `scale-${count}.img`);
  if (existsSync(path)) return path;
  const part = `${path}.part`;
  await program('mkfs.varve', ['-f', '--size', '64G', part]);
  await makeManyFiles(part, count, contents);
  renameSync(part, path);
  return path;
}

/** The host forgets what it has of the image. */
export function forget(image: string): void {
  spawnSync('dd', [`of=${image}`, 'oflag=nocache', 'conv=notrunc,fdatasync', 'count=0'], { stdio: 'ignore' });
}
