/** Which operation changes which times, of what it works on and of the directory; and utimensat. */

import koffi from 'koffi';
import { alice, bob, root } from '../../trial/identity.js';
import type { Ground, Table } from '../ground.js';
import { at, close, here, lstat, o, open } from '../system-calls.js';

/** The old time that everything has before an operation. */
const before = 1_000_000_000n;
const now = 0x3fffffffn;
const omit = 0x3ffffffen;

const stamps = (atime: bigint, atimeNanos: bigint, mtime: bigint, mtimeNanos: bigint): BigInt64Array =>
  BigInt64Array.of(atime, atimeNanos, mtime, mtimeNanos);

const pageBytes = 4096;

/** Memory that O_DIRECT takes. */
function alignedPage(): Buffer {
  const room = Buffer.alloc(2 * pageBytes);
  const from = Number(-BigInt(koffi.address(room)) & BigInt(pageBytes - 1));
  return room.subarray(from, from + pageBytes);
}

interface Times {
  readonly atime: bigint;
  readonly mtime: bigint;
  readonly ctime: bigint;
}

function timesOf(g: Ground, path: string): Times {
  const found = lstat(path);
  if (typeof found === 'string') {
    g.equal(found, 'there', `lstat ${path}`);
    return { atime: 0n, mtime: 0n, ctime: 0n };
  }
  return { atime: found.atimeNs, mtime: found.mtimeNs, ctime: found.ctimeNs };
}

/** atime and mtime become old; ctime can't be set, so it is remembered. */
function age(g: Ground, path: string): Times {
  g.ok(root, 'utimensat', here, path, stamps(before, 0n, before, 0n), at.symlinkNofollow);
  // So that a later ctime is a later one on filesystems whose clock ticks.
  const end = process.hrtime.bigint() + 12_000_000n;
  while (process.hrtime.bigint() < end);
  return timesOf(g, path);
}

/** What changes, as letters: a, m, c. */
function changed(old: Times, g: Ground, path: string): string {
  const found = timesOf(g, path);
  const moved = (key: keyof Times): string => (found[key] > old[key] ? key[0] : found[key] < old[key] ? '?' : '');
  return moved('atime') + moved('mtime') + moved('ctime');
}

type Work = (g: Ground) => void;
/** What is done; what it changes of `f` (a file), of `d` (the directory that has it), and of `e` (another one). */
const rows: readonly (readonly [string, string, string, string, Work])[] = [
  ['stat', '', '', '', (g) => g.has('d/f', {})],
  ['open and close', '', '', '', (g) => g.ends('ok', root, 'open', 'd/f', o.readWrite, 0)],
  [
    'write',
    'mc',
    '',
    '',
    (g) => g.with(root, 'd/f', o.writeOnly, (fd) => g.gives(1, root, 'pwrite', fd, Buffer.from('x'), 1, 0)),
  ],
  [
    'write of nothing',
    '',
    '',
    '',
    (g) => g.with(root, 'd/f', o.writeOnly, (fd) => g.gives(0, root, 'pwrite', fd, Buffer.alloc(1), 0, 0)),
  ],
  ['truncate to less', 'mc', '', '', (g) => g.ok(root, 'truncate', 'd/f', 1)],
  ['truncate to more', 'mc', '', '', (g) => g.ok(root, 'truncate', 'd/f', 10_000)],
  ['open with O_TRUNC', 'mc', '', '', (g) => g.ends('ok', root, 'open', 'd/f', o.writeOnly | o.truncate, 0)],
  [
    'open with O_CREAT of what is there',
    '',
    '',
    '',
    (g) => g.ends('ok', root, 'open', 'd/f', o.writeOnly | o.create, 0o600),
  ],
  ['chmod', 'c', '', '', (g) => g.ok(root, 'chmod', 'd/f', 0o600)],
  ['chmod to what it is', 'c', '', '', (g) => g.ok(root, 'chmod', 'd/f', 0o644)],
  ['chown', 'c', '', '', (g) => g.ok(root, 'chown', 'd/f', 5, 6)],
  ['setxattr', 'c', '', '', (g) => g.ok(root, 'setxattr', 'd/f', 'user.a', Buffer.from('x'), 1, 0)],
  ['link', 'c', '', 'mc', (g) => g.ok(root, 'link', 'd/f', 'e/f')],
  [
    'rename within',
    'c',
    'mc',
    '',
    (g) => {
      g.ok(root, 'rename', 'd/f', 'd/g');
      g.ok(root, 'link', 'd/g', 'd/f');
    },
  ],
  [
    'rename to another directory',
    'c',
    'mc',
    'mc',
    (g) => {
      g.ok(root, 'rename', 'd/f', 'e/f');
      g.ok(root, 'link', 'e/f', 'd/f');
    },
  ],
  ['unlink of another name', 'c', 'mc', '', (g) => g.ok(root, 'unlink', 'd/second')],
  ['creat', '', 'mc', '', (g) => g.ends('ok', root, 'open', 'd/new', o.create | o.writeOnly, 0o600)],
  ['mkdir', '', 'mc', '', (g) => g.ok(root, 'mkdir', 'd/new', 0o700)],
  ['symlink', '', 'mc', '', (g) => g.ok(root, 'symlink', 'x', 'd/new')],
  ['mknod', '', 'mc', '', (g) => g.ok(root, 'mknod', 'd/new', 0o010600, 0)],
  ['rmdir', '', 'mc', '', (g) => g.ok(root, 'rmdir', 'd/sub')],
  ['a name that is there', '', '', '', (g) => g.ends('EEXIST', root, 'mkdir', 'd/f', 0o700)],
  ['a name that is not there', '', '', '', (g) => g.ends('ENOENT', root, 'unlink', 'd/none')],
  ['a mode that another may not set', '', '', '', (g) => g.ends('EPERM', alice, 'chmod', 'd/f', 0o600)],
  ['rename to itself', '', '', '', (g) => g.ok(root, 'rename', 'd/f', 'd/f')],
];

