/**
 * The programs as people run them, on a volume and a mount point of their own in a folder of their own. Only servers
 * of that folder's mounts are ended.
 */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ControlConnection } from '../../fs/cli/control-client.js';
import { mountAt, mounts } from '../../fs/fuse/mount-table.js';
import { unmountKernel } from '../../fs/fuse/unmount.js';
import { requireFuse } from './mounts.js';

const bin = fileURLToPath(new URL('../../bin/', import.meta.url));

export interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Run one of the four programs, whatever it answers. */
export const varve = (program: string, ...args: string[]): Promise<Outcome> =>
  new Promise((resolve) => {
    execFile(join(bin, program), args, { timeout: 60_000 }, (error, out, err) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? 137), out, err });
    });
  });

const alive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

/** What the server says of itself, as far as tests ask. */
export interface ServerFacts {
  readonly pid: number;
  readonly journal: string;
  readonly failure: string | null;
  readonly volume: Readonly<Record<string, number>>;
  readonly driver: Readonly<Record<string, number>>;
}

export class MountedVolume {
  private constructor(
    readonly folder: string,
    readonly image: string,
    readonly directory: string,
  ) {}

  /** Made and not yet mounted. */
  static async make(size = '256M', ...options: string[]): Promise<MountedVolume> {
    requireFuse();
    if (!existsSync(join(bin, '../dist/programs/mount.varve.cjs'))) throw new Error('run `npm run build` first');
    const folder = mkdtempSync(join(tmpdir(), 'varve-volume-'));
    const made = new MountedVolume(folder, join(folder, 'volume.img'), join(folder, 'mount'));
    mkdirSync(made.directory);
    await made.expect('mkfs.varve', '--size', size, ...options, made.image);
    return made;
  }

  /** Run a program, whatever comes of it. */
  outcome(program: string, ...args: string[]): Promise<Outcome> {
    return varve(program, ...args);
  }

  /** Run a program that must succeed; returns its output. */
  async expect(program: string, ...args: string[]): Promise<string> {
    const { code, out, err } = await this.outcome(program, ...args);
    if (code !== 0) throw new Error(`${program} ${args.join(' ')}: exit ${code}: ${err}`);
    return out;
  }

  path(name: string): string {
    return join(this.directory, name);
  }

  /** Rehearsing costs a second of the processor, and most tests are over by then: unless `options` ask for it. */
  async mount(options = 'rw'): Promise<void> {
    await this.expect('mount.varve', this.image, this.directory, '-o', `norehearsal,${options}`);
  }

  async unmount(): Promise<void> {
    await this.expect('varve', 'umount', this.directory);
  }

  async facts(): Promise<ServerFacts> {
    const server = await ControlConnection.open(mountAt(this.directory)?.device ?? '');
    if (server === undefined) throw new Error(`no server answers for ${this.directory}`);
    try {
      return (await server.ask('info')) as ServerFacts;
    } finally {
      server.close();
    }
  }

  /** kill -9, and clear away the dead mount. */
  async kill(): Promise<void> {
    const { pid } = await this.facts();
    process.kill(pid, 'SIGKILL');
    while (alive(pid)) await sleep(10);
    await this.expect('varve', 'umount', '--force', this.directory);
  }

  async dispose(): Promise<void> {
    for (const entry of mounts().filter((e) => e.target.startsWith(`${this.folder}/`))) {
      await varve('varve', 'umount', '--force', entry.target);
      if (mountAt(entry.target) !== undefined) await unmountKernel(entry.target, true);
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}
