/**
 * Who makes a system call: root or an ordinary user. The ids of the calling thread alone are changed, by the system
 * calls themselves (the C library's functions would change all threads'), and root keeps the way back by its saved id.
 */
import { libc } from '../../fs/host/libc.js';

export interface User {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  /** Besides `gid`. */
  readonly groups: readonly number[];
}

/** A group that alice has besides her own. */
export const sharedGroup = 60_203;
export const root: User = { name: 'root', uid: 0, gid: 0, groups: [] };
export const alice: User = { name: 'alice', uid: 60_201, gid: 60_201, groups: [sharedGroup] };
export const bob: User = { name: 'bob', uid: 60_202, gid: 60_202, groups: [] };

/** Of x86-64 and of arm64. */
const numbers = {
  x64: { setgroups: 116, setresuid: 117, setresgid: 119 },
  arm64: { setgroups: 159, setresuid: 147, setresgid: 149 },
}[process.arch as 'x64' | 'arm64'];

const setIds = libc.func('long syscall(long number, long real, long effective, long saved)');
const setList = libc.func('long syscall(long number, long count, const uint *list)');

function must(result: number, what: string): void {
  if (result !== 0) throw new Error(`${what} failed: the conformance tests need root`);
}

function become({ uid, gid, groups }: User): void {
  must(setIds(numbers.setresuid, 0, 0, 0), 'setresuid');
  must(setList(numbers.setgroups, groups.length, Uint32Array.from(groups)), 'setgroups');
  must(setIds(numbers.setresgid, gid, gid, 0), 'setresgid');
  must(setIds(numbers.setresuid, uid, uid, 0), 'setresuid');
}

/** Do it as the user, and be root again. */
export function as<T>(user: User, work: () => T): T {
  if (user === root) return work();
  become(user);
  try {
    return work();
  } finally {
    become(root);
  }
}
