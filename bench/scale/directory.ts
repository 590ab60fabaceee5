/**
 * One directory with very many names, through a mount: made, listed, looked up, removed. Each tenth is timed: where one takes
 * much longer than the median, there is a knee. The first does not count, as the server's code is still being compiled. Where
 * others use the machine as well, the server's processor time tells a knee from a neighbour.
 */
import { closeSync, mkdirSync, opendirSync, openSync, rmdirSync, statSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { SeededRandom } from '../../scripts/trial/random.js';
import type { TrialVolume } from '../../scripts/trial/volume.js';
import { type Figures, median } from './figures.js';

/** The slowest tenth may take so many times the median one. */
const mostKnee = 2;
const parts = 10;

const knee = (tenths: readonly number[]): number => Math.max(...tenths.slice(1)) / median(tenths);
const shortly = (tenths: readonly number[]): string => tenths.map((each) => each.toFixed(1)).join(' ');

export async function directory(figures: Figures, entries: number, seed: number, volume: TrialVolume): Promise<void> {
  const of = `${entries} names`;
  await volume.format('16G');
  await volume.mount();
  const folder = join(volume.directory, 'one');
  mkdirSync(folder);
  const path = (i: number): string => join(folder, `file-${i}`);
  const each = Math.floor(entries / parts);
  const tenths = (what: string, work: (i: number) => void): void => {
    const seconds: number[] = [];
    const processor: number[] = [];
    let used = volume.figures().cpuSeconds;
    for (let part = 0; part < parts; part++) {
      const began = performance.now();
      for (let i = part * each; i < (part + 1) * each; i++) work(i);
      seconds.push((performance.now() - began) / 1000);
      const { cpuSeconds } = volume.figures();
      processor.push(cpuSeconds - used);
      used = cpuSeconds;
    }
    const all = seconds.reduce((a, b) => a + b);
    figures.note(of, what, (parts * each) / all, 'per s');
    figures.note(of, `${what}, slowest tenth to the median`, knee(seconds), 'times', mostKnee);
    figures.note(of, `${what}, the same of the processor`, knee(processor), 'times', mostKnee);
    process.stdout.write(`  s: ${shortly(seconds)}; of the processor: ${shortly(processor)}\n`);
  };
  tenths('create', (i) => closeSync(openSync(path(i), 'wx')));
  const making = volume.figures().peakMiB;
  await volume.unmount();
  await volume.mount();
  const began = performance.now();
  const list = opendirSync(folder, { bufferSize: 1024 });
  let found = 0;
  while (list.readSync() !== null) found++;
  list.closeSync();
  if (found !== parts * each) throw new Error(`${found} names were listed of ${parts * each}`);
  figures.note(of, 'list, cold', found / ((performance.now() - began) / 1000), 'per s');
  const next = new SeededRandom(seed);
  tenths('look up, in any order', () => statSync(path(next.below(parts * each))));
  tenths('remove', (i) => unlinkSync(path(i)));
  rmdirSync(folder);
  figures.note(of, 'server, memory at most', Math.max(making, volume.figures().peakMiB), 'MiB', 512);
  await volume.unmount();
  const { status } = await volume.fsck('-f');
  if (status !== 0) throw new Error(`fsck.varve -f answers ${status}`);
}
