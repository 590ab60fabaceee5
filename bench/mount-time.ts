/** How long mount and unmount take, with little and with much in the volume, and after a crash. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { timed, type Workload } from './workload.js';

const files = 20_000;

async function best(measure: () => Promise<number>): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let run = 0; run < 3; run++) least = Math.min(least, await measure());
  return least;
}

export const mountTime: Workload = async (volume, note) => {
  const remount = async (): Promise<number> => {
    await volume.unmount();
    return volume.mount();
  };
  note('mount, clean', await best(remount), 's');
  const root = join(volume.directory, 'mount-time');
  mkdirSync(root);
  const make = timed(() => {
    for (let f = 0; f < files; f++) writeFileSync(join(root, `f${f}`), `${f}`);
  });
  note(`make ${files} files`, files / make, 'per s');
  const { seconds } = await volume.unmount();
  note('unmount after that', seconds, 's');
  await volume.mount();
  note('mount with them, clean', await best(remount), 's');
  for (let f = 0; f < 2000; f++) writeFileSync(join(root, `g${f}`), `${f}`, { flush: f % 100 === 0 });
  await volume.kill();
  note('mount after kill -9', await volume.mount(), 's');
  note('memory of the server at most', volume.figures().peakMiB, 'MiB');
};
