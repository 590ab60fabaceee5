/** unlink and rmdir: what goes, what stays, who may; and what is left of a file that is open. */

import { alice, bob, root, type User } from '../../trial/identity.js';
import { type Ground, type Table, types } from '../ground.js';
import { o } from '../system-calls.js';

const users = [root, alice, bob];

function kinds(g: Ground): void {
  g.case('unlink takes all but directories, rmdir only those', () => {
    for (const type of types) {
      g.make(type, type);
      g.make(type, `${type}-2`);
      const isDirectory = type === 'directory';
      g.ends(isDirectory ? 'EISDIR' : 'ok', root, 'unlink', type);
      g.ends(isDirectory ? 'ok' : 'ENOTDIR', root, 'rmdir', `${type}-2`);
      g.ends(isDirectory ? 'EISDIR' : 'ENOENT', root, 'unlink', type);
    }
  });
  g.case('rmdir wants an empty directory', () => {
    for (const type of types) {
      g.make('directory', `d-${type}`);
      g.make(type, `d-${type}/x`);
      g.ends('ENOTEMPTY', root, 'rmdir', `d-${type}`);
      g.ends('ok', root, type === 'directory' ? 'rmdir' : 'unlink', `d-${type}/x`);
      g.ends('ok', root, 'rmdir', `d-${type}`);
      g.absent(`d-${type}`);
    }
  });
  g.case('links are counted', () => {
    g.make('directory', 'd');
    g.has('d', { links: 2 });
    for (const name of ['a', 'b', 'c']) g.make('directory', `d/${name}`);
    g.make('file', 'd/file');
    g.has('d', { links: 5 });
    g.ok(root, 'rmdir', 'd/a');
    g.has('d', { links: 4 });
    g.ok(root, 'link', 'd/file', 'second');
    g.has('second', { links: 2 });
    g.ok(root, 'unlink', 'd/file');
    g.has('second', { links: 1 });
  });
}

/** The directory's mode, its owner, the entry's owner; who of root, alice, bob may remove it. */
const sticky: readonly (readonly [number, User, User, readonly string[]])[] = [
  [0o777, root, root, ['ok', 'ok', 'ok']],
  [0o777, root, bob, ['ok', 'ok', 'ok']],
  [0o1777, root, root, ['ok', 'EPERM', 'EPERM']],
  [0o1777, root, alice, ['ok', 'ok', 'EPERM']],
  [0o1777, alice, root, ['ok', 'ok', 'EPERM']],
  [0o1777, alice, bob, ['ok', 'ok', 'ok']],
  [0o1777, alice, alice, ['ok', 'ok', 'EPERM']],
  [0o755, root, alice, ['ok', 'EACCES', 'EACCES']],
  [0o755, alice, bob, ['ok', 'ok', 'EACCES']],
  [0o1755, alice, bob, ['ok', 'ok', 'EACCES']],
  [0o776, root, alice, ['ok', 'EACCES', 'EACCES']],
  [0o773, root, bob, ['ok', 'ok', 'ok']],
];

function permissions(g: Ground): void {
  for (const [mode, owner, entryOwner, expected] of sticky) {
    g.case(`in a directory ${mode.toString(8)} of ${owner.name}, an entry of ${entryOwner.name}`, () => {
      g.make('directory', 'd', { mode, owner });
      g.make('directory', 'aside', { mode: 0o777 });
      for (const [i, who] of users.entries()) {
        // What the last one could not remove is still there.
        if (i === 0 || expected[i - 1] === 'ok') {
          for (const name of ['d/f', 'd/r', 'd/over']) g.make('file', name, { owner: entryOwner, mode: 0o666 });
          g.make('directory', 'd/sub', { owner: entryOwner, mode: 0o777 });
        }
        g.ends(expected[i], who, 'unlink', 'd/f');
        g.ends(expected[i], who, 'rmdir', 'd/sub');
        g.ends(expected[i], who, 'rename', 'd/r', `aside/${who.name}`);
        g.make('file', `aside/new-${who.name}`, { owner: who });
        g.ends(expected[i], who, 'rename', `aside/new-${who.name}`, 'd/over');
        if (expected[i] === 'ok') g.ok(root, 'unlink', 'd/over');
      }
    });
  }
}

function open(g: Ground): void {
  g.case('an open file lives on', () => {
    g.file('f', 'contents');
    const fd = g.ok(root, 'open', 'f', o.readWrite, 0);
    g.ok(root, 'unlink', 'f');
    g.absent('f');
    g.gives(8, root, 'pread', fd, Buffer.alloc(20), 20, 0);
    g.gives(4, root, 'pwrite', fd, Buffer.from('more'), 4, 8);
    g.gives(12, root, 'pread', fd, Buffer.alloc(20), 20, 0);
    g.ok(root, 'ftruncate', fd, 3);
    g.ok(root, 'fchmod', fd, 0o600);
    g.ok(root, 'fchown', fd, 5, 6);
    g.ok(root, 'fsync', fd);
    g.gives(3, root, 'pread', fd, Buffer.alloc(20), 20, 0);
    g.file('f', 'another');
    g.has('f', { size: 7, uid: 0 });
    g.gives(3, root, 'pread', fd, Buffer.alloc(20), 20, 0);
  });
  g.case('a removed directory takes nothing more', 'removed-places', () => {
    g.make('directory', 'd');
    process.chdir('d');
    g.ok(root, 'rmdir', '../d');
    g.ends('ENOENT', root, 'open', 'x', o.create | o.writeOnly, 0o600);
    g.ends('ENOENT', root, 'mkdir', 'x', 0o700);
    g.ends('ENOENT', root, 'symlink', 'x', 'y');
    g.ends('ok', root, 'open', '.', o.readOnly, 0);
    g.has('.', { links: 0 });
  });
}

export const removal: Table = {
  name: 'removal',
  run(g) {
    for (const part of [kinds, permissions, open]) part(g);
  },
};
