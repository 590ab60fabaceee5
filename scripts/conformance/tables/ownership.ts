/** chmod, chown and access: modes, owners, and what one does to the other. */

import { alice, bob, root, sharedGroup, type User } from '../../trial/identity.js';
import { type Ground, type Table, type Type, types } from '../ground.js';
import { at, here, o } from '../system-calls.js';

const withMode = types.filter((type) => type !== 'symlink');
const modes = [0o000, 0o777, 0o644, 0o4755, 0o2755, 0o1777, 0o6711, 0o7777, 0o0421];

function chmod(g: Ground): void {
  g.case('the owner and root set any mode', () => {
    for (const type of withMode) {
      g.make(type, type, { owner: alice });
      for (const mode of modes) {
        g.ends('ok', mode % 2 === 0 ? root : alice, 'chmod', type, mode);
        g.has(type, { type, mode });
      }
      g.ends('EPERM', bob, 'chmod', type, 0o777);
    }
  });
  g.case('through a descriptor and a link', () => {
    g.make('file', 'f', { owner: alice });
    g.ok(root, 'symlink', 'f', 'link');
    g.ok(alice, 'chmod', 'link', 0o611);
    g.has('f', { mode: 0o611 });
    const fd = g.ok(alice, 'open', 'f', o.readOnly, 0);
    g.ok(alice, 'fchmod', fd, 0o444);
    g.gives('EPERM', bob, 'fchmod', fd, 0o666);
    g.has('f', { mode: 0o444 });
  });
  g.case('who is not in the group loses setgid', () => {
    for (const type of ['file', 'directory'] as const) {
      for (const [who, gid, kept] of [
        [alice, alice.gid, true],
        [alice, sharedGroup, true],
        [alice, bob.gid, false],
        [root, bob.gid, true],
      ] as const) {
        const path = `${type}-${gid}-${who.name}`;
        g.make(type, path, { owner: alice, gid });
        g.ok(who, 'chmod', path, 0o2775);
        g.has(path, { mode: kept ? 0o2775 : 0o775 });
      }
    }
  });
}

/** Who, to which owner and group, of a file of alice and her group. */
const changes: readonly (readonly [User, number, number, string])[] = [
  [root, bob.uid, bob.gid, 'ok'],
  [root, -1, -1, 'ok'],
  [root, 0, -1, 'ok'],
  [alice, -1, -1, 'ok'],
  [alice, alice.uid, -1, 'ok'],
  [alice, alice.uid, alice.gid, 'ok'],
  [alice, -1, sharedGroup, 'ok'],
  [alice, alice.uid, sharedGroup, 'ok'],
  [alice, bob.uid, -1, 'EPERM'],
  [alice, 0, -1, 'EPERM'],
  [alice, -1, bob.gid, 'EPERM'],
  [alice, -1, 0, 'EPERM'],
  [bob, bob.uid, -1, 'EPERM'],
  [bob, -1, bob.gid, 'EPERM'],
  [bob, alice.uid, -1, 'EPERM'],
];

function chown(g: Ground): void {
  for (const type of types) {
    g.case(`chown of a ${type}`, () => {
      for (const [i, [who, uid, gid, expected]] of changes.entries()) {
        const path = `${type}${i}`;
        g.make(type, path, { owner: alice });
        g.ends(expected, who, 'lchown', path, uid, gid);
        const done = expected === 'ok';
        g.has(path, {
          uid: done && uid !== -1 ? uid : alice.uid,
          gid: done && gid !== -1 ? gid : alice.gid,
        });
      }
    });
  }
  g.case('setuid and setgid go with the owner, but for directories', () => {
    for (const who of [root, alice]) {
      for (const mode of [0o6777, 0o6755, 0o4700, 0o2710, 0o2700, 0o6700, 0o1777]) {
        const [file, directory] = [`f${mode}${who.name}`, `d${mode}${who.name}`];
        g.make('file', file, { owner: alice, mode });
        g.make('directory', directory, { owner: alice, mode });
        g.ok(who, 'chown', file, -1, sharedGroup);
        g.ok(who, 'chown', directory, -1, sharedGroup);
        // Without execution for the group setgid once meant mandatory locking.
        const setgid = (mode & 0o2010) === 0o2000 ? 0o2000 : 0;
        g.has(file, { mode: (mode & ~0o6000) | setgid });
        g.has(directory, { mode });
      }
    }
  });
  g.case('chown follows links, lchown does not', () => {
    g.make('file', 'f');
    g.ok(root, 'symlink', 'f', 'link');
    g.ok(root, 'chown', 'link', 5, 6);
    g.has('f', { uid: 5, gid: 6 });
    g.has('link', { uid: 0, gid: 0 });
    g.ok(root, 'lchown', 'link', 7, 8);
    g.has('f', { uid: 5, gid: 6 });
    g.has('link', { uid: 7, gid: 8 });
    g.ok(root, 'chown', 'f', 0x7ffffffe, 0x7ffffffd);
    g.has('f', { uid: 0x7ffffffe, gid: 0x7ffffffd });
  });
}

