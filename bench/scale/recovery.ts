/** Recovery after a crash, and the check of a clean volume, in sparse images of several sizes that went through the same load. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { FileSystem } from '../../fs/posix/filesystem.js';
import { openImageFile } from '../../fs/store/image-file.js';
import { run } from '../../fs/suspend.js';
import { Volume } from '../../fs/volume/volume.js';
import { who } from '../../scripts/trial/many-files.js';
import { program } from '../../scripts/trial/volume.js';
import { measuredProgram } from './check.js';
import { type Figures, median } from './figures.js';
import { forget } from './images.js';

/** Limit of the check of a clean volume, in seconds; and how much longer the largest volume may take to recover. */
const mostClean = 0.5;
const mostGrowth = 3;

async function opened(image: string): Promise<{ volume: Volume; fs: FileSystem; end(): Promise<void> }> {
  const store = await openImageFile(image);
  const volume = await Volume.open(store, { commitSeconds: 0 });
  return { volume, fs: new FileSystem(volume), end: () => store.close() };
}

/** Files, and what is journalled of them, in a volume that is then left as by a crash. */
async function load(image: string): Promise<void> {
  const { volume, fs, end } = await opened(image);
  for (let i = 0; i < 3000; i++) {
    const { inode } = await run(() => fs.mknod(1, Buffer.from(`file ${i}`), 0o100644, 0, 0, who));
    await run(() => fs.write(inode, 0, Buffer.alloc(5000, `${i} `), who));
    if (i === 1000) await volume.commit();
    if (i > 1000 && i % 100 === 0) await fs.fsync(inode, false);
  }
  await fs.sync();
  await volume.abandon();
  await end();
}

/** Seconds from a crash to a volume that can be used. */
async function recover(image: string): Promise<number> {
  forget(image);
  const began = performance.now();
  const { volume, fs, end } = await opened(image);
  await fs.recover();
  const seconds = (performance.now() - began) / 1000;
  if (volume.counters.recoveredRecords === 0) throw new Error('there was nothing to recover');
  await fs.close();
  await volume.close();
  await end();
  return seconds;
}

export async function recovery(figures: Figures, folder: string, sizes: readonly string[]): Promise<void> {
  const recovered: number[] = [];
  for (const size of sizes) {
    const image = join(folder, `recovery-${size}.img`);
    const times: number[] = [];
    const checks: number[] = [];
    for (let round = 0; round < 3; round++) {
      await program('mkfs.varve', ['-f', '--size', size, image]);
      await load(image);
      times.push(await recover(image));
      forget(image);
      const { seconds, code } = await measuredProgram('fsck.varve', image);
      if (code !== 0) throw new Error(`fsck.varve of a clean volume answers ${code}`);
      checks.push(seconds);
    }
    rmSync(image);
    recovered.push(figures.note(size, 'recovery', median(times), 's'));
    figures.note(size, 'fsck.varve, clean', median(checks), 's', mostClean);
  }
  figures.flat('recovery', recovered, 's', mostGrowth, 0);
}
