/**
 * Reads that go to the medium itself and leave the host's memory as it is (O_DIRECT): for a scrub, which wants to
 * know what lies on the disk, and shall push nothing else out of memory.
 *
 * The kernel asks for aligned memory, which Node's buffers are not: pieces come through one aligned buffer a read,
 * kept for the next one. A host that can't read past its memory (tmpfs of older kernels, some network filesystems)
 * answers EINVAL; from then on reads are ordinary ones.
 */
import fs from 'node:fs';
import { FsError } from '../errors.js';
import { alignedBytes } from '../host/aligned.js';
import type { ImageOffset } from '../units.js';
import { hostFailure } from './host-errors.js';
import type { Readable } from './store.js';

const pieceBytes = 1 << 20;

export class DirectReader implements Readable {
  private fd: number | undefined;
  private able = true;
  private readonly spare: Uint8Array[] = [];

  /** `image`: the open image, whose file is opened once more when it is first read. */
  constructor(
    private readonly image: number,
    private readonly ordinary: Readable & { readonly name: string },
  ) {}

  async read(offset: ImageOffset, into: Uint8Array): Promise<void> {
    if (!(await this.readDirectly(offset, into))) await this.ordinary.read(offset, into);
  }

  /** False: this host can't. Rejects with EIO. */
  private async readDirectly(offset: ImageOffset, into: Uint8Array): Promise<boolean> {
    if (!this.open()) return false;
    const buffer = this.spare.pop() ?? alignedBytes(pieceBytes);
    try {
      for (let done = 0; done < into.length; ) {
        const length = Math.min(pieceBytes, into.length - done);
        const got = await this.piece(buffer, length, offset + done);
        if (got === undefined) return false;
        if (got === 0)
          throw new FsError('EIO', 'read', undefined, `${this.ordinary.name} ends at byte ${offset + done}`);
        into.set(buffer.subarray(0, got), done);
        done += got;
      }
      return true;
    } finally {
      this.spare.push(buffer);
    }
  }

  /** Bytes read; undefined: the host refuses. */
  private piece(buffer: Uint8Array, length: number, offset: number): Promise<number | undefined> {
    const { fd } = this;
    return new Promise((resolve, reject) => {
      if (fd === undefined) return resolve(undefined);
      fs.read(fd, buffer, 0, length, offset, (error, got) => {
        if (!error) return resolve(got);
        if (error.code !== 'EINVAL') return reject(hostFailure(-(error.errno ?? 0), 'read', this.ordinary.name));
        this.able = false;
        resolve(undefined);
      });
    });
  }

  private open(): boolean {
    if (!this.able || this.fd !== undefined) return this.able;
    try {
      this.fd = fs.openSync(`/proc/self/fd/${this.image}`, fs.constants.O_RDONLY | fs.constants.O_DIRECT);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // Without /proc, or where the image may be held but not opened again.
      if (code !== 'EINVAL' && code !== 'ENOENT' && code !== 'EACCES' && code !== 'EPERM') throw error;
      this.able = false;
    }
    return this.able;
  }

  close(): void {
    if (this.fd !== undefined) fs.closeSync(this.fd);
    this.fd = undefined;
    this.able = false;
  }
}
