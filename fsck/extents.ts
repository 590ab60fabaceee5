/**
 * Extents of one file after another: sane, disjoint, inside the file, counted; their pages are claimed, and with
 * `data` read and verified. Reads of a leaf's extents overlap each other, ordered as they lie in the image.
 */
import { FsError } from '../fs/errors.js';
import { checksum } from '../fs/format/checksum.js';
import { Pointer } from '../fs/format/pointer.js';
import { extentPageCount } from '../fs/posix/inode/extent-value.js';
import { type Address, type InodeNumber, maxFileSize, pageShift, pageSize } from '../fs/units.js';
import { extentProblem } from './extent-value.js';
import type { Image } from './image.js';
import type { CurrentInode } from './inodes.js';
import type { NodeFrame } from './node.js';
import type { Findings } from './problem.js';
import { claimPages } from './tree.js';

const maxPages = maxFileSize / pageSize;
const readsAtOnce = 16;

interface DataRead {
  readonly inode: InodeNumber;
  readonly firstPage: number;
  readonly address: number;
  readonly pages: number;
  readonly isUnit: boolean;
  /** One CRC32C for each page. */
  readonly sums: Uint32Array;
}

export class ExtentCheck {
  /** Pages with an address of the current inode. */
  storedPages = 0;
  /** Reserved pages of all inodes. */
  promised = 0;
  private reservedPages = 0;
  private end = 0;
  private storedEnd = 0;
  private reads: DataRead[] = [];

  constructor(
    private readonly image: Image,
    private readonly findings: Findings,
    private readonly data: boolean,
  ) {}

  /** Another inode begins. */
  start(): void {
    this.storedPages = 0;
    this.reservedPages = 0;
    this.end = 0;
    this.storedEnd = 0;
  }

  add(frame: NodeFrame, index: number, current: CurrentInode): void {
    const first = frame.offset(index);
    const inode = current.number;
    const wrong = extentProblem(frame.value(index), this.image.superblock);
    if (wrong) {
      this.findings.add('extent-value', `inode ${inode}: the extent at page ${first} ${wrong}`, inode);
      return;
    }
    const pointer = frame.pointer(index);
    const length = extentPageCount(frame.value(index));
    if (first < this.end) {
      this.findings.add(
        'extent-overlap',
        `inode ${inode}: the extent at page ${first} overlaps the one before, which ends at ${this.end}`,
        inode,
      );
    }
    if (first + length > maxPages) {
      this.findings.add(
        'extent-overlap',
        `inode ${inode}: the extent at page ${first} ends beyond the largest file`,
        inode,
      );
    }
    this.end = Math.max(this.end, first + length);
    if (pointer.address === 0) {
      this.reservedPages += pointer.pages;
      this.promised += pointer.pages;
      return;
    }
    this.storedPages += pointer.pages;
    this.storedEnd = Math.max(this.storedEnd, first + length);
    if (pointer.birth > frame.birth) {
      this.findings.add(
        'birth',
        `inode ${inode}: the extent at page ${first} was born in generation ${pointer.birth}, its node in ${frame.birth}`,
        inode,
      );
    }
    const owner = `inode ${inode}, page ${first},`;
    if (claimPages(this.image, pointer.address, pointer.pages, owner, true, this.findings, inode) !== 'alone') return;
    if (this.data) this.reads.push(dataRead(frame, index, pointer, inode, first));
  }

  /** All extents of the inode were seen. */
  finish(current: CurrentInode): void {
    const { number, pages, size, isOrphan } = current;
    const counted = this.storedPages + this.reservedPages;
    if (pages !== counted)
      this.findings.add('pages', `inode ${number} counts ${pages} pages, its extents have ${counted}`, number);
    if (!isOrphan && this.storedEnd > Math.ceil(size / 2 ** pageShift)) {
      this.findings.add(
        'extent-past-end',
        `inode ${number} has pages up to ${this.storedEnd} beyond its size of ${size} bytes`,
        number,
      );
    }
  }

  /** Read and verify what the extents of a leaf point to. */
  leafDone(): Promise<void> | undefined {
    return this.reads.length === 0 ? undefined : this.verify();
  }

  private async verify(): Promise<void> {
    const list = this.reads.sort((a, b) => this.image.locate(a.address, true) - this.image.locate(b.address, true));
    this.reads = [];
    for (let i = 0; i < list.length; i += readsAtOnce) {
      await Promise.all(list.slice(i, i + readsAtOnce).map((read) => this.verifyOne(read)));
    }
  }

  private async verifyOne(read: DataRead): Promise<void> {
    const bytes = new Uint8Array(read.pages * pageSize);
    if (await this.readable(read.address, bytes)) {
      for (let i = 0; i < read.pages; i++) this.compare(read, i, bytes.subarray(i * pageSize, (i + 1) * pageSize));
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

  private compare(read: DataRead, index: number, page: Uint8Array): void {
    if (checksum(page) !== read.sums[index]) this.bad(read, index, 'fails its checksum');
  }

  private bad(read: DataRead, index: number, problem: string): void {
    const where = this.image.describe(this.image.locate(read.address + index, true));
    const what = read.isUnit ? `the unit at page ${read.firstPage}` : `page ${read.firstPage + index}`;
    this.findings.add('data', `inode ${read.inode}: ${what} of the file ${problem} (${where})`, read.inode);
  }
}

function dataRead(frame: NodeFrame, index: number, pointer: Pointer, inode: InodeNumber, firstPage: number): DataRead {
  const sums = new Uint32Array(pointer.pages);
  const start = frame.valueStart(index) + Pointer.size;
  for (let i = 0; i < sums.length; i++) sums[i] = frame.view.getUint32(start + 4 * i, true);
  return { inode, firstPage, address: pointer.address, pages: pointer.pages, isUnit: pointer.transform !== 0, sums };
}
