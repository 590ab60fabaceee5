/**
 * Mounting as an ordinary user: fusermount3, which is root's, mounts and sends the descriptor of /dev/fuse through a
 * socket (unix(7), SCM_RIGHTS). It insists on `nosuid` and `nodev`, on a directory that the user may write, and on
 * leave in /etc/fuse.conf for `allow_other`.
 */
import { closeSync, constants } from 'node:fs';
import koffi from 'koffi';
import { VolumeError } from '../../errors.js';
import { lastErrno, libc } from '../../host/libc.js';
import type { MountOptions } from '../driver.js';
import { fusermountTo } from '../fusermount.js';
import { maxWrite } from './abi.js';

const socketpair = libc.func('int socketpair(int domain, int type, int protocol, void *ends)') as (
  domain: number,
  type: number,
  protocol: number,
  ends: Int32Array,
) => number;
const recvmsg = libc.func('long recvmsg(int socket, void *message, int flags)') as (
  socket: number,
  message: BigUint64Array,
  flags: number,
) => number;
const fcntl = libc.func('int fcntl(int fd, int command, long argument)') as (
  fd: number,
  command: number,
  argument: number,
) => number;

const [afUnix, sockStream, sockCloexec] = [1, 1, 0o2000000];
const msgCmsgCloexec = 0x40000000;
const setFlags = 4;
const scmRights = 1;

/** Options that fusermount3 knows, and what is so anyway. */
const known = new Set(['nosuid', 'nodev', 'noexec', 'sync', 'dirsync', 'noatime']);
const given = new Set(['relatime']);

/** Mounts, and returns the descriptor of /dev/fuse. Throws VolumeError. */
export function mountAsUser(target: string, options: MountOptions): number {
  const words = fusermountOptions(options);
  const ends = new Int32Array(2);
  if (socketpair(afUnix, sockStream | sockCloexec, 0, ends) !== 0) {
    throw new VolumeError('io', `no socket for fusermount3: error ${lastErrno()}`);
  }
  try {
    fusermountTo(target, words, ends[0]);
    const fd = receiveDescriptor(ends[1]);
    fcntl(fd, setFlags, constants.O_RDWR | constants.O_NONBLOCK);
    return fd;
  } finally {
    closeSync(ends[0]);
    closeSync(ends[1]);
  }
}

/** Throws VolumeError: there are some that only root can give. */
function fusermountOptions({ source, readOnly, general, allowOther }: MountOptions): string[] {
  const others = general.filter((option) => !known.has(option) && !given.has(option));
  if (others.length > 0) throw new VolumeError('no-permission', `only root can mount with ${others.join(', ')}`);
  return [
    `fsname=${source.replace(/[\\,]/g, '\\$&')}`,
    'subtype=varve',
    readOnly ? 'ro' : 'rw',
    'nosuid',
    'nodev',
    'default_permissions',
    `max_read=${maxWrite}`,
    ...(allowOther ? ['allow_other'] : []),
    ...general.filter((option) => known.has(option) && option !== 'nosuid' && option !== 'nodev'),
  ];
}

/** struct msghdr with one byte of data, and struct cmsghdr with one descriptor after its 16 bytes. */
function receiveDescriptor(socket: number): number {
  const data = Buffer.alloc(1);
  const control = Buffer.alloc(24);
  const vector = BigUint64Array.of(BigInt(koffi.address(data)), BigInt(data.length));
  const message = BigUint64Array.of(
    0n,
    0n,
    BigInt(koffi.address(vector)),
    1n,
    BigInt(koffi.address(control)),
    BigInt(control.length),
    0n,
  );
  if (recvmsg(socket, message, msgCmsgCloexec) < 0 || control.readInt32LE(12) !== scmRights) {
    throw new VolumeError('io', `fusermount3 has sent no descriptor (error ${lastErrno()})`);
  }
  return control.readInt32LE(16);
}
