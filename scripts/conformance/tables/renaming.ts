/** rename, renameat2 and link. */

import { alice, root } from '../../trial/identity.js';
import { type Ground, type Table, type Type, types } from '../ground.js';
import { here, o, readdir } from '../system-calls.js';

const flag = { noReplace: 1, exchange: 2, whiteout: 4 } as const;
const isDirectory = (type: Type): boolean => type === 'directory';

function replaces(g: Ground): void {
  for (const from of types) {
    g.case(`a ${from} to every other`, () => {
      for (const to of types) {
        g.make(from, 'from');
        g.make(to, 'to');
        const expected = isDirectory(from) === isDirectory(to) ? 'ok' : isDirectory(to) ? 'EISDIR' : 'ENOTDIR';
        g.ends(expected, root, 'rename', 'from', 'to');
        g.has('to', { type: expected === 'ok' ? from : to, links: isDirectory(expected === 'ok' ? from : to) ? 2 : 1 });
        if (expected === 'ok') g.absent('from');
        else g.ok(root, isDirectory(from) ? 'rmdir' : 'unlink', 'from');
        g.ok(root, isDirectory(expected === 'ok' ? from : to) ? 'rmdir' : 'unlink', 'to');
      }
    });
  }
}

function flags(g: Ground): void {
  g.case('RENAME_NOREPLACE', 'rename-flags', () => {
    for (const type of types) {
      g.make(type, type);
      g.make('file', `f-${type}`);
      g.make('directory', `d-${type}`);
      for (const to of [`f-${type}`, `d-${type}`, type]) {
        g.gives('EEXIST', root, 'renameat2', here, type, here, to, flag.noReplace);
      }
      g.gives(0, root, 'renameat2', here, type, here, `new-${type}`, flag.noReplace);
      g.has(`new-${type}`, { type });
      g.absent(type);
    }
  });
  g.case('RENAME_EXCHANGE', 'rename-flags', () => {
    for (const a of types) {
      for (const b of types) {
        g.make(a, 'a');
        g.make('directory', 'd');
        g.make(b, 'd/b');
        g.gives(0, root, 'renameat2', here, 'a', here, 'd/b', flag.exchange);
        g.has('a', { type: b });
        g.has('d/b', { type: a });
        g.has('d', { links: isDirectory(a) ? 3 : 2 });
        g.ok(root, isDirectory(b) ? 'rmdir' : 'unlink', 'a');
        g.ok(root, isDirectory(a) ? 'rmdir' : 'unlink', 'd/b');
        g.ok(root, 'rmdir', 'd');
      }
    }
    g.make('file', 'a');
    g.gives('ENOENT', root, 'renameat2', here, 'a', here, 'none', flag.exchange);
    g.gives('ENOENT', root, 'renameat2', here, 'none', here, 'a', flag.exchange);
    g.gives('EINVAL', root, 'renameat2', here, 'a', here, 'b', flag.exchange | flag.noReplace);
    g.gives('EINVAL', root, 'renameat2', here, 'a', here, 'b', 8);
    g.make('directory', 'd');
    g.make('directory', 'd/e');
    g.gives('EINVAL', root, 'renameat2', here, 'd', here, 'd/e', flag.exchange);
    g.gives('EINVAL', root, 'renameat2', here, 'd/e', here, 'd', flag.exchange);
  });
  g.case('RENAME_WHITEOUT', 'whiteout', () => {
    for (const type of types) {
      g.make(type, type);
      g.gives(0, root, 'renameat2', here, type, here, `new-${type}`, flag.whiteout);
      g.has(`new-${type}`, { type });
      g.has(type, { type: 'character', mode: 0, links: 1 });
    }
    g.gives('EINVAL', root, 'renameat2', here, 'file', here, 'x', flag.whiteout | flag.exchange);
  });
}

