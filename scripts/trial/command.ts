/**
 * Runs other programs for the scripts that try Varve as a person would: with a limit of time, their output kept,
 * and ended together with the script. Whatever touches a mount runs in such a child, so that a mount that does not
 * answer can't hang the script itself.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Outcome {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly seconds: number;
}

export interface RunOptions {
  /** Exit codes that are no failure; 0 unless given. */
  readonly allow?: readonly number[] | 'any';
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly input?: string;
  /** Seconds until it is ended with SIGKILL; 600 unless given. */
  readonly limit?: number;
}

/** A program ended in a way that was not allowed. */
export class CommandFailed extends Error {
  constructor(
    readonly command: string,
    readonly outcome: Outcome,
  ) {
    const said = `${outcome.stderr}${outcome.stdout}`.trim().slice(-2000);
    super(`${command}: exit ${outcome.status} after ${outcome.seconds.toFixed(2)} s${said ? `\n${said}` : ''}`);
    this.name = 'CommandFailed';
  }
}

const running = new Set<ChildProcess>();

/** End a child and what it started itself. */
export function end(child: ChildProcess): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch (e) {
    if ((e as NodeJS.ErrnoException).code !== 'ESRCH') throw e;
    child.kill('SIGKILL');
  }
}

/** End every child that still runs. */
export function endChildren(): void {
  for (const child of running) end(child);
}

/** Start a child in a group of its own; it is ended with the script. Its output comes through pipes. */
export function start(command: string, args: readonly string[], stdio: 'pipe' | 'ignore' = 'pipe'): ChildProcess {
  const child = spawn(command, args, { stdio: ['ignore', stdio, stdio], detached: true });
  running.add(child);
  child.once('exit', () => running.delete(child));
  child.once('error', () => running.delete(child));
  return child;
}

/** Run a program to its end. Status 128 + signal number is written as 128 + 9 for a kill at the limit. */
export async function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  const began = performance.now();
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: options.env ?? process.env,
    stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  });
  running.add(child);
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout?.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr?.on('data', (chunk: Buffer) => err.push(chunk));
  if (options.input !== undefined) {
    // A program that ends before it has read everything tells why by itself.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(options.input);
  }
  const limit = setTimeout(() => child.kill('SIGKILL'), (options.limit ?? 600) * 1000);
  const closed = once(child, 'close');
  try {
    const [code] = (await once(child, 'exit')) as [number | null];
    const seconds = (performance.now() - began) / 1000;
    // A server that stays behind may hold the pipes: what a program said itself is there soon after its end.
    await Promise.race([closed, sleep(200)]);
    const outcome: Outcome = {
      status: code ?? 137,
      stdout: Buffer.concat(out).toString(),
      stderr: Buffer.concat(err).toString(),
      seconds,
    };
    const allow = options.allow ?? [0];
    if (allow !== 'any' && !allow.includes(outcome.status)) {
      throw new CommandFailed([command, ...args].join(' '), outcome);
    }
    return outcome;
  } finally {
    clearTimeout(limit);
    running.delete(child);
    child.stdout?.destroy();
    child.stderr?.destroy();
  }
}

/** Run shell text; for pipes and loops that would be longer in TypeScript. */
export function shell(text: string, options: RunOptions = {}): Promise<Outcome> {
  return run('bash', ['-euo', 'pipefail', '-c', text], options);
}
