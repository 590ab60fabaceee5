/** Extended attributes and ACLs as system calls see them. */

import { alice, as, bob, root, sharedGroup } from '../../trial/identity.js';
import { type Ground, type Table, types } from '../ground.js';
import { at, getxattr, here, listxattr, o } from '../system-calls.js';

const flag = { create: 1, replace: 2 } as const;
const value = Buffer.from('value');

function read(path: string, name: string, who = root): string {
  const into = Buffer.alloc(65_536);
  const length = as(who, () => getxattr(path, name, into, into.length));
  return typeof length === 'string' ? length : into.subarray(0, length).toString('hex');
}

function names(path: string, who = root): string {
  const into = Buffer.alloc(65_536);
  const length = as(who, () => listxattr(path, into, into.length));
  // A security module may have one of its own on every file.
  const all = typeof length === 'string' ? [length] : into.toString('latin1', 0, length).split('\0');
  return all
    .filter((name) => name !== '' && !name.startsWith('security.'))
    .sort()
    .join(' ');
}

function xattrs(g: Ground): void {
  g.case('set, get, list, remove', () => {
    g.file('f', 'x');
    g.gives('ENODATA', root, 'getxattr', 'f', 'user.a', Buffer.alloc(9), 9);
    g.gives('ENODATA', root, 'removexattr', 'f', 'user.a');
    g.gives('ENODATA', root, 'setxattr', 'f', 'user.a', value, 5, flag.replace);
    g.ok(root, 'setxattr', 'f', 'user.a', value, 5, flag.create);
    g.gives('EEXIST', root, 'setxattr', 'f', 'user.a', value, 5, flag.create);
    g.ok(root, 'setxattr', 'f', 'user.a', value, 3, flag.replace);
    g.gives(3, root, 'getxattr', 'f', 'user.a', Buffer.alloc(9), 0);
    g.gives('ERANGE', root, 'getxattr', 'f', 'user.a', Buffer.alloc(9), 2);
    g.equal(read('f', 'user.a'), Buffer.from('val').toString('hex'), 'value');
    g.ok(root, 'setxattr', 'f', 'user.empty', Buffer.alloc(1), 0, 0);
    g.gives(0, root, 'getxattr', 'f', 'user.empty', Buffer.alloc(9), 9);
    g.equal(names('f'), 'user.a user.empty', 'names');
    g.gives('ERANGE', root, 'listxattr', 'f', Buffer.alloc(9), 3);
    g.ok(root, 'removexattr', 'f', 'user.a');
    g.equal(names('f'), 'user.empty', 'names');
  });
  g.case('names', () => {
    g.file('f', 'x');
    g.gives('EOPNOTSUPP', root, 'setxattr', 'f', 'nonsense.a', value, 5, 0);
    g.gives('EOPNOTSUPP', root, 'setxattr', 'f', 'nonsense', value, 5, 0);
    g.gives('EOPNOTSUPP', root, 'setxattr', 'f', 'system.nonsense', value, 5, 0);
    g.gives('EINVAL', root, 'setxattr', 'f', 'user.', value, 5, 0);
    g.gives('ERANGE', root, 'setxattr', 'f', '', value, 5, 0);
    g.gives('ERANGE', root, 'setxattr', 'f', `user.${'n'.repeat(251)}`, value, 5, 0);
    g.ok(root, 'setxattr', 'f', `user.${'n'.repeat(250)}`, value, 5, 0);
    g.ok(root, 'setxattr', 'f', 'user.ä b\n', value, 5, 0);
    g.gives('EINVAL', root, 'setxattr', 'f', 'user.a', value, 5, 8);
  });
  g.case('values', () => {
    g.file('f', 'x');
    for (const length of [1, 100, 1000, 2047, 2048, 2049, 3000]) {
      const bytes = Buffer.alloc(length, length & 0xff);
      g.ok(root, 'setxattr', 'f', 'user.v', bytes, length, 0);
      g.equal(read('f', 'user.v'), bytes.toString('hex'), `${length} bytes`);
    }
  });
  g.case('values of up to 64 KiB', 'large-xattrs', () => {
    g.file('f', 'x');
    for (const length of [5000, 30_000, 65_535, 65_536]) {
      const bytes = Buffer.alloc(length, length & 0xff);
      g.ok(root, 'setxattr', 'f', 'user.v', bytes, length, 0);
      g.equal(read('f', 'user.v'), bytes.toString('hex'), `${length} bytes`);
    }
    g.gives('E2BIG', root, 'setxattr', 'f', 'user.v', Buffer.alloc(65_537), 65_537, 0);
  });
  g.case('who may do what in which namespace', () => {
    for (const type of types) {
      g.make(type, type, { owner: type === 'symlink' ? root : alice, mode: type === 'directory' ? 0o755 : 0o644 });
      const plain = type === 'file' || type === 'directory';
      if (type === 'symlink') {
        g.gives('EPERM', root, 'lsetxattr', type, 'user.a', value, 5, 0);
        g.gives(0, root, 'lsetxattr', type, 'trusted.a', value, 5, 0);
        continue;
      }
      g.ends(plain ? 'ok' : 'EPERM', alice, 'setxattr', type, 'user.a', value, 5, 0);
      g.ends(plain ? 'ok' : 'EPERM', root, 'setxattr', type, 'user.b', value, 5, 0);
      g.ends(plain ? 'EACCES' : 'EPERM', bob, 'setxattr', type, 'user.a', value, 5, 0);
      g.ends(plain ? 'ok' : 'ENODATA', bob, 'getxattr', type, 'user.a', Buffer.alloc(9), 9);
      for (const who of [alice, bob]) {
        g.gives('EPERM', who, 'setxattr', type, 'trusted.a', value, 5, 0);
        g.gives('EPERM', who, 'setxattr', type, 'security.a', value, 5, 0);
      }
      g.ok(root, 'setxattr', type, 'trusted.a', value, 5, 0);
      g.ok(root, 'setxattr', type, 'security.a', value, 5, 0);
      g.gives(5, root, 'getxattr', type, 'trusted.a', Buffer.alloc(9), 9);
      g.gives('ENODATA', alice, 'getxattr', type, 'trusted.a', Buffer.alloc(9), 9);
      g.gives(5, bob, 'getxattr', type, 'security.a', Buffer.alloc(9), 9);
      g.equal(names(type, root), plain ? 'trusted.a user.a user.b' : 'trusted.a', 'names for root');
      g.equal(names(type, alice), plain ? 'user.a user.b' : '', 'names for the owner');
      g.gives('EPERM', alice, 'removexattr', type, 'trusted.a');
    }
    g.make('file', 'closed', { mode: 0o600 });
    g.gives('EACCES', bob, 'getxattr', 'closed', 'user.a', Buffer.alloc(9), 9);
    g.make('directory', 'sticky', { mode: 0o1777 });
    g.gives('EPERM', alice, 'setxattr', 'sticky', 'user.a', value, 5, 0);
  });
  g.case('security.capability goes with a write and a change of owner', () => {
    // Version 2, CAP_NET_RAW permitted and effective.
    const capability = Buffer.from('0100000200200000000000000000000000000000', 'hex');
    for (const [i, work] of [
      (path: string) => g.with(alice, path, o.writeOnly, (fd) => g.gives(1, alice, 'pwrite', fd, value, 1, 0)),
      (path: string) => g.ok(alice, 'truncate', path, 0),
      (path: string) => g.ok(root, 'chown', path, bob.uid, -1),
    ].entries()) {
      g.file(`f${i}`, 'x', { owner: alice });
      g.ok(root, 'setxattr', `f${i}`, 'security.capability', capability, capability.length, 0);
      g.equal(read(`f${i}`, 'security.capability'), capability.toString('hex'), 'as set');
      work(`f${i}`);
      g.equal(read(`f${i}`, 'security.capability'), 'ENODATA', 'afterwards');
    }
  });
}

