/**
 * One image and one mount point, worked through the four programs as a person would: nothing here imports the
 * filesystem. The server is found as the process that holds the image open, so that it can be killed by its id.
 */
import { readdirSync, readFileSync, readlinkSync, realpathSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Outcome, type RunOptions, run } from './command.js';

const bin = fileURLToPath(new URL('../../../bin/', import.meta.url));

/** The project's own folder. */
export const projectRoot = fileURLToPath(new URL('../../../', import.meta.url));

/** Run one of the four programs. */
export function program(name: string, args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  return run(join(bin, name), args, options);
}

/** Processes that have the file open, other than this one. */
function holders(file: string): number[] {
  const found: number[] = [];
  for (const entry of readdirSync('/proc')) {
    const pid = Number(entry);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    try {
      const fds = readdirSync(`/proc/${pid}/fd`);
      if (fds.some((fd) => linkOf(`/proc/${pid}/fd/${fd}`) === file)) found.push(pid);
    } catch (e) {
      const { code } = e as NodeJS.ErrnoException;
      if (code !== 'ENOENT' && code !== 'EACCES' && code !== 'ESRCH') throw e;
    }
  }
  return found;
}

function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch (e) {
    if ((e as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw e;
  }
}

/** Fields of /proc/PID/status that the scripts report. */
export interface ProcessFigures {
  /** Largest resident memory so far, in MiB. */
  readonly peakMiB: number;
  /** Processor time used, in seconds. */
  readonly cpuSeconds: number;
}

export class TrialVolume {
  constructor(
    readonly image: string,
    readonly directory: string,
  ) {}

  async format(size: string, ...more: string[]): Promise<Outcome> {
    return program('mkfs.varve', ['--size', size, '-f', ...more, this.image]);
  }

  /** Seconds until mount.varve has returned. */
  async mount(options: readonly string[] = []): Promise<number> {
    const given = options.length > 0 ? ['-o', options.join(',')] : [];
    const { seconds } = await program('mount.varve', [this.image, this.directory, ...given], { limit: 120 });
    if (!this.mounted()) throw new Error(`mount.varve returned 0, but nothing is mounted at ${this.directory}`);
    return seconds;
  }

  async unmount(): Promise<Outcome> {
    const outcome = await program('varve', ['umount', this.directory], { limit: 300 });
    if (this.mounted()) throw new Error(`varve umount returned 0, but ${this.directory} is still mounted`);
    return outcome;
  }

  /** Check it; the caller looks at the exit code. */
  async fsck(...args: string[]): Promise<Outcome> {
    return program('fsck.varve', [...args, this.image], { allow: 'any', limit: 1800 });
  }

  /** Fields of the mount's line in /proc/self/mountinfo. */
  #mountLine(): string[] | undefined {
    const table = readFileSync('/proc/self/mountinfo', 'utf8');
    const directory = this.directory.replaceAll(' ', '\\040');
    return table
      .split('\n')
      .map((line) => line.split(' '))
      .find((fields) => fields[4] === directory);
  }

  mounted(): boolean {
    return this.#mountLine() !== undefined;
  }

  /** Device number of the mount, as `0:45`. */
  device(): string {
    const line = this.#mountLine();
    if (line === undefined) throw new Error(`${this.directory} is not mounted`);
    return line[2];
  }

  /** Process id of the server, if there is one. */
  server(): number | undefined {
    return holders(realpathSync(this.image))[0];
  }

  figures(): ProcessFigures {
    const pid = this.server();
    if (pid === undefined) throw new Error(`nothing serves ${this.image}`);
    const peak = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
    return { peakMiB: Number(peak?.[1] ?? 0) / 1024, cpuSeconds: (Number(stat[11]) + Number(stat[12])) / 100 };
  }

  /** Kill the server with SIGKILL and clear the dead mount away. */
  async kill(): Promise<void> {
    const pid = this.server();
    if (pid === undefined) throw new Error(`nothing serves ${this.image}`);
    process.kill(pid, 'SIGKILL');
    while (this.server() === pid) await sleep(1);
    await run('umount', ['-l', this.directory], { limit: 30 });
  }

  /** Bytes used and capacity, as statfs says. */
  async space(): Promise<{ readonly used: number; readonly size: number; readonly available: number }> {
    const s = await statfs(this.directory);
    return { used: (s.blocks - s.bfree) * s.bsize, size: s.blocks * s.bsize, available: s.bavail * s.bsize };
  }

  /** Leave nothing behind, whatever state it is in. */
  async dispose(): Promise<void> {
    if (this.mounted()) await program('varve', ['umount', this.directory], { allow: 'any', limit: 60 });
    if (this.mounted()) await run('umount', ['-l', this.directory], { allow: 'any', limit: 30 });
    let pid: number | undefined;
    try {
      pid = this.server();
    } catch (e) {
      if ((e as NodeJS.ErrnoException).code !== 'ENOENT') throw e;
    }
    if (pid !== undefined) process.kill(pid, 'SIGKILL');
  }
}
