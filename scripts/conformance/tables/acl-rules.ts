/**
 * ACLs as acl(5) and POSIX 1003.1e draft 17, 23.1, have them: each step of the access check algorithm, each rule of
 * correspondence with the mode and of creation, and the examples of acl(5) and of A. Gruenbacher, "POSIX Access Control
 * Lists on Linux" (USENIX 2003). lisa is bob here, toolies the group that alice has besides her own.
 */

import { alice, bob, root, sharedGroup, type User } from '../../trial/identity.js';
import type { Ground, Table } from '../ground.js';
import { at, getxattr, here, o } from '../system-calls.js';

const access = 'system.posix_acl_access';
const byDefault = 'system.posix_acl_default';
const ids: Readonly<Record<string, number>> = {
  alice: alice.uid,
  bob: bob.uid,
  lisa: bob.uid,
  bobs: bob.gid,
  toolies: sharedGroup,
};
const noId = 0xffffffff;
const tags: Readonly<Record<string, readonly [unnamed: number, named: number]>> = {
  u: [1, 2],
  g: [4, 8],
  m: [16, 16],
  o: [32, 32],
};

const bitsOf = (text: string): number =>
  [...text].reduce((bits, letter) => bits | ({ r: 4, w: 2, x: 1 }[letter] ?? 0), 0);

/** The short text form of acl(5), entries in the kernel's order. */
function aclBytes(text: string): Buffer {
  const entries = text.split(',').map((entry) => entry.split(':'));
  const bytes = Buffer.alloc(4 + entries.length * 8);
  bytes.writeUInt32LE(2);
  for (const [i, [kind, name, permissions]] of entries.entries()) {
    bytes.writeUInt16LE(tags[kind][name === '' ? 0 : 1], 4 + i * 8);
    bytes.writeUInt16LE(bitsOf(permissions), 6 + i * 8);
    bytes.writeUInt32LE(name === '' ? noId : ids[name], 8 + i * 8);
  }
  return bytes;
}

function set(g: Ground, path: string, text: string, name = access): void {
  const bytes = aclBytes(text);
  g.ok(root, 'setxattr', path, name, bytes, bytes.length, 0);
}

/** `''`: it has none but its mode. */
function shows(g: Ground, path: string, text: string, name = access): void {
  const into = Buffer.alloc(1024);
  const length = getxattr(path, name, into, into.length);
  const found = typeof length === 'string' ? length : into.toString('hex', 0, length);
  g.equal(found, text === '' ? 'ENODATA' : aclBytes(text).toString('hex'), `${name} of ${path}`);
}

/** Whoever asks gets what lies in one of these sets of permissions, and no more. */
type Row = readonly [who: User, ...granted: string[]];

interface Rule {
  readonly says: string;
  readonly acl: string;
  readonly owner?: User;
  readonly gid?: number;
  readonly rows: readonly Row[];
}

