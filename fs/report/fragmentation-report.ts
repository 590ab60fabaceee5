/**
 * What `varve frag` tells, as an object fit for JSON; fs/cli/schemas/frag.ts says the same for other programs, and
 * docs/FRAGMENTATION.md what the figures mean. All lengths are bytes unless they say otherwise.
 *
 * The score: reading all files once, each from its first page to its last, costs their bytes and a jump wherever the
 * next page does not lie behind the one before. A jump is put at the price of reading `jumpBytes`, the window with
 * which the host's read-ahead begins again after it. The score is the share of jumps in that price, in percent: 0 when
 * every file lies in one piece, 50 when half of the time would go into jumps, near 97 when all lie in single pages.
 */
import type { InodeNumber } from '../units.js';

/** Linux reads this much ahead unless told otherwise (read_ahead_kb). */
export const jumpBytes = 128 * 1024;

/** How many values lie in a class of values, and how many bytes those stand for. */
export type Classes = readonly {
  readonly from: number;
  readonly to: number;
  readonly count: number;
  readonly bytes: number;
}[];

/** Price of `jumps` when so many bytes are read, as the score has it: 0 to 100. */
export function jumpShare(jumps: number, bytes: number): number {
  return jumps === 0 ? 0 : (100 * jumps * jumpBytes) / (bytes + jumps * jumpBytes);
}

export interface WornFile {
  readonly inode: InodeNumber;
  /** Undefined: it has no name, or lost it meanwhile. */
  path?: string;
  readonly bytes: number;
  readonly extents: number;
  readonly pieces: number;
  readonly idealPieces: number;
}

export interface FileFigures {
  /** Regular files that were looked at. */
  readonly count: number;
  /** Those without pages of their own: empty, inline, or all holes. */
  readonly withoutPages: number;
  /** Those with more pieces than they need. */
  readonly scattered: number;
  readonly bytes: number;
  readonly extents: number;
  readonly idealExtents: number;
  readonly pieces: number;
  readonly idealPieces: number;
}

export interface FragmentationReport {
  readonly version: 1;
  /** What was looked at, from the root of the volume. */
  readonly path: string;
  readonly generation: number;
  readonly score: number;
  readonly files: FileFigures;
  readonly cost: {
    /** Pieces beyond those needed: jumps that reading every file once would make for nothing. */
    readonly jumps: number;
    readonly jumpBytes: number;
    /** In pieces shorter than `jumpBytes`, of files that are not: read-ahead runs past their ends. */
    readonly shortPieceBytes: number;
  };
  /** Files by their number of pieces. */
  readonly filesByPieces: Classes;
  /** Pieces by their length. */
  readonly piecesByBytes: Classes;
  /** Steps from the end of a piece to the next piece of its file, by their length. */
  readonly distances: { readonly forward: Classes; readonly backward: Classes };
  readonly worst: readonly WornFile[];
  /** Of the whole volume. */
  readonly segments: SegmentFigures;
  /** The file tree in the order of its keys; absent when only a part of the volume was looked at. */
  readonly metadata?: MetadataFigures;
  readonly map: SpaceMap;
}

export interface SegmentFigures {
  readonly places: number;
  readonly segmentBytes: number;
  readonly free: number;
  /** Free places that follow each other, by length in places. */
  readonly freeRuns: Classes;
  readonly longestFreeRun: number;
  readonly open: number;
  readonly journal: number;
  readonly sealed: number;
  /** Sealed segments by the share of their pages that are live: ten classes, the last up to 100 %. */
  readonly utilisation: readonly { readonly data: number; readonly cold: number; readonly nodes: number }[];
  /** Sealed segments by age in generations, plus 1. */
  readonly ages: Classes;
}

export interface MetadataFigures {
  readonly leaves: number;
  readonly inner: number;
  readonly bytes: number;
  /** Share of the leaves' bytes in use. */
  readonly fill: number;
  /** Leaves that do not lie behind the one before. */
  readonly jumps: number;
  readonly distances: { readonly forward: Classes; readonly backward: Classes };
  /** As the score of files. */
  readonly score: number;
  /** Nodes that could not be read; what they hold is in none of the figures. */
  readonly damaged: number;
}

export const cellKinds = ['free', 'data', 'cold', 'nodes', 'journal'] as const;
export type CellKind = (typeof cellKinds)[number];

/** The volume from its first place to its last; a cell is one place unless the volume has very many. */
export interface SpaceMap {
  readonly placesPerCell: number;
  readonly cells: readonly MapCell[];
}

export interface MapCell {
  readonly place: number;
  readonly places: number;
  /** What most of its live pages are, or what was written there last. */
  readonly kind: CellKind;
  readonly live: number;
  readonly pages: number;
  readonly open: boolean;
  /** Of the last write; 0 if nothing was ever written. */
  readonly generation: number;
}