const tag = { u: 1, U: 2, g: 4, G: 8, m: 16, o: 32 } as const;
type Entry = readonly [keyof typeof tag, number, number?];
const access = 'system.posix_acl_access';
const byDefault = 'system.posix_acl_default';

function aclBytes(...entries: readonly Entry[]): Buffer {
  const bytes = Buffer.alloc(4 + entries.length * 8);
  bytes.writeUInt32LE(2);
  for (const [i, [letter, bits, id]] of entries.entries()) {
    bytes.writeUInt16LE(tag[letter], 4 + i * 8);
    bytes.writeUInt16LE(bits, 6 + i * 8);
    bytes.writeUInt32LE(id ?? 0xffffffff, 8 + i * 8);
  }
  return bytes;
}

function acls(g: Ground): void {
  const wide = aclBytes(['u', 7], ['U', 6, bob.uid], ['g', 5], ['G', 4, sharedGroup], ['m', 7], ['o', 1]);
  const set = (path: string, name: string, bytes: Buffer, expected = 'ok', who = root): void =>
    g.ends(expected, who, 'setxattr', path, name, bytes, bytes.length, 0);
  g.case('an access ACL and the mode', 'acl', () => {
    for (const type of types) {
      if (type === 'symlink') continue;
      g.make(type, type, { owner: alice, mode: 0o4700 });
      g.equal(read(type, access), 'ENODATA', 'at first');
      set(type, access, wide, 'EPERM', bob);
      set(type, access, wide, 'ok', alice);
      g.has(type, { mode: 0o4771 });
      g.equal(read(type, access), wide.toString('hex'), 'as set');
      g.ok(alice, 'chmod', type, 0o640);
      g.has(type, { mode: 0o640 });
      const masked = aclBytes(['u', 6], ['U', 6, bob.uid], ['g', 5], ['G', 4, sharedGroup], ['m', 4], ['o', 0]);
      g.equal(read(type, access), masked.toString('hex'), 'after chmod');
      set(type, access, aclBytes(['u', 6], ['g', 4], ['o', 0]));
      g.equal(read(type, access), 'ENODATA', 'one that says what the mode says');
      g.has(type, { mode: 0o640 });
      g.ok(alice, 'removexattr', type, access);
      set(type, byDefault, wide, type === 'directory' ? 'ok' : 'EACCES');
    }
    g.make('symlink', 'link');
    g.gives('EOPNOTSUPP', root, 'lsetxattr', 'link', access, wide, wide.length, 0);
  });
  g.case('what is no ACL', 'acl', () => {
    g.make('file', 'f');
    const bad: readonly Buffer[] = [
      aclBytes(['u', 7], ['g', 7]),
      aclBytes(['u', 7], ['o', 7]),
      aclBytes(['g', 7], ['o', 7]),
      aclBytes(['u', 7], ['U', 7, 5], ['g', 7], ['o', 7]),
      aclBytes(['u', 7], ['g', 7], ['G', 7, 5], ['o', 7]),
      aclBytes(['u', 7], ['g', 7], ['o', 7], ['m', 7]),
      aclBytes(['u', 15], ['g', 7], ['o', 7]),
      aclBytes(['u', 7], ['u', 7], ['g', 7], ['o', 7]),
      aclBytes(['u', 7], ['g', 7], ['o', 7]).subarray(0, 20),
    ];
    for (const bytes of bad) set('f', access, bytes, 'EINVAL');
    const version = aclBytes(['u', 7], ['g', 7], ['o', 7]);
    version.writeUInt32LE(1);
    set('f', access, version, 'EOPNOTSUPP');
  });
  g.case('decisions', 'acl', () => {
    g.file('f', 'x', { owner: alice });
    const may = (who: typeof bob, bits: string): void => {
      for (const [i, letter] of ['r', 'w', 'x'].entries()) {
        const expected = bits.includes(letter) ? 'ok' : 'EACCES';
        g.ends(expected, who, 'faccessat', here, 'f', 4 >> i, at.effectiveIds);
      }
    };
    set('f', access, aclBytes(['u', 4], ['U', 6, bob.uid], ['g', 1], ['m', 7], ['o', 1]));
    may(bob, 'rw');
    may(alice, 'r');
    set('f', access, aclBytes(['u', 4], ['U', 6, bob.uid], ['g', 1], ['m', 4], ['o', 7]));
    may(bob, 'r');
    g.ok(root, 'chown', 'f', 0, 0);
    set('f', access, aclBytes(['u', 7], ['g', 7], ['G', 2, sharedGroup], ['G', 5, bob.gid], ['m', 3], ['o', 4]));
    may(alice, 'w');
    may(bob, 'x');
    set('f', access, aclBytes(['u', 7], ['U', 0, bob.uid], ['g', 7], ['m', 7], ['o', 7]));
    may(bob, '');
    may(alice, 'rwx');
    g.ends('EACCES', bob, 'open', 'f', o.readOnly, 0);
    g.ends('ok', alice, 'open', 'f', o.readWrite, 0);
  });
  g.case('inheritance', 'acl', 'umask-apart', () => {
    const defaults = aclBytes(['u', 7], ['U', 7, bob.uid], ['g', 5], ['m', 7], ['o', 4]);
    g.make('directory', 'd', { mode: 0o777 });
    set('d', byDefault, defaults);
    g.has('d', { mode: 0o777 });
    process.umask(0o077);
    g.ends('ok', alice, 'open', 'd/file', o.create | o.writeOnly, 0o640);
    g.has('d/file', { mode: 0o640, uid: alice.uid });
    const onFile = aclBytes(['u', 6], ['U', 7, bob.uid], ['g', 5], ['m', 4], ['o', 0]);
    g.equal(read('d/file', access), onFile.toString('hex'), 'of the file');
    g.ok(alice, 'mkdir', 'd/sub', 0o777);
    g.has('d/sub', { mode: 0o774 });
    g.equal(read('d/sub', access), defaults.toString('hex'), 'of the directory');
    g.equal(read('d/sub', byDefault), defaults.toString('hex'), 'its default');
    g.ok(alice, 'mknod', 'd/sub/fifo', 0o010666, 0);
    g.has('d/sub/fifo', { mode: 0o664 });
    g.ok(alice, 'symlink', 'x', 'd/link');
    g.has('d/link', { mode: 0o777 });
    g.ends('ok', bob, 'open', 'd/sub/new', o.create | o.writeOnly, 0o666);
    g.has('d/sub/new', { mode: 0o664, uid: bob.uid });
    process.umask(0);
    set('d', byDefault, aclBytes(['u', 7], ['g', 5], ['o', 0]));
    process.umask(0o777);
    g.ends('ok', alice, 'open', 'd/plain', o.create | o.writeOnly, 0o666);
    g.has('d/plain', { mode: 0o640 });
    g.equal(read('d/plain', access), 'ENODATA', 'of a file where the mode says it all');
    process.umask(0);
    g.ok(root, 'removexattr', 'd', byDefault);
    g.equal(read('d', byDefault), 'ENODATA', 'removed');
    g.ok(root, 'removexattr', 'd', byDefault);
  });
}

export const attributes: Table = {
  name: 'attributes',
  run(g) {
    for (const part of [xattrs, acls]) part(g);
  },
};
