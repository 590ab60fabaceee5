/**
 * Whether contents that were found are made of versions that the file had: page by page, as a write can be done in part
 * and pages of different ages may stand side by side (rules 2 and 3 of ordered.ts).
 */
import { pageSize } from '../../fs/units.js';
import type { Contents } from '../model/contents.js';
import type { Version } from '../model/history.js';

/** A version with the truncations after it done on it: bytes up to `covered` are its own. */
interface Candidate {
  readonly contents: Contents;
  readonly covered: number;
  /** Size with the later truncations that cut, and with those too that extend. */
  readonly least: number;
  readonly greatest: number;
}

function candidatesOf(window: readonly Version[]): Candidate[] {
  return window.map((version, index) => {
    let contents = version.contents;
    let least = contents.size;
    let greatest = contents.size;
    for (const { redo } of window.slice(index + 1)) {
      if (redo?.what === 'cut') {
        contents = contents.cut(redo.size);
        least = Math.min(least, redo.size);
        greatest = Math.min(greatest, redo.size);
      } else if (redo?.what === 'extend') greatest = Math.max(greatest, redo.size);
    }
    return { contents, covered: least, least, greatest };
  });
}

/** Exported for the tests of this check. */
export function checkContents(inode: number, window: readonly Version[], found: Contents): string[] {
  const last = window[window.length - 1].contents;
  const candidates = candidatesOf(window);
  const least = Math.min(...candidates.map((candidate) => candidate.least));
  const greatest = Math.max(...candidates.map((candidate) => candidate.greatest));
  if (found.size < least || found.size > greatest) {
    return [`inode ${inode}: size ${found.size}, expected ${least} to ${greatest}`];
  }
  const pages = new Set(found.written());
  for (const { contents } of window) for (const page of contents.written()) pages.add(page);
  const problems: string[] = [];
  for (const page of pages) {
    const start = page * pageSize;
    const length = Math.min(pageSize, found.size - start);
    if (length <= 0) continue;
    const bytes = found.page(page);
    if (last.size >= start + length && same(bytes, last.page(page), 0, length)) continue;
    if (!explained(bytes, page, length, candidates)) {
      problems.push(
        `inode ${inode}: page ${page} (${describe(bytes)}) is in none of ${window.length} versions: ${window
          .slice(0, 6)
          .map(({ contents }) => `size ${contents.size} ${describe(contents.page(page))}`)
          .join('; ')}; size found ${found.size}`,
      );
      if (problems.length > 3) break;
    }
  }
  return problems;
}

function explained(bytes: Uint8Array, page: number, length: number, candidates: readonly Candidate[]): boolean {
  const start = page * pageSize;
  return candidates.some(({ contents, covered }, index) => {
    const own = Math.max(0, Math.min(length, covered - start));
    if (!same(bytes, contents.page(page), 0, own)) return false;
    if (own === length) return true;
    return candidates
      .slice(index)
      .some((later) => later.covered >= start + length && same(bytes, later.contents.page(page), own, length));
  });
}

const same = (a: Uint8Array, b: Uint8Array, from: number, to: number): boolean =>
  a === b || Buffer.compare(a.subarray(from, to), b.subarray(from, to)) === 0;

/** First bytes that aren't zero, in hexadecimal. */
function describe(page: Uint8Array): string {
  const at = page.findIndex((byte) => byte !== 0);
  return at < 0 ? 'zeros' : `${at}: ${Buffer.from(page.subarray(at, at + 8)).toString('hex')}`;
}
