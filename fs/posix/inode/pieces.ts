/**
 * Which parts of a file are worth laying anew: where it lies in short pieces. Serves `varve defrag`.
 *
 * A piece is a run of pages that follow each other in the file and in the log's places. Two breaks are none, as nothing
 * could be written better: where a run goes from the last page of a segment to the first of another one, and where one
 * page lies between long runs: the summary that a commit has left.
 */
import { extentPages, type InodeNumber, type PageNumber } from '../../units.js';
import type { VolumeApi } from '../../volume/api.js';
import { ExtentCursor } from './extent-map.js';
import { extentStoredPages } from './extent-value.js';

/** Consecutive pages of a file, holes among them. */
export interface Range {
  readonly first: PageNumber;
  readonly end: PageNumber;
  /** Stored. */
  readonly pages: number;
  readonly pieces: number;
}

export interface Looked {
  /** What to lay anew. */
  readonly ranges: readonly Range[];
  /** Page to go on with; undefined at the end of the file. */
  readonly next: PageNumber | undefined;
  /** Short pieces that were left as a snapshot holds them too: laid anew, they would be stored twice. */
  readonly held: readonly { readonly first: PageNumber; readonly pages: number }[];
}

/** Most extents to look at in one go. */
const mostExtents = 4096;

interface Piece {
  readonly first: PageNumber;
  end: PageNumber;
  pages: number;
  held: boolean;
  /** Page of the image behind it, and how many pages before that follow each other without a break. */
  behind: number;
  run: number;
}

export interface Wanted {
  /** Page to begin with. */
  readonly from: PageNumber;
  /** Pieces of so many pages stay as they are. */
  readonly leastPages: number;
  /** Also pieces that a snapshot holds. */
  readonly held: boolean;
  /** All pieces, even a single one. */
  readonly all: boolean;
}

/**
 * Look at the file's extents: ranges of two and more consecutive pieces that are shorter than `leastPages`, or of all.
 * Without `held`, pieces that a snapshot holds are none of them. May throw Suspend.
 */
export function scatteredRanges(volume: VolumeApi, inode: InodeNumber, wanted: Wanted): Looked {
  const { from } = wanted;
  const perSegment = volume.mostPages;
  const pieces: Piece[] = [];
  const cursor = new ExtentCursor(volume, inode);
  let more = cursor.find(from);
  for (let count = 0; more && count < mostExtents; more = cursor.next(), count++) {
    if (cursor.address === 0) continue;
    const first = Math.max(cursor.first, from);
    // A unit is stored, and laid anew, as a whole.
    const isUnit = cursor.transform !== 0;
    const at = volume.where(cursor.address) + (isUnit ? 0 : first - cursor.first);
    const isHeld = cursor.birth <= volume.heldGeneration;
    const last = pieces.at(-1);
    const pages = isUnit ? extentStoredPages(cursor.value) : cursor.end - first;
    if (last !== undefined && last.held === isHeld && goesOn(last, at, perSegment)) {
      last.run = at === last.behind ? last.run + pages : pages;
      last.end = cursor.end;
      last.pages += pages;
      last.behind = at + pages;
    } else pieces.push({ first, end: cursor.end, pages, held: isHeld, behind: at + pages, run: pages });
  }
  return { ...shortOnes(pieces, wanted), next: more ? cursor.first : undefined };
}

function goesOn({ behind, run }: Piece, at: number, perSegment: number): boolean {
  if (at === behind || (at === behind + 1 && run >= extentPages)) return true;
  return isSeam(behind, at, perSegment);
}

/** Whether the log went on from the end of one segment, with its summary, to the start of another. */
export const isSeam = (behind: number, at: number, perSegment: number): boolean =>
  behind % perSegment === perSegment - 1 && at % perSegment === 0;

function shortOnes(pieces: readonly Piece[], wanted: Wanted): Omit<Looked, 'next'> {
  const { leastPages, held: takeHeld, all } = wanted;
  const ranges: Range[] = [];
  const held: Piece[] = [];
  let run: Piece[] = [];
  const endRun = (): void => {
    const [first] = run;
    const last = run.at(-1);
    if (last !== undefined && (all || run.length > 1))
      ranges.push({
        first: first.first,
        end: last.end,
        pages: run.reduce((sum, piece) => sum + piece.pages, 0),
        pieces: run.length,
      });
    run = [];
  };
  for (const piece of pieces) {
    const isShort = all || piece.pages < leastPages;
    if (isShort && (takeHeld || !piece.held)) {
      run.push(piece);
      continue;
    }
    if (isShort && pieces.length > 1) held.push(piece);
    endRun();
  }
  endRun();
  return { ranges, held };
}