function directories(g: Ground): void {
  g.case('directories move with what is in them', () => {
    for (const path of ['a', 'a/b', 'a/b/c', 'x']) g.make('directory', path);
    g.file('a/b/c/f', 'contents');
    g.ends('EINVAL', root, 'rename', 'a', 'a/b');
    g.ends('EINVAL', root, 'rename', 'a', 'a/b/c/d');
    g.ends('ENOTEMPTY', root, 'rename', 'x', 'a');
    g.ends('ENOTEMPTY', root, 'rename', 'a/b', 'a');
    g.ends('ok', root, 'rename', 'a/b', 'x/b');
    g.has('a', { links: 2 });
    g.has('x', { links: 3 });
    g.has('x/b/c/f', { size: 8 });
    g.equal(readdir('x/b/..'), 'b', 'x/b/..');
    g.ends('ok', root, 'rename', 'x/b', 'a');
    g.has('x', { links: 2 });
    g.has('a/c/f', { size: 8 });
    g.ends('ok', root, 'rename', 'a', 'a');
    g.ends('ENOENT', root, 'rename', 'none', 'a');
    g.ends('ENOENT', root, 'rename', 'a', 'none/a');
  });
  g.case('two names of one file', () => {
    g.file('f', 'x');
    g.ok(root, 'link', 'f', 'g');
    g.ends('ok', root, 'rename', 'f', 'g');
    g.has('f', { links: 2 });
    g.has('g', { links: 2 });
    g.ends('ok', root, 'rename', 'f', 'f');
    g.has('f', { links: 2 });
  });
  g.case('a directory that gets another parent must be writable', () => {
    g.make('directory', 'from', { mode: 0o777 });
    g.make('directory', 'to', { mode: 0o777 });
    g.make('directory', 'from/closed', { mode: 0o755 });
    g.make('directory', 'from/open', { mode: 0o777 });
    g.make('file', 'from/file', { mode: 0o600 });
    g.ends('EACCES', alice, 'rename', 'from/closed', 'to/closed');
    g.ends('ok', alice, 'rename', 'from/closed', 'from/here');
    g.ends('ok', alice, 'rename', 'from/open', 'to/open');
    g.ends('ok', alice, 'rename', 'from/file', 'to/file');
  });
  g.case('what is replaced lives on while it is open', () => {
    g.file('a', 'old');
    g.file('b', 'new!');
    const fd = g.ok(root, 'open', 'a', o.readOnly, 0);
    g.ok(root, 'rename', 'b', 'a');
    g.gives(3, root, 'pread', fd, Buffer.alloc(9), 9, 0);
    g.has('a', { size: 4, links: 1 });
  });
}

function links(g: Ground): void {
  g.case('link', () => {
    g.make('directory', 'd');
    for (const type of types) {
      g.make(type, type, { mode: 0o640, owner: type === 'symlink' ? root : alice });
      const expected = isDirectory(type) ? 'EPERM' : 'ok';
      g.ends(expected, root, 'link', type, `d/${type}`);
      if (expected === 'ok') {
        g.has(type, { links: 2 });
        g.has(`d/${type}`, { type, links: 2 });
        g.ends('EEXIST', root, 'link', type, `d/${type}`);
        g.ok(root, 'unlink', type);
        g.has(`d/${type}`, { type, links: 1 });
      }
    }
    g.ends('EPERM', root, 'link', 'directory', 'other');
    g.ends('ENOENT', root, 'link', 'none', 'other');
    g.ends('ENOENT', root, 'link', 'd/file', 'none/x');
    g.ends('ENOTDIR', root, 'link', 'd/file', 'd/file/x');
    g.ends('EACCES', alice, 'link', 'd/file', 'd/alice');
    g.ends('ok', alice, 'link', 'd/file', 'mine');
    g.has('mine', { uid: alice.uid, mode: 0o640, links: 2 });
  });
  g.case('all names show one file', () => {
    g.file('f', 'x');
    for (let i = 0; i < 20; i++) g.ok(root, 'link', 'f', `l${i}`);
    g.ok(root, 'chmod', 'l7', 0o601);
    g.ok(root, 'chown', 'l8', 7, 8);
    g.ok(root, 'truncate', 'l9', 99);
    for (let i = 0; i < 20; i++) g.has(`l${i}`, { mode: 0o601, uid: 7, gid: 8, size: 99, links: 21 });
  });
}

export const renaming: Table = {
  name: 'renaming',
  run(g) {
    for (const part of [replaces, flags, directories, links]) part(g);
  },
};
