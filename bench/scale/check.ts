/** `fsck.varve -f` of a volume with many files: its time, and the most memory that it takes. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../../scripts/trial/volume.js';
import type { Figures } from './figures.js';
import { forget } from './images.js';

const [mostSeconds, mostMiB] = [60, 512];

interface Took {
  readonly seconds: number;
  readonly mebibytes: number;
  readonly code: number | null;
}

/** Run a program, and see how much memory it takes at most. */
export async function measuredProgram(name: string, ...args: string[]): Promise<Took> {
  const began = performance.now();
  const child = spawn(join(projectRoot, 'bin', name), args, { stdio: ['ignore', 'ignore', 'inherit'] });
  let peak = 0;
  const look = setInterval(() => {
    try {
      const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
      peak = Math.max(peak, Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0));
    } catch (e) {
      // It has ended.
      if (!['ENOENT', 'ESRCH'].includes((e as NodeJS.ErrnoException).code ?? '')) throw e;
    }
  }, 20);
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  clearInterval(look);
  return { seconds: (performance.now() - began) / 1000, mebibytes: peak / 1024, code };
}

export async function check(figures: Figures, image: string, count: number): Promise<void> {
  forget(image);
  const { seconds, mebibytes, code } = await measuredProgram('fsck.varve', '-f', image);
  if (code !== 0) throw new Error(`fsck.varve -f of a clean volume answers ${code}`);
  const of = `${count} files`;
  // A minute for each million.
  figures.note(of, 'fsck.varve -f', seconds, 's', mostSeconds * Math.max(1, count / 1_000_000));
  figures.note(of, 'fsck.varve -f, memory at most', mebibytes, 'MiB', mostMiB);
}
