/**
 * Real mounts for tests: each with a server of its own in a child process, in a directory of its own, and gone at
 * the end of the test file whatever happened. Only processes that were started here are ended.
 */
import { type ChildProcess, execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, mkdtempSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';
import { mountAt } from '../../fs/fuse/mount-table.js';
import { unmountKernel } from '../../fs/fuse/unmount.js';

const project = fileURLToPath(new URL('../../', import.meta.url));

/** Fail with what to do about it where nothing can be mounted. */
export function requireFuse(): void {
  try {
    accessSync('/dev/fuse', constants.R_OK | constants.W_OK);
  } catch {
    throw new Error(
      '/dev/fuse is missing or not accessible, so nothing can be mounted. Load the module (modprobe fuse); if the ' +
        'node is missing: mknod -m 666 /dev/fuse c 10 229; a container needs --device /dev/fuse --cap-add SYS_ADMIN.',
    );
  }
  if (process.getuid?.() !== 0) throw new Error('mount tests need root: run them with sudo');
}

let built: string | undefined;

/** The project with its tests as JavaScript, compiled once per test file; servers run from there. */
export function compiled(): string {
  if (built !== undefined) return built;
  // Where it finds the packages, and not among them: the demo copies those at the same time.
  built = mkdtempSync(join(project, 'dist', 'tests-'));
  execFileSync(join(project, 'node_modules', '.bin', 'tsc'), ['-p', project, '--outDir', built, '--noCheck']);
  return built;
}

export interface ToyOptions {
  /** Share of calls that suspend, 0 to 1. */
  readonly restless?: number;
  readonly writeThrough?: boolean;
  readonly nearLimit?: boolean;
  readonly driver?: 'kernel' | 'native';
  /** A method that throws a TypeError. */
  readonly fail?: string;
}

export interface ToyNode {
  readonly inode: number;
  readonly links: number;
  readonly holds: number;
}

interface Message {
  readonly gather?: boolean;
  readonly log?: string;
  readonly statistics?: Record<string, number>;
  readonly calls?: Record<string, number>;
  readonly nodes?: ToyNode[];
}

export class ToyMount {
  readonly log: string[] = [];
  private readonly exit: Promise<number | null>;

  private constructor(
    readonly directory: string,
    readonly server: ChildProcess,
  ) {
    this.exit = once(server, 'exit').then(([code]) => code as number | null);
    server.on('message', (message: Message) => void (message.log && this.log.push(message.log)));
  }

  static async mount(options: ToyOptions = {}): Promise<ToyMount> {
    requireFuse();
    const directory = mkdtempSync(join(tmpdir(), 'varve-mount-'));
    made.push(directory);
    const args = [directory];
    if (options.restless) args.push(`--restless=${options.restless}`);
    if (options.writeThrough) args.push('--write-through');
    if (options.nearLimit) args.push('--near-limit');
    if (options.driver) args.push(`--driver=${options.driver}`);
    if (options.fail) args.push(`--fail=${options.fail}`);
    const server = fork(join(compiled(), 'test', 'support', 'toy-server.js'), args);
    const mount = new ToyMount(directory, server);
    open.add(mount);
    const [answer] = await Promise.race([once(server, 'message'), mount.exit.then((code) => [`exit ${code}`])]);
    if (answer !== 'ready') throw new Error(`the toy server did not start: ${JSON.stringify(answer)}`);
    return mount;
  }

  path(...parts: string[]): string {
    return join(this.directory, ...parts);
  }

  async statistics(): Promise<Record<string, number>> {
    return (await this.ask('statistics')) as Record<string, number>;
  }

  /** Methods of the filesystem that were called, and how often. */
  async calls(): Promise<Record<string, number>> {
    return (await this.ask('calls')) as Record<string, number>;
  }

  /** Resolves when the server has looked for requests and found none. */
  async gather(): Promise<void> {
    await this.ask('gather');
  }

  async nodes(): Promise<ToyNode[]> {
    return (await this.ask('nodes')) as ToyNode[];
  }

  private async ask(question: keyof Message): Promise<unknown> {
    this.server.send(question);
    for (;;) {
      const [message] = (await once(this.server, 'message')) as [Message];
      if (message[question] !== undefined) return message[question];
    }
  }

  /** Unmount; resolves with the server's exit code. */
  async unmount(lazy = false): Promise<number | null> {
    await unmountKernel(this.directory, lazy);
    return this.exit;
  }

  ended(): Promise<number | null> {
    return this.exit;
  }

  async dispose(): Promise<void> {
    open.delete(this);
    if (mountAt(this.directory) !== undefined) await unmountKernel(this.directory, true);
    if (this.server.exitCode === null && this.server.signalCode === null) this.server.kill('SIGKILL');
    await this.exit;
    rmdirSync(this.directory);
  }
}

const open = new Set<ToyMount>();
const made: string[] = [];

afterAll(async () => {
  for (const mount of open) await mount.dispose();
  if (built !== undefined) rmSync(built, { recursive: true, force: true });
  // Those of this file: others run at the same time.
  const left = made.filter((directory) => mountAt(directory) !== undefined);
  if (left.length > 0) throw new Error(`mounts were left behind: ${left.join(', ')}`);
});
