/**
 * How many requests on nobody's behalf (read-ahead, write-back) the kernel may have open at a time. Many are good for reads
 * that wait for a disk; of large writes, which the server itself must work through, they only make a queue. The limit
 * can be changed in fusectl, `MINOR/max_background`: where that is mounted, or else on a mount of it that has no place in
 * the tree of files (fsopen(2), for root). Where neither may be had, the limit stays as INIT has set it.
 */
import { closeSync, openSync, writeSync } from 'node:fs';
import { libc } from '../../host/libc.js';

/** Usually. */
export const maxBackground = 64;
/** So long after the last large write the usual limit is in force again, in ms. */
const calmMs = 20;
const fusectl = '/sys/fs/fuse/connections';

type SystemCall = (number: number, ...args: (number | string | null)[]) => number;
const fsopen = libc.func('long syscall(long number, const char *type, uint flags)') as SystemCall;
const fsconfig = libc.func(
  'long syscall(long number, int fd, uint command, const char *key, const char *value, int aux)',
) as SystemCall;
const fsmount = libc.func('long syscall(long number, int fd, uint flags, uint attributes)') as SystemCall;
/** The same for all architectures; linux/mount.h. */
const number = { fsopen: 430, fsconfig: 431, fsmount: 432 } as const;
const create = 6;
const closeOnExec = 1;

export class BackgroundLimit {
  private lowered = false;
  /** Undefined: not opened yet; -1: it can't be. */
  private fd: number | undefined;
  private last = Number.NEGATIVE_INFINITY;

  /** `device`: `major:minor` of the mount; undefined: there is no limit to set. `few`: the lower limit. */
  constructor(
    private readonly device: string | undefined,
    private readonly few: number,
    private readonly directory = fusectl,
  ) {}

  /** A large write has come. `now`: ms, as performance.now(). */
  lower(now: number): void {
    this.last = now;
    if (!this.lowered) this.set(true);
  }

  /** A turn begins: the usual limit again, if the last one is some time ago. */
  relax(now: number): void {
    if (this.lowered && now - this.last > calmMs) this.set(false);
  }

  close(): void {
    if (this.fd !== undefined && this.fd >= 0) closeSync(this.fd);
    this.fd = -1;
  }

  private set(lowered: boolean): void {
    this.lowered = lowered;
    this.fd ??= this.open();
    if (this.fd < 0) return;
    try {
      writeSync(this.fd, `${lowered ? this.few : maxBackground}\n`);
    } catch {
      this.close();
    }
  }

  private open(): number {
    if (this.device === undefined) return -1;
    const name = `${this.device.split(':')[1]}/max_background`;
    const mounted = openToWrite(`${this.directory}/${name}`);
    if (mounted >= 0) return mounted;
    const detached = mountDetached();
    if (detached < 0) return -1;
    const fd = openToWrite(`/proc/self/fd/${detached}/${name}`);
    closeSync(detached);
    return fd;
  }
}

function openToWrite(path: string): number {
  try {
    return openSync(path, 'r+');
  } catch {
    return -1;
  }
}

/** A descriptor of the root of fusectl, or -1. */
function mountDetached(): number {
  const context = fsopen(number.fsopen, 'fusectl', closeOnExec);
  if (context < 0) return -1;
  const made = fsconfig(number.fsconfig, context, create, null, null, 0) === 0;
  const mount = made ? fsmount(number.fsmount, context, closeOnExec, 0) : -1;
  closeSync(context);
  return mount;
}
