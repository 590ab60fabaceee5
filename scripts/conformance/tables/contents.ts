/** Contents of files: sizes, reads and writes, holes, allocation, copies, and what a write does to setuid. */

import { alice, bob, root, type User } from '../../trial/identity.js';
import { type Ground, type Table, types } from '../ground.js';
import { close, o, open, pread } from '../system-calls.js';

const whence = { set: 0, current: 1, end: 2, data: 3, hole: 4 } as const;
const allocate = { keepSize: 1, punchHole: 2, zeroRange: 16 } as const;
const page = 4096;

const filled = (length: number, byte: number): Buffer => Buffer.alloc(length, byte);

function holds(g: Ground, path: string, expected: Buffer): void {
  const fd = open(path, o.readOnly, 0);
  const found = Buffer.alloc(expected.length + 1);
  const count = typeof fd === 'number' ? pread(fd, found, found.length, 0) : fd;
  close(fd);
  g.equal(count, expected.length, `length of ${path}`);
  g.equal(found.subarray(0, expected.length).equals(expected), true, `contents of ${path}`);
}

function truncation(g: Ground): void {
  g.case('truncate', () => {
    g.file('f', filled(10_000, 1));
    for (const size of [10_000, 9999, 4097, 4096, 4095, 1, 0, 1, 5000, 100_000, 3]) {
      g.ok(root, 'truncate', 'f', size);
      g.has('f', { size });
    }
    g.ok(root, 'truncate', 'f', 6000);
    holds(g, 'f', Buffer.concat([Buffer.alloc(6000)]));
    g.file('g', filled(6000, 7));
    g.ok(root, 'truncate', 'g', 5000);
    g.ok(root, 'truncate', 'g', 9000);
    holds(g, 'g', Buffer.concat([filled(5000, 7), Buffer.alloc(4000)]));
    g.ends('EINVAL', root, 'truncate', 'f', -1);
    for (const type of types) {
      if (type === 'symlink' || type === 'file') continue;
      g.make(type, type);
      g.ends(type === 'directory' ? 'EISDIR' : 'EINVAL', root, 'truncate', type, 0);
    }
  });
  g.case('ftruncate wants a descriptor for writing', () => {
    g.file('f', 'contents', { mode: 0o666 });
    const read = g.ok(alice, 'open', 'f', o.readOnly, 0);
    const write = g.ok(alice, 'open', 'f', o.writeOnly, 0);
    g.gives('EINVAL', alice, 'ftruncate', read, 0);
    g.ok(root, 'chmod', 'f', 0);
    g.gives(0, alice, 'ftruncate', write, 4);
    g.gives('EINVAL', alice, 'ftruncate', write, -1);
    g.ends('EACCES', alice, 'truncate', 'f', 0);
    g.has('f', { size: 4 });
  });
  g.case('very large sizes', () => {
    g.make('file', 'f');
    const size = 2 ** 42;
    g.ok(root, 'truncate', 'f', size);
    g.has('f', { size });
    const fd = g.ok(root, 'open', 'f', o.readWrite, 0);
    g.gives(3, root, 'pwrite', fd, Buffer.from('end'), 3, size - 3);
    g.gives(3, root, 'pread', fd, Buffer.alloc(10), 10, size - 3);
    g.gives(0, root, 'pread', fd, Buffer.alloc(10), 10, size);
    g.ends('EFBIG', root, 'truncate', 'f', Number.MAX_SAFE_INTEGER);
  });
  g.case('a write beyond the largest file', 'limits-when-written', () => {
    g.make('file', 'f');
    const fd = g.ok(root, 'open', 'f', o.readWrite, 0);
    g.gives('EFBIG', root, 'pwrite', fd, Buffer.from('x'), 1, Number.MAX_SAFE_INTEGER);
  });
}

