/** Inode flags (chattr), locks, and handles (name_to_handle_at): what belongs to an inode or an open file. */

import { alice, root } from '../../trial/identity.js';
import type { Ground, Table } from '../ground.js';
import { close, here, ioctl, o, open, openByHandle, pread } from '../system-calls.js';

const getFlags = 0x80086601;
const setFlags = 0x40086602;
const flagBit = { immutable: 0x10, append: 0x20, noDump: 0x40, noAtime: 0x80 } as const;

const shown = 0xf0;

/** All flags of what is there: a filesystem may have some of its own, which stay. */
function allFlags(path: string): number | string {
  const fd = open(path, o.readOnly, 0);
  if (typeof fd === 'string') return fd;
  const into = Buffer.alloc(8);
  const answer = ioctl(fd, getFlags, into);
  close(fd);
  return typeof answer === 'string' ? answer : into.readUInt32LE();
}

function flagsOf(path: string): number | string {
  const all = allFlags(path);
  return typeof all === 'string' ? all : all & shown;
}

function setTo(g: Ground, path: string, bits: number, expected = 'ok', who = root): void {
  const value = Buffer.alloc(8);
  value.writeUInt32LE(((Number(allFlags(path)) & ~shown) | bits) >>> 0);
  g.with(root, path, o.readOnly, (fd) => g.ends(expected, who, 'ioctl', fd, setFlags, value));
}

function flags(g: Ground): void {
  g.case('flags are kept', 'inode-flags', () => {
    for (const type of ['file', 'directory'] as const) {
      g.make(type, type, { owner: alice });
      g.equal(flagsOf(type), 0, 'at first');
      for (const bits of [flagBit.noDump, flagBit.noAtime, flagBit.noDump | flagBit.noAtime, flagBit.append, 0]) {
        setTo(g, type, bits);
        g.equal(flagsOf(type), bits, 'as set');
      }
      setTo(g, type, flagBit.noDump, 'ok', alice);
      for (const bits of [flagBit.immutable, flagBit.append]) setTo(g, type, bits, 'EPERM', alice);
    }
  });
  g.case('immutable', 'inode-flags', () => {
    g.file('f', 'contents', { mode: 0o666 });
    g.make('directory', 'd', { mode: 0o777 });
    g.make('file', 'd/x', { mode: 0o666 });
    const writer = g.ok(root, 'open', 'f', o.readWrite, 0);
    for (const path of ['f', 'd']) setTo(g, path, flagBit.immutable);
    g.ends('EPERM', root, 'open', 'f', o.writeOnly, 0);
    g.ends('EPERM', root, 'open', 'f', o.writeOnly | o.append, 0);
    g.ends('EPERM', root, 'open', 'f', o.readOnly | o.truncate, 0);
    g.ends('ok', root, 'open', 'f', o.readOnly, 0);
    g.ends('EPERM', root, 'truncate', 'f', 0);
    g.ends('EPERM', root, 'chmod', 'f', 0o600);
    g.ends('EPERM', root, 'chown', 'f', 5, 5);
    g.ends('EPERM', root, 'utimensat', here, 'f', null, 0);
    g.ends('EPERM', root, 'utimensat', here, 'f', BigInt64Array.of(1n, 0n, 1n, 0n), 0);
    g.ends('EPERM', root, 'unlink', 'f');
    g.ends('EPERM', root, 'rename', 'f', 'g');
    g.ends('EPERM', root, 'link', 'f', 'g');
    g.ends('EPERM', root, 'setxattr', 'f', 'user.a', Buffer.from('x'), 1, 0);
    g.ends('EPERM', root, 'open', 'd/new', o.create | o.writeOnly, 0o600);
    g.ends('EPERM', root, 'mkdir', 'd/new', 0o700);
    g.ends('EPERM', root, 'symlink', 'x', 'd/new');
    g.ends('EPERM', root, 'unlink', 'd/x');
    g.ends('EPERM', root, 'rename', 'd/x', 'y');
    g.ends('ok', root, 'open', 'd/x', o.writeOnly, 0);
    g.ends('EPERM', root, 'rmdir', 'd');
    g.equal(pread(writer, Buffer.alloc(20), 20, 0), 8, 'contents');
    for (const path of ['f', 'd']) setTo(g, path, 0);
    g.ends('ok', root, 'chmod', 'f', 0o600);
  });
  g.case('append-only', 'inode-flags', () => {
    g.file('f', 'contents', { mode: 0o666 });
    g.make('directory', 'd', { mode: 0o777 });
    g.make('file', 'd/x');
    for (const path of ['f', 'd']) setTo(g, path, flagBit.append);
    g.ends('EPERM', root, 'open', 'f', o.writeOnly, 0);
    g.ends('EPERM', root, 'open', 'f', o.writeOnly | o.append | o.truncate, 0);
    const fd = g.ok(root, 'open', 'f', o.writeOnly | o.append, 0);
    g.gives(4, root, 'write', fd, Buffer.from('more'), 4);
    g.has('f', { size: 12 });
    g.ends('EPERM', root, 'truncate', 'f', 0);
    g.ends('EPERM', root, 'ftruncate', fd, 100);
    g.ends('EPERM', root, 'chmod', 'f', 0o600);
    g.ends('EPERM', root, 'unlink', 'f');
    g.ends('EPERM', root, 'link', 'f', 'g');
    g.ends('ok', root, 'utimensat', here, 'f', null, 0);
    g.ends('ok', root, 'open', 'd/new', o.create | o.writeOnly, 0o600);
    g.ends('EPERM', root, 'unlink', 'd/new');
    g.ends('EPERM', root, 'rename', 'd/new', 'd/other');
    for (const path of ['f', 'd']) setTo(g, path, 0);
  });
  g.case('files and directories alone have flags', 'inode-flags', () => {
    g.make('fifo', 'fifo');
    const fd = g.ok(root, 'open', 'fifo', o.readOnly | o.nonblock, 0);
    g.gives('ENOTTY', root, 'ioctl', fd, getFlags, Buffer.alloc(8));
  });
}

