/**
 * What requests leave to the garbage collector: bytes of V8's heap for each warm read and write of 4 KiB past the kernel's
 * cache, and for each look-up. V8 says by --trace-gc how full the heap was before and after each collection; the sum of what
 * came in between, over many requests, is what they allocated.
 */
import { closeSync, constants, openSync, readFileSync, readSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { start } from '../scripts/trial/command.js';
import { patternBytes } from '../scripts/trial/random.js';
import { projectRoot } from '../scripts/trial/volume.js';
import type { Workload } from './workload.js';

const pageBytes = 4096;
const pages = 4096;
const requests = 200_000;
/** The rehearsal of an idle server has ended. */
const settleMs = 4000;

export const allocations: Workload = async (volume, note) => {
  await volume.unmount();
  // Into a file: nobody would empty a pipe while this process waits for the mount.
  const log = `${volume.image}.log`;
  const server = join(projectRoot, 'bin/mount.varve.server');
  const command = 'exec node --v8-pool-size=1 --trace-gc "$0" --foreground "$1" "$2" > "$3"';
  start('bash', ['-c', command, server, volume.image, volume.directory, log], 'ignore');
  while (!volume.mounted()) await sleep(50);
  const path = join(volume.directory, 'allocations');
  const page = patternBytes(1, pageBytes);
  writeFileSync(path, patternBytes(2, pages * pageBytes), { flush: true });
  const file = openSync(path, constants.O_RDWR | constants.O_DIRECT);
  const works: Record<string, (i: number) => void> = {
    'read of 4 KiB': (i) => readSync(file, page, 0, pageBytes, (i % pages) * pageBytes),
    'write of 4 KiB': (i) => writeSync(file, page, 0, pageBytes, (i % pages) * pageBytes),
    'look-up of a name': (i) => statSync(`${path}-${i}`, { throwIfNoEntry: false }),
  };
  for (const [what, work] of Object.entries(works)) {
    for (let i = 0; i < requests / 10; i++) work(i);
    await sleep(settleMs);
    const from = statSync(log).size;
    for (let i = 0; i < requests; i++) work(i + requests);
    await sleep(200);
    note(`${what}, heap`, allocatedBytes(readFileSync(log, 'latin1').slice(from)) / requests, 'bytes');
  }
  closeSync(file);
  await volume.unmount();
  await volume.mount();
};

/** Of the lines of --trace-gc: what came between each two collections. */
export function allocatedBytes(trace: string): number {
  let sum = 0;
  let after = -1;
  for (const [, before, left] of trace.matchAll(
    /: (?:Scavenge|Mark-Compact)[^:]*? (\d+\.\d) \([\d.]+\) -> (\d+\.\d) \(/g,
  )) {
    if (after >= 0) sum += Math.max(0, Number(before) - after);
    after = Number(left);
  }
  return sum * 2 ** 20;
}