function readsAndWrites(g: Ground): void {
  g.case('writes at all edges of pages', () => {
    const expected = Buffer.alloc(5 * page);
    g.make('file', 'f');
    g.ok(root, 'truncate', 'f', expected.length);
    const fd = g.ok(root, 'open', 'f', o.readWrite, 0);
    let byte = 1;
    for (const offset of [0, 1, page - 1, page, page + 1, 2 * page - 3, 3 * page]) {
      for (const length of [1, 2, page - 1, page, page + 1]) {
        const data = filled(length, byte++);
        g.gives(length, root, 'pwrite', fd, data, length, offset);
        data.copy(expected, offset);
      }
    }
    holds(g, 'f', expected);
  });
  g.case('descriptors', () => {
    g.file('f', 'contents');
    const read = g.ok(root, 'open', 'f', o.readOnly, 0);
    const write = g.ok(root, 'open', 'f', o.writeOnly, 0);
    const path = g.ok(root, 'open', 'f', o.path, 0);
    g.gives('EBADF', root, 'pwrite', read, Buffer.from('x'), 1, 0);
    g.gives('EBADF', root, 'pread', write, Buffer.alloc(1), 1, 0);
    g.gives('EBADF', root, 'pread', path, Buffer.alloc(1), 1, 0);
    g.gives('EBADF', root, 'fchmod', path, 0o600);
    g.gives('EINVAL', root, 'pread', read, Buffer.alloc(1), 1, -1);
    g.make('directory', 'd');
    const directory = g.ok(root, 'open', 'd', o.readOnly, 0);
    g.gives('EISDIR', root, 'pread', directory, Buffer.alloc(1), 1, 0);
    g.gives(0, root, 'fsync', directory);
    g.gives(0, root, 'fsync', read);
  });
  g.case('O_APPEND writes at the end, wherever that is', () => {
    g.file('f', 'one');
    const a = g.ok(root, 'open', 'f', o.writeOnly | o.append, 0);
    const b = g.ok(root, 'open', 'f', o.writeOnly | o.append, 0);
    g.gives(3, root, 'write', a, Buffer.from('two'), 3);
    g.gives(5, root, 'write', b, Buffer.from('three'), 5);
    g.gives(4, root, 'write', a, Buffer.from('four'), 4);
    holds(g, 'f', Buffer.from('onetwothreefour'));
    g.ok(root, 'ftruncate', a, 2);
    g.gives(1, root, 'write', b, Buffer.from('!'), 1);
    holds(g, 'f', Buffer.from('on!'));
  });
  g.case('a write beyond the end leaves a hole of zeros', () => {
    g.file('f', 'abc');
    const fd = g.ok(root, 'open', 'f', o.readWrite, 0);
    g.gives(1, root, 'pwrite', fd, Buffer.from('x'), 1, 3 * page);
    holds(g, 'f', Buffer.concat([Buffer.from('abc'), Buffer.alloc(3 * page - 3), Buffer.from('x')]));
  });
}

function privileges(g: Ground): void {
  const done: Readonly<Record<string, (fd: number, who: User) => void>> = {
    write: (fd, who) => g.gives(1, who, 'pwrite', fd, Buffer.from('x'), 1, 0),
    ftruncate: (fd, who) => g.gives(0, who, 'ftruncate', fd, 2),
  };
  for (const [what, work] of Object.entries(done)) {
    g.case(`${what} takes setuid and setgid away, but not for root`, () => {
      for (const who of [root, alice, bob]) {
        for (const mode of [0o6777, 0o4766, 0o2776, 0o2767]) {
          const path = `f${mode}${who.name}`;
          g.file(path, 'contents', { mode: 0o666, owner: alice });
          g.ok(root, 'chmod', path, mode);
          g.with(who, path, o.readWrite, (fd) => work(fd, who));
          const keepsGroup = (mode & 0o2010) === 0o2000 && who !== bob ? mode & 0o2000 : 0;
          g.has(path, { mode: who === root ? mode : (mode & ~0o6000) | keepsGroup });
        }
      }
    });
  }
  g.case('fallocate takes them away as well', 'fallocate', () => {
    for (const who of [root, alice]) {
      g.file(`f-${who.name}`, 'contents', { mode: 0o6777, owner: alice });
      g.ok(root, 'chmod', `f-${who.name}`, 0o6777);
      g.with(who, `f-${who.name}`, o.readWrite, (fd) => g.gives(0, who, 'fallocate', fd, 0, 0, 10_000));
      g.has(`f-${who.name}`, { mode: who === root ? 0o6777 : 0o777 });
    }
  });
  g.case('copy_file_range takes them away as well', 'copy', () => {
    g.file('from', 'contents', { mode: 0o666 });
    for (const who of [root, alice]) {
      const path = `f-${who.name}`;
      g.file(path, '', { mode: 0o666, owner: alice });
      g.ok(root, 'chmod', path, 0o6777);
      const from = g.ok(who, 'open', 'from', o.readOnly, 0);
      const to = g.ok(who, 'open', path, o.writeOnly, 0);
      g.gives(8, who, 'copyFileRange', from, BigInt64Array.of(0n), to, BigInt64Array.of(0n), 100, 0);
      g.has(path, { mode: who === root ? 0o6777 : 0o777, size: 8 });
    }
  });
}

