/**
 * The volume on which a sweep begins: small and worn. Most of its segments hold a few live pages, so that hardly any
 * are free and the scenario meets the cleaner; and it was not closed, so that opening it recovers first.
 */
import { FileSystem } from '../../fs/posix/filesystem.js';
import { SimulatedDisk } from '../../fs/store/simulated-disk.js';
import { run } from '../../fs/suspend.js';
import { pageSize } from '../../fs/units.js';
import { Volume } from '../../fs/volume/volume.js';
import { dump } from '../model/dump.js';
import { noise } from '../system/noise.js';
import { VarveMaker } from '../system/varve.js';
import type { VirtualTime } from '../system/virtual-time.js';
import type { Beginning } from './fault-run.js';

export const imageBytes = 16 << 20;
const who = { uid: 0, gid: 0, pid: 1 };
const files = 16;
/** Segments that keep a page each of three of these files. */
const scattered = 118;
/** Pages of what does not stay, for each one that does: about a segment. */
const passing = 27;

/** Made anew, the same each time. */
export async function wornVolume(time: VirtualTime): Promise<Beginning> {
  const clock = { now: () => time.now };
  const disk = new SimulatedDisk(imageBytes);
  await new VarveMaker(clock).format(disk);
  const volume = await Volume.open(disk, { commitSeconds: 0, clock });
  const fs = new FileSystem(volume, { cacheBytes: 4 << 20 });
  const make = (name: string) => run(() => fs.mknod(1, Buffer.from(name), 0o100644, 0, 0, who).inode);
  const kept: number[] = [];
  for (let i = 0; i < files; i++) kept.push(await make(`kept ${i}`));
  const gone = await make('gone');
  for (let i = 0; i < scattered; i++) {
    const page = Buffer.alloc(pageSize, 1 + i);
    for (const nth of [i, i + 5, i + 10]) {
      await run(() => fs.write(kept[nth % files], pageSize * Math.floor(i / 6), page, who));
    }
    await run(() => fs.write(gone, 0, noise(passing * pageSize, i), who));
    await fs.sync();
    if (i % 8 === 7) await volume.commit();
  }
  await run(() => fs.unlink(1, Buffer.from('gone'), who));
  await fs.sync();
  const found = await dump(fs);
  await volume.abandon();
  return { contents: disk.contents(), dump: found };
}
