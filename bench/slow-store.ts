/**
 * Whether who needs nothing from a slow disk is kept waiting by who does: on an image whose every read takes 10 ms more, eight
 * readers read cold pages at random, and beside them small files, attributes and names are asked for that are in memory. What
 * the kernel would answer by itself is asked so that the server must: small files by O_DIRECT, names that nobody asked for
 * before.
 */
import { constants, mkdirSync, writeFileSync } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { patternBytes, SeededRandom } from '../scripts/trial/random.js';
import type { Workload } from './workload.js';

const pageBytes = 4096;
const pages = 65_536;
const delayMs = 10;
const readers = 8;
const seconds = 5;
const files = 100;

const quantile = (times: number[], share: number): number =>
  times.sort((a, b) => a - b)[Math.floor(times.length * share)];

export const slowStore: Workload = async (volume, note) => {
  const at = (name: string): string => join(volume.directory, name);
  writeFileSync(at('large'), patternBytes(5, pages * pageBytes), { flush: true });
  mkdirSync(at('small'));
  for (let i = 0; i < files; i++) writeFileSync(at(`small/${i}`), `${i} `.repeat(50));
  await volume.unmount();
  await volume.mount(['store=delayed', `delay=${delayMs}`]);
  const small = await Promise.all(
    Array.from({ length: files }, (_, i) => open(at(`small/${i}`), constants.O_RDONLY | constants.O_DIRECT)),
  );
  const buffer = new Uint8Array(pageBytes);
  for (const file of small) await file.read(buffer, 0, pageBytes, 0);
  await stat(at('small/none')).catch(() => undefined);
  const waits: Record<string, number[]> = { cold: [], read: [], name: [], kernel: [] };
  const until = performance.now() + 1000 * seconds;
  const loop = async (what: string, work: (i: number) => Promise<unknown>): Promise<void> => {
    for (let i = 0; performance.now() < until; i++) {
      const began = performance.now();
      await work(i);
      waits[what].push(performance.now() - began);
    }
  };
  const cold = async (seed: number): Promise<void> => {
    const next = new SeededRandom(seed);
    const [file, into] = [await open(at('large'), constants.O_RDONLY | constants.O_DIRECT), new Uint8Array(pageBytes)];
    await loop('cold', () => file.read(into, 0, pageBytes, next.below(pages) * pageBytes));
    await file.close();
  };
  await Promise.all([
    ...Array.from({ length: readers }, (_, i) => cold(i)),
    loop('read', (i) => small[i % files].read(buffer, 0, pageBytes, 0)),
    loop('name', (i) => stat(at(`small/none ${i}`)).catch(() => undefined)),
    loop('kernel', (i) => stat(at(`small/${i % files}`))),
  ]);
  for (const file of small) await file.close();
  const told = { cold: `cold reads of ${delayMs} ms`, read: 'reads from memory', name: 'names', kernel: 'attributes' };
  for (const [what, name] of Object.entries(told)) {
    note(`${name}, half within`, quantile(waits[what], 0.5), 'ms');
    note(`${name}, 99 % within`, quantile(waits[what], 0.99), 'ms');
  }
  await volume.unmount();
  await volume.mount();
};
