/**
 * A volume whose bytes lie behind a network (fs/store/distant.ts): what is not in the host's memory comes 0 to 100 ms later,
 * any number of pages at once, and a barrier takes two such trips. It shows which work waits for them, and how often.
 */
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { patternBytes } from '../scripts/trial/random.js';
import type { TrialVolume } from '../scripts/trial/volume.js';
import { syncedAppends } from './crowd.js';
import { type Note, timed, type Workload } from './workload.js';

const delaysMs = [0, 10, 30, 100];
const mebibyte = 2 ** 20;
const largeBytes = 128 * mebibyte;
const directories = 20;
const filesEach = 50;
const files = directories * filesEach;
const syncSeconds = 2;
const crowd = 16;

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return (performance.now() - began) / 1000;
}

const folders = (root: string): string[] => Array.from({ length: directories }, (_, d) => join(root, `d${d}`));

/** Read all files, each reader one directory after another, as it is listed; files a second. */
async function readRate(root: string, readers: number): Promise<number> {
  const rest = folders(root);
  const one = async () => {
    for (let folder = rest.pop(); folder !== undefined; folder = rest.pop())
      for (const name of readdirSync(folder)) await readFile(join(folder, name));
  };
  return files / (await seconds(() => Promise.all(Array.from({ length: readers }, one))));
}

async function measure(volume: TrialVolume, delayMs: number, note: Note): Promise<void> {
  const about = (what: string): string => `${delayMs} ms: ${what}`;
  const options = ['store=distant', `delay=${delayMs}`];
  const again = async () => {
    await volume.unmount();
    return volume.mount(options);
  };
  note(about('mount'), await again(), 's');
  const root = join(volume.directory, `remote-${delayMs}`);
  const large = join(root, 'large');
  mkdirSync(root);
  const contents = patternBytes(8, 3000);
  const create = timed(() => {
    for (const folder of folders(root)) {
      mkdirSync(folder);
      for (let f = 0; f < filesEach; f++) writeFileSync(join(folder, `f${f}`), contents);
    }
  });
  note(about(`make ${files} files of 3,000 bytes`), files / create, 'per s');
  const bytes = patternBytes(9, largeBytes);
  note(
    about('write 128 MiB and fsync'),
    largeBytes / 1e6 / timed(() => writeFileSync(large, bytes, { flush: true })),
    'MB/s',
  );
  note(about('append and fsync, 1 writer'), await syncedAppends(root, 1, 'alone', syncSeconds), 'per s');
  note(about(`append and fsync, ${crowd} writers`), await syncedAppends(root, crowd, 'crowd', syncSeconds), 'per s');
  const { seconds: unmount } = await volume.unmount();
  note(about('unmount'), unmount, 's');
  await volume.mount(options);
  const walk = timed(() => {
    for (const folder of folders(root)) for (const name of readdirSync(folder)) statSync(join(folder, name));
  });
  note(about('list and stat, cold'), files / walk, 'per s');
  await again();
  note(about('read the files, cold, 1 reader'), await readRate(root, 1), 'per s');
  await again();
  note(about(`read the files, cold, ${crowd} readers`), await readRate(root, crowd), 'per s');
  await again();
  const began = performance.now();
  const found = readFileSync(large);
  note(about('read 128 MiB, cold'), largeBytes / 1e3 / (performance.now() - began), 'MB/s');
  if (!found.equals(bytes)) throw new Error('the large file is not what was written');
}

export const remote: Workload = async (volume, note) => {
  for (const delayMs of delaysMs) await measure(volume, delayMs, note);
};
