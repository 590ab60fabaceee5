/**
 * The process that serves a mount, as a citizen of its machine: how it goes into the background, where it logs,
 * how it tells the launcher (bin/mount.varve) what came of it, and what it asks of the kernel.
 */
import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { VolumeError } from '../errors.js';
import { calmBackgroundThreads } from '../host/background-threads.js';
import { libc } from '../host/libc.js';
import { prctl } from '../host/prctl.js';
import type { SecretOptions } from './secret.js';
import { ServerLog } from './server-log.js';

const setsid = libc.func('int setsid()') as () => number;
const dup2 = libc.func('int dup2(int from, int to)') as (from: number, to: number) => number;

const mallopt = libc.func('int mallopt(int parameter, int value)') as (parameter: number, value: number) => number;

const exitAtOnce = libc.func('void _exit(int code)') as (code: number) => void;

const setIoFlusher = 57;
/** Parameters of mallopt(3). */
const [trimThreshold, topPad, mmapThreshold] = [-1, -2, -3];
const mebibyte = 2 ** 20;
/** Descriptor on which the launcher reads the exit code, a line: it waits until it has one or the end. */
const launcher = 3;
/** Where the launcher has put the descriptor from which a passphrase is read, if it was one up to this. */
const fromLauncher = 9;

export class ServerProcess {
  private readonly lines = new ServerLog();
  private told = false;
  /** Its descriptors 0 to 2 are its own. */
  private alone = false;

  constructor(private readonly background: boolean) {
    // Buffers come and go. By default the C library gives what is free back to the kernel at once, and each comes as
    // pages that are touched for the first time again: 2 faults a new file, in a virtual machine of 20 us each (2026).
    mallopt(trimThreshold, 64 * mebibyte);
    mallopt(topPad, 4 * mebibyte);
    mallopt(mmapThreshold, 4 * mebibyte);
    // A server that has to wait for memory which only it can clean would wait for ever. Both need privileges.
    prctl(setIoFlusher, 1, 0, 0, 0);
    calmBackgroundThreads();
    try {
      writeFileSync('/proc/self/oom_score_adj', '-900');
    } catch (e) {
      const { code } = e as NodeJS.ErrnoException;
      if (code !== 'EACCES' && code !== 'EPERM') throw e;
    }
  }

  /** The descriptors of the options as this process has them: the launcher's low ones are others here. */
  secret(options: SecretOptions): SecretOptions {
    const { passphraseFd } = options;
    if (!this.background || passphraseFd === undefined || Number(passphraseFd) > fromLauncher) return options;
    return { passphraseFd: String(fromLauncher) };
  }

  /** Let go of the terminal: whoever was to be asked on it has answered. */
  detach(): void {
    if (this.background) setsid();
  }

  /** One line about something that a person should know. */
  readonly log = (line: string): void => this.lines.write(line);

  /**
   * One line to who mounts. Not by `process.stderr`: that makes a pipe non-blocking until this process ends, and the caller,
   * whose pipe it is too, may go on before.
   */
  say(line: string): void {
    try {
      writeSync(2, `mount.varve: ${line}\n`);
    } catch {
      // It is closed.
    }
  }

  /** The mount can be used: let go of the terminal and of whoever waits. Throws VolumeError if nothing can be logged. */
  ready(logPath: string): void {
    if (!this.background) return;
    const log = openLog(logPath);
    const nothing = openSync('/dev/null', 'r');
    dup2(nothing, 0);
    dup2(log, 1);
    dup2(log, 2);
    closeSync(log);
    closeSync(nothing);
    this.alone = true;
    this.lines.goTo(logPath);
    process.chdir('/');
    this.tell(0);
  }

  /**
   * End the process; the image is released. A server in the background ends at once, by _exit(2): what Node takes apart before,
   * threads and memory, takes it up to 30 ms (Node 20, 2026), for which who unmounts would wait. Others let Node give the caller's
   * descriptors back as they were; and profiles are written then, so not where one may be wanted.
   */
  exit(code: number): never {
    const { NODE_OPTIONS, NODE_V8_COVERAGE } = process.env;
    if (this.alone && NODE_OPTIONS === undefined && NODE_V8_COVERAGE === undefined) exitAtOnce(code);
    process.exit(code);
  }

  /** The launcher's exit code: once, and it ends with it. */
  tell(code: number): void {
    if (!this.background || this.told) return;
    this.told = true;
    writeSync(launcher, `${code}\n`);
    closeSync(launcher);
  }
}

function openLog(path: string): number {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
    return openSync(path, 'a', 0o600);
  } catch (e) {
    throw new VolumeError('io', `can't log to ${path}: ${(e as NodeJS.ErrnoException).code}`);
  }
}
