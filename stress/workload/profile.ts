/**
 * What a profile says, as data: which sets of files there are, and which steps each worker repeats. Nothing here runs;
 * worker.ts does what the steps say.
 *
 * So that every byte read can be known, files are divided between workers. `own`: each file belongs to one worker, who
 * alone writes and removes it. `shared`: anyone reads, nobody writes. `pages`: anyone opens them, and each piece of a
 * file belongs to one worker.
 */
import type { Size } from './gamma.js';

export interface SetOfFiles {
  readonly use: 'own' | 'shared' | 'pages';
  /** How many; `--files` changes this in proportion, except for what is `fixed`. */
  readonly files: number;
  readonly fixed?: boolean;
  readonly size: Size;
  /** Share of them that is there at the start, 0 to 1. */
  readonly present: number;
  /** Files in a directory; more make more directories, nested when these are too many as well. */
  readonly directoryWidth: number;
  /** Bytes of a piece, in sets that are used by `pages`. */
  readonly piece?: number;
}

/** One step of a worker's round, on a file that is drawn anew for each. `set` names a set of the profile. */
export type Step = {
  readonly set: string;
  /** How often in a round; below 1: in so many rounds of all. 1 if absent. */
  readonly times?: number;
} & (
  | {
      /** A new file: create, write, fsync perhaps, close. Of the set's size, or of 1 to `upTo` bytes. */
      readonly step: 'make';
      readonly upTo?: number;
      readonly sync?: boolean;
    }
  | {
      /** Open, read it whole first perhaps, write 1 to `upTo` bytes to its end, fsync perhaps, close. */
      readonly step: 'append';
      readonly upTo: number;
      readonly sync?: boolean;
      readonly read?: boolean;
    }
  /** Open, read to the end, close. */
  | { readonly step: 'read' }
  | { readonly step: 'stat' }
  /** stat of a name that is not there, as a search along a path does. */
  | { readonly step: 'miss' }
  | { readonly step: 'remove' }
  /** A whole file under another name, renamed over the old one (or to its first place). */
  | { readonly step: 'replace'; readonly sync?: boolean }
  /** A temporary file: create, write, read back, close, unlink. */
  | { readonly step: 'scratch' }
  | { readonly step: 'read-piece' }
  | { readonly step: 'write-piece'; readonly sync?: boolean }
);

export interface Profile {
  readonly name: string;
  /** One line for --help. */
  readonly summary: string;
  /** Where it comes from, and what differs from there. */
  readonly source: string;
  readonly concurrency: number;
  /** The first is the main one: `--files` and `--age` speak of it. */
  readonly sets: Readonly<Record<string, SetOfFiles>>;
  readonly round: readonly Step[];
}

/** The name of the main set. */
export const mainSet = (profile: Profile): string => Object.keys(profile.sets)[0];
