/**
 * Where files that are read one after another lie, and which of them lie apart. Serves `varve defrag` of directories: what
 * pieces are to a file, stretches of files are to a directory.
 */

import { run } from '../../suspend.js';
import { extentPages, type InodeNumber } from '../../units.js';
import type { VolumeApi } from '../../volume/api.js';
import type { Context } from './context.js';
import { ExtentCursor } from './extent-map.js';
import { extentStoredPages } from './extent-value.js';

/** Files that are looked at between requests. */
const atOnce = 64;

/** Of files that are read in this order, those that lie apart; such as are gone are passed over. Rejects with EIO. */
export async function lyingApart(
  { volume, breathe }: Context,
  files: readonly InodeNumber[],
  leastPages: number,
): Promise<InodeNumber[]> {
  const spans: (Span | undefined)[] = [];
  for (const file of files) {
    spans.push(await run(() => spanOf(volume, file, leastPages)));
    if (spans.length % atOnce === 0) await breathe();
  }
  const apart = lieApart(spans, leastPages, volume.mostPages);
  return files.filter((_, i) => apart[i]);
}

/** Pages of the image, as `VolumeApi.where` numbers them: from the file's first stored page to behind its last. */
export interface Span {
  readonly first: number;
  readonly behind: number;
  /** Stored. */
  readonly pages: number;
}

/** Undefined: the file stores no pages, or more than `mostPages`. May throw Suspend. */
export function spanOf(volume: VolumeApi, inode: InodeNumber, mostPages: number): Span | undefined {
  let [first, behind, pages] = [-1, -1, 0];
  const cursor = new ExtentCursor(volume, inode);
  for (let more = cursor.find(0); more; more = cursor.next()) {
    if (cursor.address === 0) continue;
    const stored = cursor.transform === 0 ? cursor.end - cursor.first : extentStoredPages(cursor.value);
    const at = volume.where(cursor.address);
    if (first < 0) first = at;
    behind = at + stored;
    pages += stored;
    if (pages > mostPages) return undefined;
  }
  return first < 0 ? undefined : { first, behind, pages };
}

/**
 * Which files are worth laying anew together, in the order in which they are given: where two or more stretches of less
 * than `leastPages` follow each other. A stretch goes on with a file that begins no farther than that from where the one
 * before ends, on either side: the order within a stretch does not matter, as hosts and disks read ahead. So it does at a
 * seam, from the end of one segment to the start of another.
 */
export function lieApart(spans: readonly (Span | undefined)[], leastPages: number, perSegment: number): boolean[] {
  const apart = spans.map(() => false);
  let short: Stretch[] = [];
  let last: Stretch | undefined;
  const endShort = (): void => {
    if (short.length > 1) for (const { files } of short) for (const file of files) apart[file] = true;
    short = [];
  };
  const endLast = (): void => {
    if (last === undefined) return;
    if (last.pages < leastPages) short.push(last);
    else endShort();
  };
  for (const [file, span] of spans.entries()) {
    if (span === undefined) continue;
    const { first, behind, pages } = span;
    if (last !== undefined && (Math.abs(first - last.behind) <= leastPages || goesOn(last.behind, first, perSegment))) {
      last.files.push(file);
      last.pages += pages;
      last.behind = behind;
    } else {
      endLast();
      last = { files: [file], pages, behind };
    }
  }
  endLast();
  endShort();
  return apart;
}

interface Stretch {
  readonly files: number[];
  pages: number;
  behind: number;
}

/** Units may leave a few pages at the end of a segment. */
const goesOn = (behind: number, at: number, perSegment: number): boolean =>
  at % perSegment < extentPages && (behind % perSegment === 0 || behind % perSegment >= perSegment - extentPages);