const steps: readonly Rule[] = [
  {
    says: 'step 1: the owner has the owner entry, whatever else fits',
    acl: 'u::r-x,u:alice:rwx,g::rwx,g:toolies:rwx,m::rwx,o::rwx',
    owner: alice,
    gid: alice.gid,
    rows: [[alice, 'r-x']],
  },
  {
    says: 'step 1: an owner entry without permissions denies all',
    acl: 'u::---,u:bob:rwx,g::rwx,m::rwx,o::rwx',
    owner: alice,
    rows: [[alice], [bob, 'rwx']],
  },
  {
    says: 'step 2: a named user has its entry',
    acl: 'u::---,u:bob:rw-,g::---,m::rwx,o::--x',
    rows: [
      [bob, 'rw-'],
      [alice, '--x'],
    ],
  },
  {
    says: 'step 2: under the mask',
    acl: 'u::rwx,u:bob:rw-,g::rwx,m::r--,o::rwx',
    rows: [
      [bob, 'r--'],
      [alice, 'rwx'],
    ],
  },
  {
    says: 'step 2: and its groups are not looked at',
    acl: 'u::---,u:bob:-w-,g::rwx,g:bobs:rwx,m::rwx,o::rwx',
    gid: bob.gid,
    rows: [[bob, '-w-']],
  },
  {
    says: 'step 3: the group of the file, without a mask',
    acl: 'u::rwx,g::rw-,o::--x',
    gid: sharedGroup,
    rows: [
      [alice, 'rw-'],
      [bob, '--x'],
    ],
  },
  {
    says: 'step 3: the group of the file, under the mask',
    acl: 'u::rwx,g::rwx,m::r-x,o::-w-',
    gid: sharedGroup,
    rows: [
      [alice, 'r-x'],
      [bob, '-w-'],
    ],
  },
  {
    says: 'step 3: a named group, under the mask',
    acl: 'u::rwx,g::---,g:toolies:rw-,m::-wx,o::rwx',
    rows: [
      [alice, '-w-'],
      [bob, 'rwx'],
    ],
  },
  {
    says: 'step 3: one entry must have all that is asked for',
    acl: 'u::---,g::r--,g:toolies:-w-,m::rwx,o::--x',
    gid: alice.gid,
    rows: [
      [alice, 'r--', '-w-'],
      [bob, '--x'],
    ],
  },
  {
    says: 'step 3: any of them',
    acl: 'u::---,g::r--,g:bobs:rwx,g:toolies:rw-,m::rwx,o::---',
    gid: alice.gid,
    rows: [
      [alice, 'rw-'],
      [bob, 'rwx'],
    ],
  },
  {
    says: 'step 3: who is in a group is not among the others',
    acl: 'u::rwx,g::---,g:toolies:---,m::rwx,o::rwx',
    rows: [[alice], [bob, 'rwx']],
  },
  {
    says: 'step 4: others have theirs, without the mask',
    acl: 'u::---,u:alice:rwx,g::rwx,m::--x,o::rw-',
    rows: [
      [bob, 'rw-'],
      [alice, '--x'],
    ],
  },
  {
    says: 'step 5: else access is denied',
    acl: 'u::rwx,u:alice:rwx,g::rwx,m::rwx,o::---',
    rows: [[bob], [alice, 'rwx']],
  },
  {
    says: 'root may do what somebody may',
    acl: 'u::---,u:bob:--x,g::---,m::--x,o::---',
    owner: alice,
    rows: [[root, 'rwx'], [alice], [bob, '--x']],
  },
  {
    says: 'the example of acl(5)',
    acl: 'u::rw-,u:lisa:rw-,g::r--,g:toolies:rw-,m::r--,o::r--',
    rows: [
      [bob, 'r--'],
      [alice, 'r--'],
      [root, 'rw-'],
    ],
  },
];

function decisions(g: Ground): void {
  for (const { says, acl, owner = root, gid = 0, rows } of steps) {
    g.case(says, 'acl', () => {
      g.make('file', 'f', { owner, gid });
      set(g, 'f', acl);
      for (const [who, ...granted] of rows) {
        for (let wanted = 1; wanted < 8; wanted++) {
          const may = granted.some((set) => (bitsOf(set) & wanted) === wanted);
          g.ends(may ? 'ok' : 'EACCES', who, 'faccessat', here, 'f', wanted, at.effectiveIds);
        }
        const reads = granted.some((set) => (bitsOf(set) & 4) === 4);
        const both = granted.some((set) => (bitsOf(set) & 6) === 6);
        g.ends(reads ? 'ok' : 'EACCES', who, 'open', 'f', o.readOnly, 0);
        g.ends(both ? 'ok' : 'EACCES', who, 'open', 'f', o.readWrite, 0);
      }
    });
  }
}

