/**
 * Tells a server that serves from one that is ending. Both hold the image's lock. Who finds it locked waits for the one,
 * which umount(8) does not; the other is refused at once, also where it can't be seen: in another container.
 *
 * The mark is a lock of its own (F_OFD_SETLK, for reading, so that servers of a read-only image don't meet) on the first
 * byte of the image, on a description of its own: it goes with the process, whatever becomes of that.
 */
import { closeSync, openSync } from 'node:fs';
import { lockByte, seesLock } from '../host/files.js';

export class ServingMark {
  private readonly fd: number;

  constructor(image: string) {
    this.fd = openSync(image, 'r');
    lockByte(this.fd);
  }

  /** Nothing is mounted any more. */
  clear(): void {
    closeSync(this.fd);
  }
}

export function isServed(image: string): boolean {
  const fd = openSync(image, 'r');
  try {
    return seesLock(fd);
  } finally {
    closeSync(fd);
  }
}
