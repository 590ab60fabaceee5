/**
 * What must stay as it is however large a volume is and however many files it has: mount, memory, commit, fsync, snapshot and
 * unmount, of a volume that is there already. Each is the median of some rounds.
 */
import { closeSync, fsyncSync, mkdirSync, openSync, rmdirSync, rmSync, symlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { ControlConnection } from '../../fs/cli/control-client.js';
import { varveMountAt } from '../../fs/cli/umount.js';
import type { TrialVolume } from '../../scripts/trial/volume.js';
import { type Figures, median } from './figures.js';
import { forget } from './images.js';

const [mostMountMs, mostMiB] = [300, 512];
/** Nothing but what is asked for makes a commit. */
const options = ['commit=300'];
/** Of what takes milliseconds, so many for each round of mounts. */
const often = 5;

export interface Vitals {
  readonly mount: number;
  readonly commit: number;
  readonly fsync: number;
  readonly snapshot: number;
  readonly unmount: number;
  readonly memory: number;
}

/** Milliseconds that the work took. */
async function ms(work: () => unknown): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

/** Of the image, which is mounted through `volume` meanwhile and changed by a few small files. */
export async function vitals(
  figures: Figures,
  of: string,
  image: string,
  volume: TrialVolume,
  rounds: number,
): Promise<Vitals> {
  symlinkSync(image, volume.image);
  const mounts: number[] = [];
  const unmounts: number[] = [];
  for (let i = 0; i < rounds; i++) {
    forget(image);
    mounts.push(1000 * (await volume.mount(options)));
    unmounts.push(1000 * (await volume.unmount()).seconds);
  }
  await volume.mount(options);
  const { directory } = volume;
  const server = await ControlConnection.of(varveMountAt(directory));
  const file = openSync(join(directory, 'appended'), 'w');
  const page = Buffer.alloc(4096, 'varve');
  const [commits, syncs, snapshots]: number[][] = [[], [], []];
  for (let i = 0; i < often * rounds; i++) {
    writeSync(file, page);
    syncs.push(await ms(() => fsyncSync(file)));
    mkdirSync(join(directory, `made ${i}`));
    commits.push(await ms(() => server.ask('sync')));
    const snapshot = join(directory, '.snapshots', `s${i}`);
    snapshots.push(await ms(() => mkdirSync(snapshot)));
    rmdirSync(snapshot);
    rmdirSync(join(directory, `made ${i}`));
  }
  closeSync(file);
  server.close();
  const { peakMiB } = volume.figures();
  await volume.unmount();
  rmSync(volume.image);
  return {
    mount: figures.note(of, 'mount, cold', median(mounts), 'ms', mostMountMs),
    commit: figures.note(of, 'commit', median(commits), 'ms'),
    fsync: figures.note(of, 'fsync of 4 KiB', median(syncs), 'ms'),
    snapshot: figures.note(of, 'snapshot', median(snapshots), 'ms'),
    unmount: figures.note(of, 'unmount, clean', median(unmounts), 'ms'),
    memory: figures.note(of, 'server, memory at most', peakMiB, 'MiB', mostMiB),
  };
}

/** From the first volume to the last, the smallest and the largest. */
export function compare(figures: Figures, all: readonly Vitals[]): void {
  const row = (name: keyof Vitals): number[] => all.map((one) => one[name]);
  for (const name of ['mount', 'commit', 'fsync', 'snapshot', 'unmount'] as const)
    figures.flat(name, row(name), 'ms', 1.5, 3);
  figures.flat('memory', row('memory'), 'MiB', 1.2, 16);
}
