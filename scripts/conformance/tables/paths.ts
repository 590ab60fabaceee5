/** What a path may be, the same for every system call that takes one: POSIX.1-2017, 4.13, and path_resolution(7). */

import { alice, root } from '../../trial/identity.js';
import type { Ground, Table } from '../ground.js';
import { at, here, o } from '../system-calls.js';

/** Each call on a path that has to exist. */
type OnPath = (g: Ground, expected: string, path: string) => void;
const existing: Readonly<Record<string, OnPath>> = {
  open: (g, e, p) => g.ends(e, root, 'open', p, o.readOnly, 0),
  chmod: (g, e, p) => g.ends(e, root, 'chmod', p, 0o700),
  chown: (g, e, p) => g.ends(e, root, 'chown', p, 0, 0),
  truncate: (g, e, p) => g.ends(e, root, 'truncate', p, 0),
  utimensat: (g, e, p) => g.ends(e, root, 'utimensat', here, p, null, 0),
  faccessat: (g, e, p) => g.ends(e, root, 'faccessat', here, p, 0, 0),
  getxattr: (g, e, p) => g.ends(e === 'ok' ? 'ENODATA' : e, root, 'getxattr', p, 'user.none', new Uint8Array(1), 1),
};
/** Each on a name that it makes or removes. */
const making: Readonly<Record<string, OnPath>> = {
  'open with O_CREAT': (g, e, p) => g.ends(e, root, 'open', p, o.create | o.writeOnly, 0o600),
  mkdir: (g, e, p) => g.ends(e, root, 'mkdir', p, 0o700),
  mknod: (g, e, p) => g.ends(e, root, 'mknod', p, 0o010600, 0),
  symlink: (g, e, p) => g.ends(e, root, 'symlink', 'x', p),
  link: (g, e, p) => g.ends(e, root, 'link', 'file', p),
  rename: (g, e, p) => g.ends(e, root, 'rename', 'spare', p),
};
const removing: Readonly<Record<string, OnPath>> = {
  unlink: (g, e, p) => g.ends(e, root, 'unlink', p),
  rmdir: (g, e, p) => g.ends(e, root, 'rmdir', p),
  'rename of': (g, e, p) => g.ends(e, root, 'rename', p, 'elsewhere'),
  'link of': (g, e, p) => g.ends(e, root, 'link', p, 'elsewhere'),
};
const all = { ...existing, ...making, ...removing };

const ground = (g: Ground): void => {
  g.make('file', 'file');
  g.make('file', 'spare');
  g.make('directory', 'directory');
  g.ok(root, 'symlink', 'loop', 'loop');
  g.ok(root, 'symlink', 'pong', 'ping');
  g.ok(root, 'symlink', 'ping', 'pong');
};

const longName = 'n'.repeat(256);
/** 4096 bytes with the NUL are the limit. */
const tooLong = `${'./'.repeat(2045)}file12`;

function errors(g: Ground): void {
  for (const [name, call] of Object.entries(all)) {
    g.case(name, () => {
      ground(g);
      call(g, 'ENOENT', 'none/x');
      call(g, 'ENOENT', '');
      call(g, 'ENOTDIR', 'file/x');
      call(g, 'ENOTDIR', 'file/x/y');
      call(g, 'ELOOP', 'loop/x');
      call(g, 'ELOOP', 'ping/x');
      call(g, 'ENAMETOOLONG', longName);
      call(g, 'ENAMETOOLONG', `directory/${longName}`);
      call(g, 'ENAMETOOLONG', tooLong);
    });
  }
}

function links(g: Ground): void {
  g.case('a link to itself can be removed and renamed, and not followed', () => {
    ground(g);
    for (const call of Object.values(existing)) call(g, 'ELOOP', 'loop');
    g.ok(root, 'rename', 'loop', 'again');
    g.ok(root, 'unlink', 'again');
    g.ok(root, 'lchown', 'ping', 1, 1);
    g.has('ping', { type: 'symlink', uid: 1, gid: 1 });
  });
  g.case('forty links in a row are followed, and not more', () => {
    g.file('0', 'x');
    for (let i = 1; i <= 41; i++) g.ok(root, 'symlink', String(i - 1), String(i));
    for (const call of Object.values(existing)) {
      call(g, 'ok', '40');
      call(g, 'ELOOP', '41');
    }
  });
  g.case('a link that leads nowhere', () => {
    g.ok(root, 'symlink', 'nowhere', 'link');
    for (const call of Object.values(existing)) call(g, 'ENOENT', 'link');
    g.ends('EEXIST', root, 'mkdir', 'link', 0o700);
    g.ends('EEXIST', root, 'open', 'link', o.create | o.exclusive | o.writeOnly, 0o600);
    g.ends('ok', root, 'open', 'link', o.create | o.writeOnly, 0o600);
    g.has('nowhere', { type: 'file' });
  });
}

