/**
 * Where a table of cases works, and where it counts: each case has a new empty directory that everybody may write and
 * in which the process is, and each comparison is one assertion. A failed one is noted, and the rest goes on.
 */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { as, root, type User } from '../trial/identity.js';
import { type Answer, calls, close, lstat, o } from './system-calls.js';

/**
 * What not every filesystem or driver can do; a case says what it needs, a run says what it goes without. Two are for
 * FUSE: a read of what the kernel has cached moves no atime, as no filesystem hears of it; and a write that is cached
 * beyond the largest file fails when it is written back.
 */
export const features = [
  'acl',
  'atime-of-cached',
  'copy',
  'dot-searched',
  'fallocate',
  'handles',
  'inode-flags',
  'large-xattrs',
  'limits-when-written',
  'locks',
  'nanoseconds',
  'one-time',
  'rename-flags',
  'removed-places',
  'seek',
  'tmpfile',
  'umask-apart',
  'whiteout',
] as const;
export type Feature = (typeof features)[number];

export const types = ['file', 'directory', 'symlink', 'fifo', 'socket', 'character', 'block'] as const;
export type Type = (typeof types)[number];
const typeBits: Readonly<Record<Type, number>> = {
  file: 0o100000,
  directory: 0o040000,
  symlink: 0o120000,
  fifo: 0o010000,
  socket: 0o140000,
  character: 0o020000,
  block: 0o060000,
};
/** Major 240: for experiments. */
const device = 0xf001;

export interface Facts {
  readonly type?: Type;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly size?: number;
  readonly links?: number;
}

/** A table of cases: all of one system call, or of one rule. */
export interface Table {
  readonly name: string;
  run(ground: Ground): void;
}

type CallName = keyof typeof calls;

const opens = (name: CallName): boolean => name === 'open' || name === 'openByHandle';

export class Ground {
  assertions = 0;
  readonly failures: string[] = [];
  readonly skipped: string[] = [];
  private table = '';
  private cases = 0;
  private label = '';
  /** Descriptors that `ok` answered with; closed at the end of the case. */
  private readonly opened: Answer[] = [];

  constructor(
    private readonly directory: string,
    private readonly without: ReadonlySet<Feature>,
  ) {}

  run(tables: readonly Table[]): void {
    for (const table of tables) {
      this.table = table.name;
      table.run(this);
    }
    process.chdir('/');
  }

  /** Cases that need a feature; not done, and listed, where it is missing. */
  case(label: string, ...rest: [...Feature[], () => void]): void {
    const work = rest.pop() as () => void;
    const missing = (rest as Feature[]).filter((feature) => this.without.has(feature));
    if (missing.length > 0) {
      this.skipped.push(`${this.table}: ${label} (${missing.join(', ')})`);
      return;
    }
    this.label = label;
    const place = join(this.directory, `case-${this.cases++}`);
    mkdirSync(place);
    process.chdir(place);
    calls.chmod('.', 0o777);
    process.umask(0);
    try {
      work();
      for (const fd of this.opened) close(fd);
    } catch (e) {
      this.assertions++;
      this.failures.push(`${this.table}: ${label}: ${e instanceof Error ? e.stack : String(e)}`);
    }
    this.opened.length = 0;
    process.chdir(this.directory);
    rmSync(place, { recursive: true, force: true });
  }

  equal(found: unknown, expected: unknown, what: string): void {
    this.assertions++;
    if (found === expected) return;
    this.failures.push(`${this.table}: ${this.label}: ${what}: expected ${show(expected)}, found ${show(found)}`);
  }

  /** Make a call that succeeds; with `expected`, that answers so. */
  ok<K extends CallName>(who: User, name: K, ...args: Parameters<(typeof calls)[K]>): number {
    const answer = this.call(who, name, args);
    this.equal(typeof answer === 'number' ? 'ok' : answer, 'ok', describe(who, name, args));
    if (opens(name)) this.opened.push(answer);
    return typeof answer === 'number' ? answer : -1;
  }