function holes(g: Ground): void {
  g.case('SEEK_DATA and SEEK_HOLE', 'seek', () => {
    g.make('file', 'f');
    const fd = g.ok(root, 'open', 'f', o.readWrite, 0);
    g.ok(root, 'ftruncate', fd, 64 * page);
    for (const at of [8, 9, 40]) g.gives(page, root, 'pwrite', fd, filled(page, at), page, at * page);
    g.ok(root, 'fsync', fd);
    for (const [from, data, hole] of [
      [0, 8, 0],
      [8, 8, 10],
      [9, 9, 10],
      [10, 40, 10],
      [40, 40, 41],
    ] as const) {
      g.gives(data * page, root, 'lseek', fd, from * page, whence.data);
      g.gives(hole * page, root, 'lseek', fd, from * page, whence.hole);
    }
    g.gives('ENXIO', root, 'lseek', fd, 41 * page, whence.data);
    g.gives(41 * page, root, 'lseek', fd, 41 * page, whence.hole);
    g.gives('ENXIO', root, 'lseek', fd, 64 * page, whence.data);
    g.gives('ENXIO', root, 'lseek', fd, 64 * page, whence.hole);
    g.gives(64 * page, root, 'lseek', fd, 0, whence.end);
    g.gives('EINVAL', root, 'lseek', fd, -1, whence.set);
    g.gives('EINVAL', root, 'lseek', fd, 0, 9);
  });
  g.case('fallocate', 'fallocate', () => {
    g.file('f', filled(3 * page, 5), { mode: 0o666 });
    const fd = g.ok(alice, 'open', 'f', o.readWrite, 0);
    g.gives(0, alice, 'fallocate', fd, allocate.keepSize, 0, 100 * page);
    g.has('f', { size: 3 * page });
    g.gives(0, alice, 'fallocate', fd, allocate.punchHole | allocate.keepSize, page, page);
    holds(g, 'f', Buffer.concat([filled(page, 5), Buffer.alloc(page), filled(page, 5)]));
    g.gives(0, alice, 'fallocate', fd, allocate.zeroRange, 10, 20);
    holds(
      g,
      'f',
      Buffer.concat([filled(10, 5), Buffer.alloc(20), filled(page - 30, 5), Buffer.alloc(page), filled(page, 5)]),
    );
    g.gives(0, alice, 'fallocate', fd, 0, 3 * page, page);
    g.has('f', { size: 4 * page });
    g.gives('EINVAL', alice, 'fallocate', fd, 0, 0, 0);
    g.gives('EINVAL', alice, 'fallocate', fd, 0, -1, 5);
    g.gives('EOPNOTSUPP', alice, 'fallocate', fd, allocate.punchHole, 0, page);
    const read = g.ok(alice, 'open', 'f', o.readOnly, 0);
    g.gives('EBADF', alice, 'fallocate', read, 0, 0, page);
    g.make('directory', 'd');
    const directory = g.ok(root, 'open', 'd', o.readOnly, 0);
    g.gives('EBADF', root, 'fallocate', directory, 0, 0, page);
  });
}

function copies(g: Ground): void {
  g.case('copy_file_range', 'copy', () => {
    g.file('from', filled(3 * page, 9));
    g.make('file', 'to');
    const from = g.ok(root, 'open', 'from', o.readWrite, 0);
    const to = g.ok(root, 'open', 'to', o.readWrite, 0);
    const copy = (
      expected: number | string,
      a: number,
      at: number,
      b: number,
      into: number,
      length: number,
      flags = 0,
    ): void =>
      g.gives(
        expected,
        root,
        'copyFileRange',
        a,
        BigInt64Array.of(BigInt(at)),
        b,
        BigInt64Array.of(BigInt(into)),
        length,
        flags,
      );
    copy(3 * page, from, 0, to, 0, 10 * page);
    holds(g, 'to', filled(3 * page, 9));
    copy(10, from, 3 * page - 10, to, 5, 100);
    copy(0, from, 3 * page, to, 0, 100);
    copy(0, from, 0, to, 0, 0);
    copy(page, from, 0, from, page, page);
    copy('EINVAL', from, 0, from, 1, page);
    copy('EINVAL', from, 0, to, 0, 1, 1);
    const read = g.ok(root, 'open', 'to', o.readOnly, 0);
    copy('EBADF', from, 0, read, 0, 1);
    const append = g.ok(root, 'open', 'to', o.writeOnly | o.append, 0);
    copy('EBADF', from, 0, append, 0, 1);
  });
  g.case('sendfile', () => {
    g.file('from', filled(100_000, 3));
    g.make('file', 'to');
    const from = g.ok(root, 'open', 'from', o.readOnly, 0);
    const to = g.ok(root, 'open', 'to', o.writeOnly, 0);
    g.gives(90_000, root, 'sendfile', to, from, BigInt64Array.of(10_000n), 200_000);
    holds(g, 'to', filled(90_000, 3));
  });
}

export const contents: Table = {
  name: 'contents',
  run(g) {
    for (const part of [truncation, readsAndWrites, privileges, holes, copies]) part(g);
  },
};
