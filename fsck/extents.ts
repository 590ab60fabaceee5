/**
 * Extents of one file after another: sane, disjoint, inside the file, counted; their pages are claimed, and with
 * `data` read and verified. Reads of a leaf's extents overlap each other, ordered as they lie in the image.
 */
import { extentPageCount } from '../fs/posix/inode/extent-value.js';
import { maxFileSize, pageShift, pageSize } from '../fs/units.js';
import { type DataRead, dataRead, verifyReads } from './data.js';
import { extentProblem } from './extent-value.js';
import type { Image } from './image.js';
import type { CurrentInode } from './inodes.js';
import type { NodeFrame } from './node.js';
import type { Findings } from './problem.js';
import { claimPages } from './tree.js';

const maxPages = maxFileSize / pageSize;
export class ExtentCheck {
  /** Pages with an address of the current inode. */
  storedPages = 0;
  /** Pages with an address of all inodes. */
  stored = 0;
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
    this.stored += pointer.pages;
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
    if (this.reads.length === 0) return undefined;
    const { reads } = this;
    this.reads = [];
    return verifyReads(this.image, this.findings, reads);
  }
}
