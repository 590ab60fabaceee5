/**
 * What mode `data` promises: after a power cut an exact prefix of the acknowledged operations, contents included, and
 * what was synced is in it; after the death of the process alone all that were acknowledged. The operation that was
 * under way may be there as well. That a write takes setuid and setgid away is an operation of its own, before it.
 *
 * All changes since the last durable moment, of names and of contents, stand in one sequence. The state found is right
 * if it is the state after one of them with which an operation ended: the same facts (but for files without names), and
 * every file with the same size and bytes as its newest version up to there.
 */
import { pageSize } from '../../fs/units.js';
import { compareContents } from '../model/compare.js';
import type { Contents } from '../model/contents.js';
import type { Dump } from '../model/dump.js';
import type { History, Version } from '../model/history.js';
import { matchingPrefixes } from './prefixes.js';
import type { Evidence, Verdict } from './verdict.js';

export function checkData(history: History, { found, processOnly }: Evidence): Verdict {
  const matches = matchingPrefixes(history, found.facts);
  if (matches.prefixes.length === 0) return { kept: false, why: matches.why };
  const least = processOnly ? history.acknowledged : history.durableUpTo;
  const ends = endsFrom(history, least);
  let why = [`metadata as after ${matches.prefixes.join(' or ')} of ${history.effects.length} operations`];
  for (const count of matches.prefixes.reverse()) {
    // The ends of operations at which the metadata are these.
    const [from, to] = [history.lastOf(count), history.endOf(count)];
    for (const end of ends.filter((end) => end >= from && end < to).reverse()) {
      const problems = compareFiles(history, end, found);
      if (problems.length === 0) return { kept: true, effects: count };
      if (why.length === 1) why = [`the last change is number ${end} (at least ${least})`, ...why, ...problems];
    }
  }
  return { kept: false, why: why.length > 1 ? why : [`no operation ended there since ${least}`, ...why] };
}

/** Where operations ended, from `least` on; with what is under way. */
function endsFrom(history: History, least: number): number[] {
  const last = history.now().sequence;
  return [...new Set([history.durableUpTo, ...history.ends, last])].filter((end) => end >= least);
}

function compareFiles(history: History, end: number, found: Dump): string[] {
  for (const [inode, contents] of found.files) {
    const expected = newest(history.versions.get(inode) ?? [], end);
    if (!expected) return [`inode ${inode}: the history knows no version of it up to ${end}`];
    if (sameContents(expected.contents, contents)) continue;
    return compareContents(inode, expected.contents, contents);
  }
  return [];
}

function newest(versions: readonly Version[], end: number): Version | undefined {
  let last: Version | undefined;
  for (const version of versions) if (version.sequence <= end) last = version;
  return last;
}

function sameContents(a: Contents, b: Contents): boolean {
  if (a.size !== b.size) return false;
  for (const contents of [a, b]) {
    for (const page of contents.written()) {
      if (page * pageSize >= a.size) continue;
      const other = contents === a ? b : a;
      if (other.page(page) !== contents.page(page) && Buffer.compare(other.page(page), contents.page(page)) !== 0)
        return false;
    }
  }
  return true;
}
