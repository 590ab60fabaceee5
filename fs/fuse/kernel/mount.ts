/**
 * Mounting: /dev/fuse is opened and handed to mount(2). As root that needs no program at all; the kernel enforces
 * permissions (default_permissions) and lets all users in (allow_other), as they expect of a disk filesystem. As
 * another user it is asked of fusermount3 (user-mount.ts).
 *
 * The mount's device number comes from /proc/self/mountinfo: a stat of the mount point would ask this very
 * process and wait for ever.
 */
import { constants, openSync, writeFileSync } from 'node:fs';
import { type ErrorCode, errno, VolumeError } from '../../errors.js';
import { lastErrno } from '../../host/libc.js';
import type { MountOptions } from '../driver.js';
import { isOrdinaryUser } from '../fusermount.js';
import { mountAt, mountType } from '../mount-table.js';
import { maxWrite } from './abi.js';
import { mount, mountFlag } from './system-calls.js';
import { mountAsUser } from './user-mount.js';

const device = '/dev/fuse';
/** Options that are flags of mount(2). */
const flags: ReadonlyMap<string, number> = new Map(Object.entries(mountFlag));

export interface KernelMount {
  readonly fd: number;
  /** Major and minor number: `0:45`. */
  readonly device: string;
}

export const mountKernel = (target: string, options: MountOptions): KernelMount => {
  const fd = isOrdinaryUser() ? mountAsUser(target, options) : mountAsRoot(target, options);
  const number = mountAt(target)?.device;
  if (number === undefined) throw new VolumeError('io', `the kernel does not list the mount on ${target}`);
  if (!isOrdinaryUser()) tuneBackingDevice(number, options);
  return { fd, device: number };
};

const mountAsRoot = (target: string, options: MountOptions): number => {
  const fd = openDevice();
  const bits = flagBits(options.readOnly, options.general);
  const data = `fd=${fd},rootmode=40000,user_id=0,group_id=0,allow_other,default_permissions,max_read=${maxWrite}`;
  if (mount(options.source, target, mountType, bits, data) !== 0) {
    throw new VolumeError('io', `can't mount on ${target}: ${reason(lastErrno())}`);
  }
  return fd;
};

/** Change what mount(2) can change of a mount: read-only or not, and options of any filesystem. */
export const remountKernel = (target: string, readOnly: boolean, general: readonly string[]): void => {
  if (isOrdinaryUser()) throw new VolumeError('no-permission', 'only root can remount');
  const bits = mountFlag.remount | flagBits(readOnly, general);
  if (mount('none', target, mountType, bits, '') !== 0) {
    throw new VolumeError('io', `can't remount ${target}: ${reason(lastErrno())}`);
  }
};

const flagBits = (readOnly: boolean, general: readonly string[]): number => {
  let bits = readOnly ? mountFlag.ro : 0;
  for (const option of general) bits |= flags.get(option) ?? 0;
  return bits;
};

const openDevice = (): number => {
  try {
    return openSync(device, constants.O_RDWR | constants.O_NONBLOCK);
  } catch (e) {
    const code = (e as NodeJS.ErrnoException).code;
    if (code === 'EACCES' || code === 'EPERM') throw new VolumeError('no-permission', `can't open ${device}: ${code}`);
    throw new VolumeError('io', `can't open ${device} (${code}): load the kernel's module with \`modprobe fuse\``);
  }
};

const reason = (code: number): string => {
  if (code === errno.EPERM) return 'only root can mount';
  const name = (Object.keys(errno) as ErrorCode[]).find((key) => errno[key] === code);
  return name ?? `error ${code}`;
};

/**
 * The kernel treats a FUSE mount as a stranger: 128 KiB of read-ahead and 1 % of the memory for dirty pages.
 * Both are settings that root may raise; without them everything works, slower.
 */
const tuneBackingDevice = (number: string, options: MountOptions): void => {
  const settings = `/sys/class/bdi/${number}`;
  for (const [name, value] of [
    ['read_ahead_kb', '1024'],
    ['strict_limit', '0'],
    ['max_ratio', '50'],
  ]) {
    try {
      writeFileSync(`${settings}/${name}`, value);
    } catch (e) {
      options.log(`${settings}/${name} can't be set (${(e as NodeJS.ErrnoException).code})`);
    }
  }
};
