/**
 * Adds up how the pages of files lie. It is told of one file after another, of each its extents in order, and keeps
 * figures only: its memory does not depend on how many files there are.
 *
 * A piece is a run of pages that follow each other in the file and in the image. It goes on over a hole of the file if
 * what follows lies behind what was before, and over one page of the image that is not live: a summary, mostly, as every
 * segment ends with one. A file may need a piece for each segment's worth of pages, as segments that follow each other
 * in the log need not be neighbours.
 */
import { extentPages, type InodeNumber, pageSize } from '../units.js';
import {
  type FileFigures,
  type FragmentationReport,
  jumpBytes,
  jumpShare,
  type WornFile,
} from './fragmentation-report.js';
import { Doubling } from './histogram.js';
import type { Lying } from './lying.js';
import { Steps } from './steps.js';

/** How many of the worst files are told. */
const mostWorst = 20;

export class FileTally {
  private readonly totals = { count: 0, withoutPages: 0, scattered: 0 };
  private readonly sums = { bytes: 0, extents: 0, idealExtents: 0, pieces: 0, idealPieces: 0 };
  private jumps = 0;
  private shortPieceBytes = 0;
  private readonly filesByPieces = new Doubling();
  private readonly piecesByBytes = new Doubling();
  private readonly steps = new Steps();
  private readonly worst: { readonly file: WornFile; readonly excess: number }[] = [];
  /** The file at hand. */
  private inode: InodeNumber | undefined;
  private pages = 0;
  private extents = 0;
  private pieces = 0;
  /** Of the open piece: page of the image behind it, and its length. */
  private end = -1;
  private length = 0;
  /** Pages of the file in pieces shorter than a jump. */
  private shortPages = 0;

  constructor(
    /** Pages of a file that a segment can hold one after another. */
    private readonly perPiece: number,
    /** Whether a page of the image is live. */
    private readonly isLive: (at: number) => boolean,
  ) {}

  /** The next file. */
  begin(inode: InodeNumber): void {
    this.finish();
    this.inode = inode;
  }

  /** The next stored extent of the file at hand, and where it lies; one of another file has lost its inode. */
  extent(inode: InodeNumber, lying: readonly Lying[]): void {
    if (inode !== this.inode) return;
    if (lying.length > 0) this.extents++;
    for (const { at, pages } of lying) {
      if (at !== this.end && !(at === this.end + 1 && this.end >= 0 && !this.isLive(this.end))) {
        if (this.end >= 0) this.steps.add(at - this.end);
        this.endPiece();
        this.pieces++;
      }
      this.pages += pages;
      this.length += pages;
      this.end = at + pages;
    }
  }

  private endPiece(): void {
    if (this.length === 0) return;
    this.piecesByBytes.add(this.length, this.length);
    if (this.length * pageSize < jumpBytes) this.shortPages += this.length;
    this.length = 0;
  }

  /** The last file is complete. */
  finish(): void {
    const { inode, pages, extents, pieces, totals, sums } = this;
    if (inode === undefined) return;
    this.endPiece();
    totals.count++;
    if (pages === 0) totals.withoutPages++;
    else {
      const idealPieces = Math.ceil(pages / this.perPiece);
      const excess = Math.max(0, pieces - idealPieces);
      if (pages * pageSize >= jumpBytes) this.shortPieceBytes += this.shortPages * pageSize;
      sums.bytes += pages * pageSize;
      sums.extents += extents;
      sums.idealExtents += Math.ceil(pages / extentPages);
      sums.pieces += pieces;
      sums.idealPieces += idealPieces;
      this.filesByPieces.add(pieces, pages);
      if (excess > 0) {
        totals.scattered++;
        this.jumps += excess;
        this.remember({ inode, bytes: pages * pageSize, extents, pieces, idealPieces }, excess);
      }
    }
    this.inode = undefined;
    this.pages = this.extents = this.pieces = this.shortPages = 0;
    this.end = -1;
  }

  private remember(file: WornFile, excess: number): void {
    const { worst } = this;
    if (worst.length === mostWorst && excess <= worst[mostWorst - 1].excess) return;
    let at = worst.length;
    while (at > 0 && worst[at - 1].excess < excess) at--;
    worst.splice(at, 0, { file, excess });
    worst.length = Math.min(worst.length, mostWorst);
  }

  get figures(): Pick<
    FragmentationReport,
    'score' | 'files' | 'cost' | 'filesByPieces' | 'piecesByBytes' | 'distances' | 'worst'
  > {
    const files: FileFigures = { ...this.totals, ...this.sums };
    return {
      score: jumpShare(this.jumps, files.bytes),
      files,
      cost: { jumps: this.jumps, jumpBytes, shortPieceBytes: this.shortPieceBytes },
      filesByPieces: this.filesByPieces.classes(1, pageSize),
      piecesByBytes: this.piecesByBytes.classes(pageSize),
      distances: this.steps.classes,
      worst: this.worst.map(({ file }) => file),
    };
  }
}
