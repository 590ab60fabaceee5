/** What comes of open with O_CREAT, mkdir, mknod and symlink: types, modes under the umask, owners, and refusals. */

import { alice, bob, root, sharedGroup, type User } from '../../trial/identity.js';
import { type Ground, type Table, type Type, types } from '../ground.js';
import { at, here, o, readdir } from '../system-calls.js';

const { symlinkFollow } = at;

type Make = (g: Ground, expected: string, who: User, path: string, mode: number) => void;
const makers: Readonly<Record<string, readonly [Type, Make]>> = {
  open: ['file', (g, e, who, path, mode) => g.ends(e, who, 'open', path, o.create | o.exclusive | o.writeOnly, mode)],
  mkdir: ['directory', (g, e, who, path, mode) => g.ends(e, who, 'mkdir', path, mode)],
  'mknod of a file': ['file', (g, e, who, path, mode) => g.ends(e, who, 'mknod', path, 0o100000 | mode, 0)],
  'mknod of a fifo': ['fifo', (g, e, who, path, mode) => g.ends(e, who, 'mknod', path, 0o010000 | mode, 0)],
  'mknod of a socket': ['socket', (g, e, who, path, mode) => g.ends(e, who, 'mknod', path, 0o140000 | mode, 0)],
};

function modes(g: Ground): void {
  for (const [name, [type, make]] of Object.entries(makers)) {
    g.case(`${name}: mode and umask`, () => {
      let i = 0;
      for (const umask of [0, 0o022, 0o077, 0o777, 0o151]) {
        process.umask(umask);
        for (const mode of [0o777, 0o666, 0o640, 0o000, 0o1755]) {
          const path = `n${i++}`;
          make(g, 'ok', alice, path, mode);
          g.has(path, { type, mode: mode & ~umask, uid: alice.uid, gid: alice.gid });
        }
      }
      process.umask(0);
    });
    g.case(`${name}: refusals`, () => {
      for (const there of types) {
        g.make(there, there);
        make(g, 'EEXIST', root, there, 0o600);
      }
      for (let mode = 0; mode < 8; mode++) {
        const place = `d${mode}`;
        g.make('directory', place, { mode: 0o770 | mode });
        make(g, mode === 3 || mode === 7 ? 'ok' : 'EACCES', bob, `${place}/x`, 0o600);
        make(g, 'ok', root, `${place}/y`, 0o600);
      }
    });
    g.case(`${name}: in a setgid directory`, () => {
      g.make('directory', 'd', { mode: 0o2777, gid: sharedGroup });
      for (const who of [root, alice, bob]) {
        make(g, 'ok', who, `d/${who.name}`, 0o755);
        g.has(`d/${who.name}`, { gid: sharedGroup, uid: who.uid, mode: type === 'directory' ? 0o2755 : 0o755 });
      }
    });
  }
}

/** open(2) of a new file with setgid, where the group is not the caller's. */
function setgid(g: Ground): void {
  g.case('setgid of a new file', () => {
    g.make('directory', 'd', { mode: 0o2777, gid: sharedGroup });
    for (const [who, kept] of [
      [root, true],
      [alice, true],
      [bob, false],
    ] as const) {
      const path = `d/${who.name}`;
      g.ends('ok', who, 'open', path, o.create | o.writeOnly, 0o2770);
      g.has(path, { mode: kept ? 0o2770 : 0o770 });
    }
  });
}

function devices(g: Ground): void {
  g.case('devices are for root', () => {
    for (const [type, bits] of [
      ['character', 0o020000],
      ['block', 0o060000],
    ] as const) {
      g.ends('EPERM', alice, 'mknod', `${type}-alice`, bits | 0o600, 0x103);
      g.ends('ok', root, 'mknod', type, bits | 0o640, 0x103);
      g.has(type, { type, mode: 0o640, links: 1, size: 0 });
    }
    g.ends('EPERM', root, 'mknod', 'directory', 0o040755, 0);
    g.ends('EINVAL', root, 'mknod', 'nonsense', 0o030755, 0);
    g.ends('ok', root, 'mknod', 'plain', 0o755, 0);
    g.has('plain', { type: 'file', mode: 0o755 });
  });
}

