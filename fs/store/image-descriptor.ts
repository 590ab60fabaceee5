/**
 * The descriptor of an image: opened, locked, and of which size the image is.
 *
 * Invariant
 * 1. An open image is locked until it is closed: flock on its descriptor (exclusive for writers, shared for
 *    readers), which holds across processes and containers of one host; on a block device also O_EXCL, which
 *    refuses mounted devices and, as device nodes differ between containers, keeps readers apart as well.
 */
import fs from 'node:fs';
import { VolumeError } from '../errors.js';
import { deviceSize, tryLock } from '../host/files.js';
import { openFailure } from './host-errors.js';

export interface OpenOptions {
  readonly readOnly?: boolean;
  /** Make the file if it is missing, and give a regular file this size in bytes. Its bytes stay; new ones are zeros. */
  readonly create?: { readonly size: number };
  /** How long to wait for an image that is in use, in milliseconds. */
  readonly waitMs?: number;
}

/** Milliseconds from one try to the next. */
const retryMs = 20;

function openDescriptor(path: string, options: OpenOptions): { fd: number; device: boolean } {
  const { O_RDONLY, O_RDWR, O_CREAT, O_EXCL } = fs.constants;
  const access = options.readOnly ? O_RDONLY : O_RDWR;
  let device = false;
  try {
    const found = fs.statSync(path);
    device = found.isBlockDevice();
    // Before it is opened: opening a pipe to read waits for someone who writes, for ever.
    if (!device && !found.isFile()) {
      throw new VolumeError('usage', `${path} is neither a regular file nor a block device`);
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || !options.create) throw error;
  }
  // On a block device O_EXCL asks for the device for oneself; O_CREAT must not go with it.
  if (device) return { fd: fs.openSync(path, access | O_EXCL), device };
  // An image holds what its files hold, whoever may read those: it belongs to its maker alone.
  return { fd: fs.openSync(path, options.create ? access | O_CREAT : access, 0o600), device };
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Open and lock, waiting for up to `waitMs` while somebody else has it. Throws VolumeError, as `openImageFile` says. */
export async function openLocked(path: string, options: OpenOptions): Promise<{ fd: number; device: boolean }> {
  const until = performance.now() + (options.waitMs ?? 0);
  for (;;) {
    let problem: VolumeError;
    try {
      const opened = openDescriptor(path, options);
      if (tryLock(opened.fd, !options.readOnly)) return opened;
      fs.closeSync(opened.fd);
      problem = new VolumeError('in-use', `${path} is in use`);
    } catch (error) {
      problem = error instanceof VolumeError ? error : openFailure(error, path);
    }
    if (problem.problem !== 'in-use' || performance.now() >= until) throw problem;
    await sleep(retryMs);
  }
}

/** Bytes; a file that is to be made, or has another size than was asked for, gets that. Throws VolumeError 'io', or what the host says. */
export function sizeOf(path: string, fd: number, device: boolean, options: OpenOptions): number {
  if (device) {
    const size = deviceSize(fd);
    if (size < 0) throw new VolumeError('io', `${path}: the size of the device can't be read`);
    return size;
  }
  const found = fs.fstatSync(fd);
  if (options.create === undefined || options.create.size === found.size) return found.size;
  fs.ftruncateSync(fd, options.create.size);
  return options.create.size;
}
