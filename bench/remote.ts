/**
 * A volume whose bytes lie behind a network: every call of the store, read, write and barrier alike, takes 0 to 100 ms
 * more, any number of them at once. It shows which work waits for round trips, and how often.
 */
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { type FileHandle, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { patternBytes } from '../scripts/trial/random.js';
import type { TrialVolume } from '../scripts/trial/volume.js';
import { type Note, timed, type Workload } from './workload.js';

const delaysMs = [0, 10, 30, 100];
const mebibyte = 2 ** 20;
const largeBytes = 128 * mebibyte;
const directories = 20;
const filesEach = 50;
const files = directories * filesEach;
const syncs = 20;
const crowd = 16;

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return (performance.now() - began) / 1000;
}

const paths = (root: string): string[] =>
  Array.from({ length: files }, (_, i) => join(root, `d${i % directories}`, `f${i}`));

async function appendSynced(file: FileHandle): Promise<void> {
  for (let n = 0; n < syncs; n++) await file.appendFile('one line of a journal\n').then(() => file.sync());
  await file.close();
}

/** Appends with fsync a second, by `writers` at once. */
async function syncRate(root: string, writers: number): Promise<number> {
  const each = Array.from({ length: writers }, (_, i) => open(join(root, `journal-${writers}-${i}`), 'a'));
  const opened = await Promise.all(each);
  return (writers * syncs) / (await seconds(() => Promise.all(opened.map(appendSynced))));
}

/** Read all of them, so many at once; files a second. */
async function readRate(all: readonly string[], atOnce: number): Promise<number> {
  const rest = [...all];
  const one = async () => {
    for (let path = rest.pop(); path !== undefined; path = rest.pop()) await readFile(path);
  };
  return all.length / (await seconds(() => Promise.all(Array.from({ length: atOnce }, one))));
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
  const all = paths(root);
  const large = join(root, 'large');
  mkdirSync(root);
  for (let d = 0; d < directories; d++) mkdirSync(join(root, `d${d}`));
  const contents = patternBytes(8, 3000);
  const create = timed(() => {
    for (const path of all) writeFileSync(path, contents);
  });
  note(about(`make ${files} files of 3,000 bytes`), files / create, 'per s');
  const bytes = patternBytes(9, largeBytes);
  note(
    about('write 128 MiB and fsync'),
    largeBytes / 1e6 / timed(() => writeFileSync(large, bytes, { flush: true })),
    'MB/s',
  );
  note(about('append and fsync, 1 writer'), await syncRate(root, 1), 'per s');
  note(about(`append and fsync, ${crowd} writers`), await syncRate(root, crowd), 'per s');
  const { seconds: unmount } = await volume.unmount();
  note(about('unmount'), unmount, 's');
  await volume.mount(options);
  const walk = timed(() => {
    for (let d = 0; d < directories; d++) readdirSync(join(root, `d${d}`));
    for (const path of all) statSync(path);
  });
  note(about('list and stat, cold'), files / walk, 'per s');
  await again();
  note(about('read the files, cold, 1 reader'), await readRate(all, 1), 'per s');
  await again();
  note(about(`read the files, cold, ${crowd} readers`), await readRate(all, crowd), 'per s');
  await again();
  const began = performance.now();
  const found = readFileSync(large);
  note(about('read 128 MiB, cold'), largeBytes / 1e3 / (performance.now() - began), 'MB/s');
  if (!found.equals(bytes)) throw new Error('the large file is not what was written');
}

export const remote: Workload = async (volume, note) => {
  for (const delayMs of delaysMs) await measure(volume, delayMs, note);
};