function table(g: Ground): void {
  for (const [what, file, directory, other, work] of rows) {
    g.case(what, () => {
      g.make('directory', 'd');
      g.make('directory', 'e');
      g.make('directory', 'd/sub');
      g.file('d/f', 'contents');
      g.ok(root, 'link', 'd/f', 'd/second');
      const old = ['d/f', 'd', 'e'].map((path) => age(g, path));
      work(g);
      for (const [i, path] of ['d/f', 'd', 'e'].entries()) {
        g.equal(changed(old[i], g, path), [file, directory, other][i], `times of ${path}`);
      }
    });
  }
}

/** How much earlier a coarse clock may be. */
const slack = 20_000_000n;

function fresh(g: Ground): void {
  g.case('what is made begins now', () => {
    const start = BigInt(Date.now()) * 1_000_000n - slack;
    for (const type of ['file', 'directory', 'symlink', 'fifo'] as const) {
      g.make(type, type);
      const { atime, mtime, ctime } = timesOf(g, type);
      for (const time of [atime, mtime, ctime]) g.equal(time >= start, true, `a time of a new ${type}`);
      g.equal(mtime <= ctime, true, 'mtime is not after ctime');
    }
  });
  g.case('readlink moves the atime of a link', () => {
    g.make('symlink', 'l');
    const old = age(g, 'l');
    g.ends('ENOENT', root, 'truncate', 'l', 0);
    g.equal(changed(old, g, 'l').replace('a', ''), '', 'mtime and ctime of the link');
  });
}

