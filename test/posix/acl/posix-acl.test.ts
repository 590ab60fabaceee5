/** ACLs as bytes, and the arithmetic between an ACL and a mode. */
import { describe, expect, it } from 'vitest';
import { FsError } from '../../../fs/errors.js';
import {
  decodeAcl,
  encodeAcl,
  inherited,
  isEmptyAcl,
  isMinimal,
  modeOf,
  withMode,
} from '../../../fs/posix/acl/posix-acl.js';
import { acl, aclText } from './acl-text.js';

const codeOf = (bytes: Uint8Array): string => {
  try {
    decodeAcl(bytes, 'test');
    return 'none';
  } catch (e) {
    if (e instanceof FsError) return e.code;
    throw e;
  }
};

describe('the bytes of an ACL', () => {
  it('are those that setfacl writes', () => {
    const bytes = encodeAcl(acl('u::rw-,u:1000:r-x,g::r--,m::rwx,o::---'));
    const hex = [
      '02000000', // version
      '01000600ffffffff', // owner rw-
      '02000500e8030000', // user 1000 r-x
      '04000400ffffffff', // group r--
      '10000700ffffffff', // mask rwx
      '20000000ffffffff', // others ---
    ];
    expect(Buffer.from(bytes).toString('hex')).toBe(hex.join(''));
    expect(aclText(decodeAcl(bytes, 'test'))).toBe('u::rw-,u:1000:r-x,g::r--,m::rwx,o::---');
  });

  it.each([
    ['no group', 'u::rwx,o::r--'],
    ['no others', 'u::rwx,g::r--'],
    ['no owner', 'g::rwx,o::r--'],
    ['no mask beside a named user', 'u::rwx,u:5:r--,g::r--,o::r--'],
    ['no mask beside a named group', 'u::rwx,g::r--,g:5:r--,o::r--'],
    ['two owners', 'u::rwx,u::rwx,g::r--,o::r--'],
    ['two masks', 'u::rwx,g::r--,m::r--,m::r--,o::r--'],
    ['entries out of order', 'u::rwx,g::r--,o::r--,m::r--'],
    ['a user after the group', 'u::rwx,g::r--,u:5:r--,m::r--,o::r--'],
    ['a user without an id', 'u::rwx,u:4294967295:r--,g::r--,m::r--,o::r--'],
    ['nothing', ''],
  ])('with %s are refused', (_, text) => {
    expect(codeOf(encodeAcl(acl(text)))).toBe('EINVAL');
  });

  it('of another version, length, tag or permission are refused', () => {
    const good = encodeAcl(acl('u::rwx,g::r--,o::r--'));
    expect(codeOf(good)).toBe('none');
    expect(codeOf(good.subarray(0, good.length - 1))).toBe('EINVAL');
    expect(codeOf(good.subarray(0, 3))).toBe('EINVAL');
    const changed = (at: number, value: number): Uint8Array => good.slice().fill(value, at, at + 1);
    expect(codeOf(changed(0, 1))).toBe('EOPNOTSUPP');
    expect(codeOf(changed(4, 3))).toBe('EINVAL');
    expect(codeOf(changed(6, 8))).toBe('EINVAL');
    expect([good, good.subarray(0, 4), good.subarray(0, 0)].map(isEmptyAcl)).toEqual([false, true, true]);
  });
});

describe('an ACL and a mode', () => {
  it.each([
    ['u::rw-,g::r--,o::---', 0o640, true],
    ['u::rw-,g::rwx,m::r--,o::---', 0o640, false],
    ['u::rwx,u:7:rwx,g::---,m::--x,o::r-x', 0o715, false],
  ])('%s shows as its mode', (text, mode, minimal) => {
    expect(modeOf(acl(text))).toBe(mode);
    expect(isMinimal(acl(text))).toBe(minimal);
  });

  it.each([
    ['u::rwx,g::rwx,o::rwx', 0o640, 'u::rw-,g::r--,o::---'],
    ['u::rwx,u:7:rwx,g::rwx,m::rwx,o::rwx', 0o640, 'u::rw-,u:7:rwx,g::rwx,m::r--,o::---'],
    ['u::---,u:7:r--,g::r--,m::---,o::---', 0o777, 'u::rwx,u:7:r--,g::r--,m::rwx,o::rwx'],
  ])('%s after chmod %o', (before, mode, after) => {
    expect(aclText(withMode(acl(before), mode))).toBe(after);
  });

  it.each([
    ['u::rwx,g::r-x,o::---', 0o666, 'u::rw-,g::r--,o::---', 0o640],
    ['u::rwx,u:7:rwx,g::r-x,m::rwx,o::r-x', 0o644, 'u::rw-,u:7:rwx,g::r-x,m::r--,o::r--', 0o644],
    ['u::rwx,g::---,g:7:rwx,m::r-x,o::r-x', 0o777, 'u::rwx,g::---,g:7:rwx,m::r-x,o::r-x', 0o755],
  ])('%s as a default, for an entry made with %o', (before, mode, after, shown) => {
    const made = inherited(acl(before), mode);
    expect(aclText(made.acl)).toBe(after);
    expect(made.mode).toBe(shown);
  });
});
