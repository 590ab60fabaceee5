/**
 * Small appends with fsync by 1, 4 and 16 writers, whose syncs share barriers; beside ext4 and btrfs on loop devices with an
 * image in the same folder, as far as this machine has them. Rounds go from one filesystem to the next; medians count.
 */
import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { run } from '../scripts/trial/command.js';
import { syncedAppends } from './crowd.js';
import type { Workload } from './workload.js';

const crowd = [1, 4, 16];
const rounds = 3;
const secondsEach = 2;
const peerBytes = 2 * 2 ** 30;
const peers: Readonly<Record<string, readonly string[]>> = { ext4: ['-q', '-F'], btrfs: ['-q', '-f'] };

export const fsync: Workload = async (volume, note) => {
  const base = dirname(volume.image);
  const folders = new Map([['varve', join(volume.directory, 'fsync')]]);
  try {
    for (const [type, options] of Object.entries(peers)) {
      if ((await run('which', [`mkfs.${type}`], { allow: 'any' })).status !== 0) continue;
      const [image, directory] = [join(base, `${type}.peer`), join(base, type)];
      writeFileSync(image, '');
      truncateSync(image, peerBytes);
      mkdirSync(directory);
      await run(`mkfs.${type}`, [...options, image]);
      await run('mount', ['-o', 'loop', image, directory]);
      folders.set(type, join(directory, 'fsync'));
    }
    const rates = new Map<string, number[]>();
    for (const folder of folders.values()) mkdirSync(folder);
    for (let round = 0; round < rounds; round++) {
      for (const writers of crowd) {
        for (const [type, folder] of folders) {
          const key = `appends with fsync, ${writers} writers, ${type}`;
          const rate = await syncedAppends(folder, writers, `${writers}-${round}`, secondsEach);
          rates.set(key, [...(rates.get(key) ?? []), rate]);
        }
      }
    }
    for (const [what, all] of rates) note(what, all.sort((a, b) => a - b)[Math.floor(all.length / 2)], 'per s');
  } finally {
    for (const type of folders.keys()) if (type !== 'varve') await run('umount', [join(base, type)], { allow: 'any' });
  }
};
