/** Contents of files, read and compared with the checksums in their extents: ordered as they lie in the image. */
import { FsError } from '../fs/errors.js';
import { checksum } from '../fs/format/checksum.js';
import { Pointer, sealedPointer } from '../fs/format/pointer.js';
import { unitSeal } from '../fs/posix/inode/extent-value.js';
import { openUnit } from '../fs/transform/unit.js';
import { type Address, type InodeNumber, pageSize } from '../fs/units.js';
import type { Image } from './image.js';
import type { NodeFrame } from './node.js';
import type { Findings } from './problem.js';

const readsAtOnce = 16;

export interface DataRead {
  readonly inode: InodeNumber;
  readonly firstPage: number;
  readonly address: number;
  readonly pages: number;
  readonly isUnit: boolean;
  /** One CRC32C for each page. */
  readonly sums: Uint32Array;
  /** Of an encrypted unit. */
  readonly seal: Uint8Array | undefined;
}

/** Read and verify what the extents of a leaf point to. */
export async function verifyReads(image: Image, findings: Findings, reads: DataRead[]): Promise<void> {
  const list = reads.sort((a, b) => image.locate(a.address, true) - image.locate(b.address, true));
  const check = new DataCheck(image, findings);
  for (let i = 0; i < list.length; i += readsAtOnce) {
    await Promise.all(list.slice(i, i + readsAtOnce).map((read) => check.verifyOne(read)));
  }
}

class DataCheck {
  constructor(
    private readonly image: Image,
    private readonly findings: Findings,
  ) {}

  async verifyOne(read: DataRead): Promise<void> {
    const bytes = new Uint8Array(read.pages * pageSize);
    if (await this.readable(read.address, bytes)) {
      let good = 0;
      for (let i = 0; i < read.pages; i++)
        if (this.compare(read, i, bytes.subarray(i * pageSize, (i + 1) * pageSize))) good++;
      if (good === read.pages && !this.authentic(read, bytes)) this.bad(read, 0, 'is not authentic');
      return;
    }
    // One bad sector fails the whole read: page by page, to keep what is good.
    for (let i = 0; i < read.pages; i++) {
      const page = bytes.subarray(0, pageSize);
      if (await this.readable(read.address + i, page)) this.compare(read, i, page);
      else this.bad(read, i, "can't be read");
    }
  }

  /** From the medium where that is possible: the host may still remember what has rotted there. */
  private async readable(address: Address, into: Uint8Array): Promise<boolean> {
    const { image } = this;
    try {
      await image.readPages(address, into.length / pageSize, into, true, image.store.medium ?? image.store);
      return true;
    } catch (e) {
      if (e instanceof FsError && e.code === 'EIO') return false;
      throw e;
    }
  }

  private compare(read: DataRead, index: number, page: Uint8Array): boolean {
    if (checksum(page) === read.sums[index]) return true;
    this.bad(read, index, 'fails its checksum');
    return false;
  }

  private authentic({ seal }: DataRead, bytes: Uint8Array): boolean {
    const { sealer } = this.image.geometry;
    return seal === undefined || sealer === undefined || openUnit(sealer, bytes, seal);
  }

  private bad(read: DataRead, index: number, problem: string): void {
    const where = this.image.describe(this.image.locate(read.address + index, true));
    const what = read.isUnit ? `the unit at page ${read.firstPage}` : `page ${read.firstPage + index}`;
    this.findings.add('data', `inode ${read.inode}: ${what} of the file ${problem} (${where})`, read.inode);
  }
}

export function dataRead(
  frame: NodeFrame,
  index: number,
  pointer: Pointer,
  inode: InodeNumber,
  firstPage: number,
): DataRead {
  const sums = new Uint32Array(pointer.pages);
  const start = frame.valueStart(index) + Pointer.size;
  for (let i = 0; i < sums.length; i++) sums[i] = frame.view.getUint32(start + 4 * i, true);
  const { address, pages, transform, flags } = pointer;
  const seal = flags === sealedPointer ? unitSeal(frame.value(index)).slice() : undefined;
  return { inode, firstPage, address, pages, isUnit: transform !== 0, sums, seal };
}