const lock = { shared: 1, exclusive: 2, nonblock: 4, unlock: 8 } as const;
const ofdSet = 37;

/** struct flock: type, whence, start, length. */
function range(type: 'read' | 'write' | 'none', start: number, length: number): Buffer {
  const bytes = Buffer.alloc(32);
  bytes.writeInt16LE({ read: 0, write: 1, none: 2 }[type]);
  bytes.writeBigInt64LE(BigInt(start), 8);
  bytes.writeBigInt64LE(BigInt(length), 16);
  return bytes;
}

function locks(g: Ground): void {
  const two = (): readonly [number, number] => {
    g.file('f', 'contents');
    return [g.ok(root, 'open', 'f', o.readWrite, 0), g.ok(root, 'open', 'f', o.readWrite, 0)];
  };
  g.case('flock', 'locks', () => {
    const [a, b] = two();
    const { shared, exclusive, nonblock, unlock } = lock;
    g.gives(0, root, 'flock', a, shared);
    g.gives(0, root, 'flock', b, shared | nonblock);
    g.gives('EAGAIN', root, 'flock', a, exclusive | nonblock);
    g.gives(0, root, 'flock', b, unlock);
    g.gives(0, root, 'flock', a, exclusive | nonblock);
    g.gives('EAGAIN', root, 'flock', b, shared | nonblock);
    g.gives(0, root, 'flock', a, unlock);
    g.gives(0, root, 'flock', b, exclusive | nonblock);
  });
  g.case('locks of open file descriptions', 'locks', () => {
    const [a, b] = two();
    g.gives(0, root, 'fcntlLock', a, ofdSet, range('write', 0, 10));
    g.gives('EAGAIN', root, 'fcntlLock', b, ofdSet, range('read', 5, 1));
    g.gives(0, root, 'fcntlLock', b, ofdSet, range('write', 10, 10));
    g.gives('EAGAIN', root, 'fcntlLock', a, ofdSet, range('read', 0, 0));
    g.gives(0, root, 'fcntlLock', a, ofdSet, range('none', 0, 5));
    g.gives(0, root, 'fcntlLock', b, ofdSet, range('read', 0, 5));
    g.gives('EAGAIN', root, 'fcntlLock', b, ofdSet, range('read', 5, 1));
    g.gives(0, root, 'fcntlLock', a, ofdSet, range('read', 5, 5));
    g.gives(0, root, 'fcntlLock', b, ofdSet, range('read', 5, 5));
  });
}

/** What opening the handle ends in at last: the close of the last descriptor may still be under way. */
function goneWithin(place: number, handle: Buffer): string {
  const end = Date.now() + 5000;
  for (;;) {
    const fd = openByHandle(place, handle, o.readOnly);
    close(fd);
    if (typeof fd === 'string') return fd;
    if (Date.now() > end) return 'opened';
  }
}

function handles(g: Ground): void {
  g.case('handles', 'handles', () => {
    g.make('directory', 'd');
    g.file('d/f', 'contents');
    const place = g.ok(root, 'open', '.', o.readOnly | o.directory, 0);
    const handleOf = (path: string): Buffer => {
      const handle = Buffer.alloc(8 + 128);
      handle.writeUInt32LE(128);
      g.gives(0, root, 'nameToHandle', here, path, handle, new Int32Array(1), 0);
      return handle;
    };
    const [directory, file] = ['d', 'd/f'].map(handleOf);
    for (const handle of [directory, file]) {
      g.gives('EPERM', alice, 'openByHandle', place, handle, o.readOnly);
      g.ends('ok', root, 'openByHandle', place, handle, o.readOnly);
    }
    g.ok(root, 'rename', 'd/f', 'moved');
    const fd = openByHandle(place, file, o.readOnly);
    g.equal(typeof fd === 'number' ? pread(fd, Buffer.alloc(20), 20, 0) : fd, 8, 'contents by the handle');
    close(fd);
    g.ok(root, 'unlink', 'moved');
    g.equal(goneWithin(place, file), 'ESTALE', 'a removed file by its handle');
  });
}

export const marks: Table = {
  name: 'marks',
  run(g) {
    for (const part of [flags, locks, handles]) part(g);
  },
};