/** The bits that a class has, asked for by one of that class. */
function access(g: Ground): void {
  const classes: readonly (readonly [string, User, User, number, number])[] = [
    ['owner', alice, alice, alice.gid, 6],
    ['group', alice, bob, alice.gid, 3],
    ['second group', alice, bob, sharedGroup, 3],
    ['others', alice, bob, bob.gid, 0],
  ];
  for (const type of ['file', 'directory'] as const satisfies readonly Type[]) {
    for (const [name, who, owner, gid, shift] of classes) {
      g.case(`${type}: ${name}`, () => {
        for (let bits = 0; bits < 8; bits++) {
          const path = `p${bits}`;
          // The other classes have what this one lacks: only one may count.
          const mode = (0o777 & ~(7 << shift) & ~(bits * 0o111)) | (bits << shift);
          g.make(type, path, { owner, gid, mode });
          for (let wanted = 1; wanted < 8; wanted++) {
            const expected = (bits & wanted) === wanted ? 'ok' : 'EACCES';
            g.ends(expected, who, 'faccessat', here, path, wanted, at.effectiveIds);
          }
          if (type === 'directory') {
            g.ends((bits & 4) !== 0 ? 'ok' : 'EACCES', who, 'open', path, o.readOnly, 0);
            g.ends((bits & 3) === 3 ? 'ok' : 'EACCES', who, 'mkdir', `${path}/x`, 0o700);
            continue;
          }
          g.ends((bits & 4) !== 0 ? 'ok' : 'EACCES', who, 'open', path, o.readOnly, 0);
          g.ends((bits & 2) !== 0 ? 'ok' : 'EACCES', who, 'open', path, o.writeOnly, 0);
          g.ends((bits & 6) === 6 ? 'ok' : 'EACCES', who, 'open', path, o.readWrite, 0);
          g.ends((bits & 2) !== 0 ? 'ok' : 'EACCES', who, 'truncate', path, 0);
        }
      });
    }
  }
  g.case('a path that ends in a dot needs search', 'dot-searched', () => {
    for (const [name, who, owner, gid, shift] of classes) {
      for (let bits = 0; bits < 8; bits++) {
        const path = `${name}${bits}`;
        g.make('directory', path, { owner, gid, mode: bits << shift });
        g.ends((bits & 1) !== 0 ? 'ok' : 'EACCES', who, 'faccessat', here, `${path}/.`, 0, at.effectiveIds);
      }
    }
  });
  g.case('root', () => {
    for (const type of ['file', 'directory'] as const) {
      for (const mode of [0, 0o1, 0o10, 0o100, 0o666]) {
        const path = `${type}${mode}`;
        g.make(type, path, { owner: alice, mode });
        g.ends('ok', root, 'faccessat', here, path, 6, at.effectiveIds);
        const executes = type === 'directory' || (mode & 0o111) !== 0;
        g.ends(executes ? 'ok' : 'EACCES', root, 'faccessat', here, path, 1, at.effectiveIds);
      }
    }
  });
}

export const ownership: Table = {
  name: 'ownership',
  run(g) {
    for (const part of [chmod, chown, access]) part(g);
  },
};