function explicit(g: Ground): void {
  g.case('utimensat sets times to the nanosecond', 'nanoseconds', () => {
    g.make('file', 'f');
    for (const [seconds, nanos] of [
      [0n, 0n],
      [1n, 999_999_999n],
      [-1n, 5n],
      [-2_000_000_000n, 1n],
      [2_147_483_647n, 7n],
      [4_000_000_000n, 123_456_789n],
    ] as const) {
      g.ok(root, 'utimensat', here, 'f', stamps(seconds, nanos, seconds + 1n, nanos), 0);
      const { atime, mtime } = timesOf(g, 'f');
      g.equal(atime, seconds * 1_000_000_000n + nanos, 'atime');
      g.equal(mtime, (seconds + 1n) * 1_000_000_000n + nanos, 'mtime');
    }
    for (const bad of [-1n, 1_000_000_000n]) {
      g.gives('EINVAL', root, 'utimensat', here, 'f', stamps(1n, bad, 1n, 0n), 0);
      g.gives('EINVAL', root, 'utimensat', here, 'f', stamps(1n, 0n, 1n, bad), 0);
    }
  });
  g.case('UTIME_NOW and UTIME_OMIT', 'nanoseconds', () => {
    g.make('file', 'f');
    const set = (times: BigInt64Array): string => {
      const old = age(g, 'f');
      g.ok(root, 'utimensat', here, 'f', times, 0);
      return changed(old, g, 'f');
    };
    g.equal(set(stamps(0n, omit, 0n, now)), 'mc', 'mtime now');
    g.equal(set(stamps(0n, now, 0n, omit)), 'ac', 'atime now');
    g.equal(set(stamps(0n, now, 0n, now)), 'amc', 'both now');
    g.equal(set(stamps(0n, omit, 0n, omit)), '', 'none');
  });
  g.case('of a link itself', 'nanoseconds', () => {
    g.make('file', 'target');
    g.make('symlink', 'l');
    g.ok(root, 'utimensat', here, 'l', stamps(5n, 6n, 7n, 8n), at.symlinkNofollow);
    g.equal(timesOf(g, 'l').mtime, 7_000_000_008n, 'mtime of the link');
    g.equal(timesOf(g, 'target').mtime > 7_000_000_008n, true, 'mtime of its target stays');
  });
  g.case('who may', () => {
    for (const [mode, kind, who, expected] of [
      [0o644, 'explicit', alice, 'ok'],
      [0o000, 'explicit', alice, 'ok'],
      [0o666, 'explicit', bob, 'EPERM'],
      [0o666, 'now', bob, 'ok'],
      [0o644, 'now', bob, 'EACCES'],
      [0o000, 'now', alice, 'ok'],
      [0o644, 'none', bob, 'ok'],
      [0o000, 'explicit', root, 'ok'],
      [0o000, 'now', root, 'ok'],
    ] as const) {
      g.make('file', `f${mode}${kind}${who.name}`, { owner: alice, mode });
      const times = {
        explicit: stamps(1n, 2n, 3n, 4n),
        now: null,
        none: stamps(0n, omit, 0n, omit),
      }[kind];
      g.ends(expected, who, 'utimensat', here, `f${mode}${kind}${who.name}`, times, 0);
    }
  });
  g.case('who may set one of the two', 'one-time', () => {
    g.make('file', 'f', { owner: alice, mode: 0o666 });
    for (const times of [stamps(0n, now, 0n, omit), stamps(0n, omit, 0n, now), stamps(1n, 0n, 0n, omit)]) {
      g.ends('EPERM', bob, 'utimensat', here, 'f', times, 0);
      g.ends('ok', alice, 'utimensat', here, 'f', times, 0);
    }
  });
  g.case('a write after the times were set moves them', () => {
    g.file('f', 'x');
    const fd = open('f', o.writeOnly, 0);
    const old = age(g, 'f');
    if (typeof fd === 'number') g.gives(1, root, 'pwrite', fd, Buffer.from('y'), 1, 0);
    g.equal(changed(old, g, 'f'), 'mc', 'after the write');
    close(fd);
    g.equal(changed(old, g, 'f'), 'mc', 'after close');
    const set = age(g, 'f');
    g.equal(set.mtime, before * 1_000_000_000n, 'mtime as it was set');
  });
}

function reads(g: Ground): void {
  const read = (flags: number): string => {
    g.file('f', Buffer.alloc(pageBytes));
    g.with(root, 'f', o.readOnly, (fd) => g.gives(0, root, 'fsync', fd));
    const old = age(g, 'f');
    g.with(root, 'f', o.readOnly | flags, (fd) => g.gives(pageBytes, root, 'pread', fd, alignedPage(), pageBytes, 0));
    return changed(old, g, 'f');
  };
  g.case('read', 'atime-of-cached', () => g.equal(read(0), 'a', 'times of f'));
  g.case('read past the cache', () => g.equal(read(o.direct), 'a', 'times of f'));
}

export const times: Table = {
  name: 'times',
  run(g) {
    for (const part of [table, fresh, explicit, reads]) part(g);
  },
};