function opens(g: Ground): void {
  g.case('open of what is there', () => {
    for (const type of types) if (type !== 'fifo' && type !== 'character' && type !== 'block') g.make(type, type);
    g.make('fifo', 'fifo');
    g.ok(root, 'symlink', 'file', 'link');
    g.ends('ok', root, 'open', 'file', o.create | o.readWrite, 0);
    g.has('file', { mode: 0o644 });
    g.ends('EISDIR', root, 'open', 'directory', o.writeOnly, 0);
    g.ends('EISDIR', root, 'open', 'directory', o.readWrite, 0);
    g.ends('EISDIR', root, 'open', 'directory', o.create | o.readOnly, 0o600);
    g.ends('ok', root, 'open', 'directory', o.readOnly, 0);
    g.ends('ENOTDIR', root, 'open', 'file', o.directory, 0);
    g.ends('ok', root, 'open', 'directory', o.directory, 0);
    g.ends('ELOOP', root, 'open', 'link', o.noFollow, 0);
    g.ends('ok', root, 'open', 'link', o.noFollow | o.path, 0);
    g.ends('ENXIO', root, 'open', 'socket', o.readOnly, 0);
    g.ends('ENXIO', root, 'open', 'fifo', o.writeOnly | o.nonblock, 0);
    g.ends('ok', root, 'open', 'fifo', o.readOnly | o.nonblock, 0);
    g.ends('ENOENT', root, 'open', 'none', o.readOnly, 0);
    g.ends('EPERM', alice, 'open', 'file', o.readOnly | o.noAtime, 0);
    g.ends('ok', root, 'open', 'file', o.readOnly | o.noAtime, 0);
  });
  g.case('O_TRUNC empties', () => {
    g.file('file', 'contents', { mode: 0o666 });
    g.ends('ok', alice, 'open', 'file', o.writeOnly | o.truncate, 0);
    g.has('file', { size: 0 });
  });
  g.case('the mode counts from the next open on', () => {
    const fd = g.ok(alice, 'open', 'new', o.create | o.readWrite, 0);
    g.gives(1, alice, 'pwrite', fd, Buffer.from('x'), 1, 0);
    g.gives(1, alice, 'pread', fd, Buffer.alloc(9), 9, 0);
    g.ends('EACCES', alice, 'open', 'new', o.readOnly, 0);
    g.ends('ok', root, 'open', 'new', o.readWrite, 0);
  });
  g.case('O_TMPFILE', 'tmpfile', () => {
    for (const who of [root, alice]) {
      const fd = g.ok(who, 'open', '.', o.tmpfile | o.readWrite, 0o640);
      g.gives(4, who, 'pwrite', fd, Buffer.from('data'), 4, 0);
      g.equal(readdir('.'), '', 'names in the directory');
      g.ok(root, 'linkat', here, `/proc/self/fd/${fd}`, here, who.name, symlinkFollow);
      g.has(who.name, { type: 'file', mode: 0o640, size: 4, links: 1, uid: who.uid, gid: who.gid });
      g.ok(root, 'unlink', who.name);
    }
    const fd = g.ok(root, 'open', '.', o.tmpfile | o.exclusive | o.readWrite, 0o640);
    g.ends('ENOENT', root, 'linkat', here, `/proc/self/fd/${fd}`, here, 'x', symlinkFollow);
    g.make('directory', 'closed', { mode: 0o755 });
    g.ends('EACCES', alice, 'open', 'closed', o.tmpfile | o.readWrite, 0o640);
    g.ends('EINVAL', root, 'open', '.', o.tmpfile | o.readOnly, 0o640);
    process.umask(0o027);
    const masked = g.ok(root, 'open', '.', o.tmpfile | o.readWrite, 0o666);
    process.umask(0);
    g.ok(root, 'linkat', here, `/proc/self/fd/${masked}`, here, 'masked', symlinkFollow);
    g.has('masked', { mode: 0o640 });
  });
}

export const creation: Table = {
  name: 'creation',
  run(g) {
    for (const part of [modes, setgid, devices, opens]) part(g);
  },
};