  /** Make a call that answers so: with this number or error. */
  gives<K extends CallName>(expected: Answer, who: User, name: K, ...args: Parameters<(typeof calls)[K]>): void {
    this.equal(this.call(who, name, args), expected, describe(who, name, args));
  }

  /** Make a call that ends so: `ok` whatever it answers, or in this error. */
  ends<K extends CallName>(expected: string, who: User, name: K, ...args: Parameters<(typeof calls)[K]>): void {
    const answer = this.call(who, name, args);
    this.equal(typeof answer === 'number' ? 'ok' : answer, expected, describe(who, name, args));
    if (opens(name)) close(answer);
  }

  private call(who: User, name: CallName, args: readonly unknown[]): Answer {
    return as(who, () => (calls[name] as unknown as (...args: readonly unknown[]) => Answer)(...args));
  }

  /** The path itself, not what a link leads to, is so. */
  has(path: string, facts: Facts): void {
    const found = lstat(path);
    if (typeof found === 'string') {
      this.equal(found, 'there', `lstat ${path}`);
      return;
    }
    const mode = Number(found.mode);
    if (facts.type !== undefined) this.equal(mode & 0o170000, typeBits[facts.type], `type of ${path}`);
    if (facts.mode !== undefined) this.equal(octal(mode & 0o7777), octal(facts.mode), `mode of ${path}`);
    if (facts.uid !== undefined) this.equal(Number(found.uid), facts.uid, `owner of ${path}`);
    if (facts.gid !== undefined) this.equal(Number(found.gid), facts.gid, `group of ${path}`);
    if (facts.size !== undefined) this.equal(Number(found.size), facts.size, `size of ${path}`);
    if (facts.links !== undefined) this.equal(Number(found.nlink), facts.links, `links of ${path}`);
  }

  absent(path: string): void {
    this.equal(typeof lstat(path) === 'string', true, `${path} is absent`);
  }

  /** Make something as root, for the case to work on. */
  make(type: Type, path: string, facts: { mode?: number; owner?: User; gid?: number } = {}): void {
    const mode = facts.mode ?? (type === 'directory' ? 0o755 : 0o644);
    const made =
      type === 'directory'
        ? calls.mkdir(path, mode)
        : type === 'symlink'
          ? calls.symlink('target', path)
          : calls.mknod(path, typeBits[type] | mode, type === 'character' || type === 'block' ? device : 0);
    const owned = facts.owner ?? root;
    const group = facts.gid ?? owned.gid;
    const given = owned.uid !== 0 || group !== 0 ? calls.lchown(path, owned.uid, group) : 0;
    // chown takes setuid and setgid away.
    const moded = type === 'symlink' ? 0 : calls.chmod(path, mode);
    if (made !== 0 || given !== 0 || moded !== 0) throw new Error(`make ${type} ${path}: ${made} ${given} ${moded}`);
  }

  /** A file with contents. */
  file(path: string, contents: Uint8Array | string, facts: { mode?: number; owner?: User } = {}): void {
    this.make('file', path, facts);
    const data = Buffer.from(contents as string);
    this.with(root, path, o.writeOnly, (fd) => calls.write(fd, data, data.length));
  }

  /** Do something with an open file; returns what that returns. */
  with<T>(who: User, path: string, flags: number, work: (fd: number) => T, mode = 0o644): T {
    const fd = as(who, () => calls.open(path, flags, mode));
    if (typeof fd === 'string') throw new Error(`open ${path}: ${fd}`);
    try {
      return work(fd);
    } finally {
      close(fd);
    }
  }
}

export const octal = (mode: number): string => `0${mode.toString(8)}`;

const show = (value: unknown): string => (typeof value === 'bigint' ? String(value) : JSON.stringify(value));

const describe = (who: User, name: string, args: readonly unknown[]): string => {
  const shown = args.map((arg) =>
    typeof arg === 'string'
      ? arg.length > 40
        ? `${arg.slice(0, 20)}... (${arg.length})`
        : arg
      : ArrayBuffer.isView(arg)
        ? '...'
        : typeof arg === 'number' && name !== 'lseek' && arg > 7
          ? octal(arg)
          : String(arg),
  );
  return `${name}(${shown.join(', ')}) by ${who.name}`;
};
