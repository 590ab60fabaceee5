/** Decisions from mode, ACL and ids: the rules one by one. That Linux decides the same is another test's matter. */
import { describe, expect, it } from 'vitest';
import {
  type Guarded,
  mayChange,
  mayCreate,
  mayMove,
  mayReadXattr,
  mayRemove,
  mayRemoveXattr,
  mayWriteXattr,
  permits,
  type Subject,
} from '../../../fs/posix/acl/permission.js';
import { acl } from './acl-text.js';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const subject = (uid: number, gid: number, ...groups: number[]): Subject => ({
  uid,
  gid,
  groups,
  privileged: uid === 0,
});
const root = subject(0, 0);
const alice = subject(1000, 100, 200);
const bob = subject(1001, 101);
const file = (mode: number, more: Partial<Guarded> = {}): Guarded => ({
  mode: 0o100000 | mode,
  uid: 1000,
  gid: 100,
  ...more,
});
const directory = (mode: number, more: Partial<Guarded> = {}): Guarded => ({
  mode: 0o040000 | mode,
  uid: 1000,
  gid: 100,
  ...more,
});
const granted = (who: Subject, object: Guarded): string =>
  [4, 2, 1].map((bit, i) => (permits(who, object, bit) ? 'rwx'[i] : '-')).join('');

describe('by mode', () => {
  it('the first class that fits decides', () => {
    expect(granted(alice, file(0o077))).toBe('---');
    expect(granted(subject(5, 100), file(0o707))).toBe('---');
    expect(granted(subject(5, 6, 7, 100), file(0o740))).toBe('r--');
    expect(granted(bob, file(0o775))).toBe('r-x');
  });
  it('root reads and writes anything, and executes what somebody may', () => {
    expect(granted(root, file(0))).toBe('rw-');
    expect(granted(root, file(0o010))).toBe('rwx');
    expect(granted(root, directory(0))).toBe('rwx');
  });
});

describe('by ACL', () => {
  const object = file(0o674, { acl: acl('u::rw-,u:1001:rwx,g::r--,g:200:-w-,g:300:rw-,m::rw-,o::--x') });
  it('a named user gets its entry under the mask', () => expect(granted(bob, object)).toBe('rw-'));
  it('the owner gets the mode', () => expect(granted(alice, object)).toBe('rw-'));
  it('one group must grant all that is wanted', () => {
    const both = subject(5, 100, 200);
    expect(granted(both, object)).toBe('rw-');
    expect(permits(both, object, 6)).toBe(false);
    expect(permits(subject(5, 100, 300), object, 6)).toBe(true);
  });
  it('who is in a group is not among the others', () => {
    expect(permits(subject(5, 300), object, 1)).toBe(false);
    expect(permits(subject(5, 6), object, 1)).toBe(true);
  });
  it('an empty mask leaves named users and groups to the mode', () => {
    const empty = file(0o604, { acl: acl('u::rw-,u:1001:rwx,g::r--,m::---,o::r--') });
    expect(granted(bob, empty)).toBe('r--');
    expect(granted(subject(5, 100), empty)).toBe('---');
  });
});

describe('of names', () => {
  const sticky = directory(0o1777, { uid: 0, gid: 0 });
  it('a sticky directory keeps what belongs to others', () => {
    expect(mayRemove(bob, sticky, file(0o777))).toBe('EPERM');
    expect(mayRemove(alice, sticky, file(0))).toBeUndefined();
    expect(mayRemove(bob, { ...sticky, uid: 1001 }, file(0))).toBeUndefined();
    expect(mayRemove(root, sticky, file(0))).toBeUndefined();
  });
  it('write and search are both needed', () => {
    for (const mode of [0o774, 0o775, 0o776]) expect(mayCreate(bob, directory(mode))).toBe('EACCES');
    expect(mayCreate(bob, directory(0o703))).toBeUndefined();
    expect(mayRemove(bob, directory(0o705), file(0o777))).toBe('EACCES');
  });
  it('a directory that gets another parent must be writable itself', () => {
    const from = directory(0o777);
    expect(mayMove(bob, from, directory(0o755), true)).toBe('EACCES');
    expect(mayMove(bob, from, directory(0o755), false)).toBeUndefined();
    expect(mayMove(bob, from, file(0o644), true)).toBeUndefined();
  });
});

describe('of attributes', () => {
  const [time, now] = [{ seconds: 1, nanos: 2 }, 'now' as const];
  it.each([
    ['root', root, { uid: 5, gid: 6, mode: 0o777, atime: time, mtime: time }, undefined],
    ['the owner, to itself', alice, { uid: 1000 }, undefined],
    ['the owner, to another', alice, { uid: 1001 }, 'EPERM'],
    ['the owner, to its group', alice, { gid: 200 }, undefined],
    ['the owner, to the group it has', subject(1000, 1), { gid: 100 }, undefined],
    ['the owner, to a foreign group', alice, { gid: 101 }, 'EPERM'],
    ['another, to its own group', bob, { gid: 101 }, 'EPERM'],
    ['the owner, mode', alice, { mode: 0o600 }, undefined],
    ['another, mode', bob, { mode: 0o600 }, 'EPERM'],
    ['another, times', bob, { atime: time, mtime: time }, 'EPERM'],
    ['another who may write, both times now', bob, { atime: now, mtime: now }, undefined],
    ['another who may write, one time now', bob, { mtime: now }, 'EPERM'],
    ['another who may write, size', bob, { size: 0 }, undefined],
  ] as const)('%s', (_, who, changes, refusal) => {
    expect(mayChange(who, file(0o642), changes)).toBe(refusal);
  });
  it('who may not write is refused in another way', () => {
    expect(mayChange(bob, file(0o644), { atime: now, mtime: now })).toBe('EACCES');
    expect(mayChange(bob, file(0o644), { size: 0 })).toBe('EACCES');
  });
});

describe('of extended attributes', () => {
  it('capabilities go with a write of anybody, and nothing else of theirs does', () => {
    expect(mayRemoveXattr(bob, file(0o606), bytes('security.capability'))).toBeUndefined();
    expect(mayRemoveXattr(bob, file(0o606), bytes('security.other'))).toBe('EPERM');
    expect(mayWriteXattr(bob, file(0o606), bytes('security.capability'))).toBe('EPERM');
  });
  it.each([
    ['user.a', bob, file(0o604), undefined, 'EACCES'],
    ['user.a', bob, file(0o602), 'EACCES', undefined],
    ['user.a', root, file(0o600, { mode: 0o010600 }), 'ENODATA', 'EPERM'],
    ['user.a', bob, directory(0o1777), undefined, 'EPERM'],
    ['user.a', alice, directory(0o1777), undefined, undefined],
    ['trusted.a', alice, file(0o777), 'ENODATA', 'EPERM'],
    ['trusted.a', root, file(0o777), undefined, undefined],
    ['security.a', alice, file(0o777), undefined, 'EPERM'],
    ['system.posix_acl_access', bob, file(0o777), undefined, 'EPERM'],
    ['system.posix_acl_access', alice, file(0), undefined, undefined],
  ] as const)('%s', (name, who, object, read, write) => {
    expect([mayReadXattr(who, object, bytes(name)), mayWriteXattr(who, object, bytes(name))]).toEqual([read, write]);
  });
});