function slashes(g: Ground): void {
  g.case('a slash at the end means a directory', () => {
    ground(g);
    for (const [name, call] of Object.entries(existing)) if (name !== 'truncate') call(g, 'ok', 'directory/');
    for (const call of Object.values(existing)) call(g, 'ENOTDIR', 'file/');
    g.ends('ENOTDIR', root, 'unlink', 'file/');
    g.ends('ENOTDIR', root, 'rename', 'file/', 'x');
    g.ends('ENOTDIR', root, 'rename', 'file', 'x/');
    g.ends('ok', root, 'mkdir', 'made/', 0o755);
    g.ends('ok', root, 'rename', 'made/', 'moved/');
    g.ends('ok', root, 'rmdir', 'moved/');
    g.ends('EISDIR', root, 'open', 'none/', o.create | o.writeOnly, 0o600);
  });
  g.case('dots and repeated slashes', () => {
    ground(g);
    for (const call of Object.values(existing)) call(g, 'ok', './/directory///../file');
    g.ends('EINVAL', root, 'rmdir', 'directory/.');
    g.ends('ENOTEMPTY', root, 'rmdir', 'directory/..');
    g.ends('EBUSY', root, 'rename', 'directory/.', 'x');
    g.ends('EBUSY', root, 'rename', 'directory/..', 'x');
    g.ends('EBUSY', root, 'rename', 'directory', '.');
    g.ends('EEXIST', root, 'mkdir', '.', 0o755);
    g.ends('EEXIST', root, 'mkdir', 'directory/..', 0o755);
    g.ends('EISDIR', root, 'unlink', 'directory');
  });
}

function names(g: Ground): void {
  g.case('names of any bytes and up to 255 of them', () => {
    const odd = [
      'n'.repeat(255),
      ' ',
      '-',
      '*',
      '...',
      'a\nb',
      '\u{1F30D}',
      'é',
      '\u0001',
      '\\',
      `${'ä'.repeat(127)}x`,
    ];
    for (const name of odd) {
      g.ends('ok', root, 'open', name, o.create | o.writeOnly, 0o600);
      g.has(name, { type: 'file', size: 0 });
      g.ok(root, 'rename', name, 'other');
      g.ok(root, 'rename', 'other', name);
      g.ok(root, 'link', name, 'second');
      g.ok(root, 'unlink', 'second');
      g.ok(root, 'unlink', name);
      g.absent(name);
      g.ok(root, 'mkdir', name, 0o755);
      g.ok(root, 'rmdir', name);
    }
  });
  g.case('a path of 4,095 bytes', () => {
    g.file('f', 'x');
    const path = `${'./'.repeat(2047)}f`;
    for (const call of Object.values(existing)) call(g, 'ok', path);
    for (const call of Object.values(existing)) call(g, 'ENAMETOOLONG', `/${path}`);
  });
  g.case('a link to as long a path', () => {
    const target = `${'./'.repeat(2047)}f`;
    g.file('f', 'x');
    g.ok(root, 'symlink', target, 'link');
    g.has('link', { type: 'symlink', size: 4095 });
    g.ends('ok', root, 'open', 'link', o.readOnly, 0);
    g.ends('ENAMETOOLONG', root, 'symlink', `.${target}`, 'longer');
    g.ends('ENOENT', root, 'symlink', '', 'empty');
    g.ok(root, 'unlink', 'link');
  });
}

function search(g: Ground): void {
  g.case('every directory on the way must be searchable', () => {
    g.make('directory', 'closed', { mode: 0o766 });
    g.make('directory', 'closed/open', { mode: 0o777 });
    g.make('file', 'closed/open/file', { mode: 0o666 });
    g.make('directory', 'passable', { mode: 0o711 });
    g.make('file', 'passable/file', { mode: 0o666 });
    for (const [path, expected] of [
      ['closed/open/file', 'EACCES'],
      ['passable/file', 'ok'],
    ] as const) {
      g.ends(expected, alice, 'open', path, o.readOnly, 0);
      g.ends(expected, alice, 'truncate', path, 0);
      g.ends(expected, alice, 'faccessat', here, path, 4, at.effectiveIds);
      g.ends(expected === 'ok' ? 'EPERM' : expected, alice, 'chmod', path, 0o600);
      g.ends(expected === 'ok' ? 'EPERM' : expected, alice, 'chown', path, alice.uid, -1);
      g.ends(expected, alice, 'utimensat', here, path, null, 0);
      g.ends('EACCES', alice, 'unlink', path);
      g.ends('EACCES', alice, 'rename', path, 'x');
    }
    g.ends('EACCES', alice, 'mkdir', 'closed/x', 0o755);
    g.ends('EACCES', alice, 'symlink', 'x', 'closed/x');
    g.ends('EACCES', alice, 'mknod', 'closed/x', 0o010600, 0);
  });
}

export const paths: Table = {
  name: 'paths',
  run(g) {
    for (const part of [errors, links, slashes, names, search]) part(g);
  },
};
