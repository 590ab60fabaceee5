/**
 * A mount namespace of its own: a place where tests may have an fstab, helpers in /sbin and a /dev/fuse that is open to
 * all, without anybody else seeing it. It ends with the process that holds it.
 */
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { mountType } from '../../fs/fuse/mount-table.js';

const bin = fileURLToPath(new URL('../../bin', import.meta.url));

export interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export class Namespace {
  private constructor(
    readonly folder: string,
    private readonly holder: ChildProcess,
  ) {}

  static async make(): Promise<Namespace> {
    const folder = mkdtempSync(join(tmpdir(), 'varve-namespace-'));
    const holder = spawn('unshare', ['--mount', '--propagation', 'private', 'sh', '-c', 'echo; exec sleep 300'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await new Promise((resolve, reject) => {
      holder.stdout?.once('data', resolve);
      holder.once('error', reject);
      holder.once('exit', (code) => reject(new Error(`unshare: exit ${code}`)));
    });
    chmodSync(folder, 0o755);
    const namespace = new Namespace(folder, holder);
    // Copies of mounts from outside would keep their servers alive.
    await namespace.unmountAll();
    return namespace;
  }

  /** Lazily: also what is in use. */
  private unmountAll(): Promise<Outcome> {
    return this.run(undefined, 'umount', '--lazy', '--all', '--types', mountType);
  }

  /** Run a program as root, or as the user. */
  run(user: number | undefined, program: string, ...args: string[]): Promise<Outcome> {
    const identity = user === undefined ? [] : ['setpriv', `--reuid=${user}`, `--regid=${user}`, '--clear-groups'];
    const command = [`--mount=/proc/${this.holder.pid}/ns/mnt`, '--', ...identity, program, ...args];
    return new Promise((resolve) => {
      execFile('nsenter', command, { timeout: 30_000, cwd: '/' }, (error, out, err) => {
        resolve({ code: error === null ? 0 : Number(error.code ?? 137), out, err });
      });
    });
  }

  /** Run it as root; it must succeed. */
  async expect(program: string, ...args: string[]): Promise<string> {
    const { code, out, err } = await this.run(undefined, program, ...args);
    if (code !== 0) throw new Error(`${program} ${args.join(' ')}: exit ${code}: ${err}`);
    return out;
  }

  /** The path of one of our programs. */
  varve(program: string): string {
    return join(bin, program);
  }

  /** A file of its own over one of the machine. */
  async replaceFile(path: string, text: string): Promise<void> {
    const own = join(this.folder, path.replaceAll('/', '_'));
    writeFileSync(own, text);
    await this.expect('mount', '--bind', own, path);
  }

  /** What is written below these directories stays in the namespace. */
  async overlay(...directories: string[]): Promise<void> {
    for (const directory of directories) {
      const own = join(this.folder, `over${directory.replaceAll('/', '_')}`);
      mkdirSync(own);
      await this.expect('mount', '-t', 'tmpfs', 'tmpfs', own);
      await this.expect('mkdir', join(own, 'upper'), join(own, 'work'));
      const options = `lowerdir=${directory},upperdir=${join(own, 'upper')},workdir=${join(own, 'work')}`;
      await this.expect('mount', '-t', 'overlay', '-o', options, 'overlay', directory);
    }
  }

  /** As most machines have it: everybody may open /dev/fuse. */
  async openFuse(): Promise<void> {
    const node = join(this.folder, 'fuse');
    await this.expect('mknod', '-m', '666', node, 'c', '10', '229');
    await this.expect('mount', '--bind', node, '/dev/fuse');
  }

  async dispose(): Promise<void> {
    await this.unmountAll();
    const exit = new Promise((resolve) => this.holder.once('exit', resolve));
    this.holder.kill('SIGKILL');
    await exit;
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Why an ordinary user can't mount here; undefined: it can. */
export function obstacleForUsers(user: number): string | undefined {
  const as = ['--reuid', `${user}`, '--regid', `${user}`, '--clear-groups', '--'];
  const tries: [string, string[]][] = [
    ['unshare, nsenter and setpriv of util-linux are needed', ['sh', '-c', 'command -v unshare nsenter setpriv']],
    ['fusermount3 (package fuse3) is needed', ['fusermount3', '--version']],
    ['the project lies where other users may not look', [join(bin, 'varve'), '--version']],
  ];
  for (const [reason, [program, args]] of tries.map(([why, [first, ...rest]]) => [why, [first, rest]] as const)) {
    try {
      execFileSync('setpriv', [...as, program, ...args], { stdio: 'ignore' });
    } catch {
      return reason;
    }
  }
  return undefined;
}