/** Between the ACL and the mode: draft 17, 23.1.3; acl(5), "Correspondence between ACL entries and file permission bits". */
function correspondence(g: Ground): void {
  g.case('the mode shows owner, mask and others; without a mask the group', 'acl', () => {
    for (const [i, [acl, mode]] of [
      ['u::rwx,g::r-x,o::--x', 0o751],
      ['u::rwx,g::rwx,m::r--,o::--x', 0o741],
      ['u::rw-,u:lisa:rw-,g::r--,g:toolies:rw-,m::r--,o::r--', 0o644],
      ['u::---,u:lisa:rwx,g::---,m::rwx,o::---', 0o070],
    ].entries() as Iterable<[number, [string, number]]>) {
      g.make('file', `f${i}`);
      set(g, `f${i}`, acl);
      g.has(`f${i}`, { mode });
    }
  });
  g.case('chmod sets owner, mask and others; without a mask the group', 'acl', () => {
    g.make('file', 'f');
    set(g, 'f', 'u::rwx,u:lisa:rwx,g::r-x,m::rwx,o::---');
    for (const [mode, acl] of [
      [0o750, 'u::rwx,u:lisa:rwx,g::r-x,m::r-x,o::---'],
      [0o407, 'u::r--,u:lisa:rwx,g::r-x,m::---,o::rwx'],
      [0o770, 'u::rwx,u:lisa:rwx,g::r-x,m::rwx,o::---'],
    ] as const) {
      g.ok(root, 'chmod', 'f', mode);
      shows(g, 'f', acl);
      g.has('f', { mode });
    }
    set(g, 'f', 'u::rwx,g::r-x,o::---');
    g.ok(root, 'chmod', 'f', 0o723);
    shows(g, 'f', '');
    g.has('f', { mode: 0o723 });
  });
}

/** acl(5), "Object creation and default ACLs", as the paper shows it. */
function creation(g: Ground): void {
  g.case('a directory with a default ACL, step by step', 'acl', 'umask-apart', () => {
    process.umask(0o027);
    g.ok(root, 'mkdir', 'dir', 0o777);
    g.has('dir', { mode: 0o750 });
    shows(g, 'dir', '');
    set(g, 'dir', 'u::rwx,u:lisa:rwx,g::r-x,m::rwx,o::---');
    g.has('dir', { mode: 0o770 });
    g.ok(root, 'chmod', 'dir', 0o750);
    shows(g, 'dir', 'u::rwx,u:lisa:rwx,g::r-x,m::r-x,o::---');
    g.ok(root, 'chmod', 'dir', 0o770);
    shows(g, 'dir', 'u::rwx,u:lisa:rwx,g::r-x,m::rwx,o::---');
    const inherited = 'u::rwx,g::r-x,g:toolies:r-x,m::r-x,o::---';
    set(g, 'dir', inherited, byDefault);
    shows(g, 'dir', 'u::rwx,u:lisa:rwx,g::r-x,m::rwx,o::---');
    g.ok(root, 'mkdir', 'dir/subdir', 0o777);
    shows(g, 'dir/subdir', inherited);
    shows(g, 'dir/subdir', inherited, byDefault);
    g.has('dir/subdir', { mode: 0o750 });
    g.ends('ok', root, 'open', 'dir/file', o.create | o.writeOnly, 0o666);
    shows(g, 'dir/file', 'u::rw-,g::r-x,g:toolies:r-x,m::r--,o::---');
    shows(g, 'dir/file', '', byDefault);
    g.has('dir/file', { mode: 0o640 });
    g.ends('EACCES', alice, 'open', 'dir/file', o.readOnly, 0);
    g.ends('EACCES', bob, 'mkdir', 'dir/subdir/x', 0o700);
    g.ok(bob, 'mkdir', 'dir/of-lisa', 0o700);
    shows(g, 'dir/of-lisa', 'u::rwx,g::r-x,g:toolies:r-x,m::---,o::---');
    process.umask(0);
  });
}

export const aclRules: Table = {
  name: 'acl-rules',
  run(g) {
    for (const part of [decisions, correspondence, creation]) part(g);
  },
};
