/**
 * Who uses an image or device right now: a mount, a loop device, swap, another block device on top of it. mkfs
 * refuses to touch what is in use, also with -f. (A Varve server is found by the image's lock, when it is opened.)
 */
import { readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { VolumeError } from '../fs/errors.js';

/** Throws VolumeError 'in-use' if the file or block device is in use. A path that does not exist is not. */
export function refuseInUse(path: string): void {
  const found = users(path);
  if (found) throw new VolumeError('in-use', `${path} is in use: ${found}`);
}

function users(path: string): string | undefined {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat) return undefined;
  const real = realpathSync(path);
  const device = stat.isBlockDevice() ? stat.rdev : undefined;
  const same = (other: string): boolean => {
    if (other === real) return true;
    if (device === undefined || !other.startsWith('/')) return false;
    const otherStat = statSync(other, { throwIfNoEntry: false });
    return otherStat?.isBlockDevice() === true && otherStat.rdev === device;
  };
  for (const line of lines('/proc/self/mounts')) {
    const [source, target] = line.split(' ');
    if (same(unescapeOctal(source))) return `mounted on ${unescapeOctal(target)}; unmount it first`;
  }
  for (const line of lines('/proc/swaps').slice(1)) {
    if (same(unescapeOctal(line.split(/\s/)[0]))) return 'it is swap space; run swapoff first';
  }
  for (const name of entries('/sys/block')) {
    if (!name.startsWith('loop')) continue;
    const [backing] = lines(`/sys/block/${name}/loop/backing_file`);
    if (backing === real) return `it backs /dev/${name}; detach that with losetup -d first`;
  }
  if (device !== undefined) {
    const numbers = `${(device >>> 8) & 0xfff}:${(device & 0xff) | ((device >>> 12) & 0xfff00)}`;
    const [holder] = entries(`/sys/dev/block/${numbers}/holders`);
    if (holder) return `/dev/${holder} lies on it`;
  }
  return undefined;
}

/** Lines of a small file of /proc or /sys; none if it can't be read. */
function lines(path: string): string[] {
  try {
    return readFileSync(path, 'utf8')
      .split('\n')
      .filter((line) => line !== '');
  } catch (e) {
    return missing(e);
  }
}

function entries(path: string): string[] {
  try {
    return readdirSync(path);
  } catch (e) {
    return missing(e);
  }
}

/** What a machine lacks or does not show (a container without /sys) is not in use; any other failure is passed on. */
function missing(e: unknown): string[] {
  const code = (e as NodeJS.ErrnoException).code;
  if (code === 'ENOENT' || code === 'EACCES' || code === 'ENOTDIR' || code === 'ENXIO') return [];
  throw e;
}

/** /proc writes blanks and backslashes in paths as octal numbers. */
function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}
