/**
 * What mode `ordered` promises after a power cut, as a check of what recovery found against the history of the model.
 *
 * Let the history be the metadata operations e1, e2, ... en since the last moment known to be durable, and for each
 * file its versions since then, all in one sequence. Reads, sync and fsync are not in it; a write is data, and so
 * are fallocate and copyRange, which may be done in parts. A truncation is both: metadata, in order, and a version.
 * Known to be durable are: what was done before a sync, commit or unmount that has returned; the metadata that was
 * done before an fsync that has returned, and the contents that its file had then.
 *
 * The state found is right if there is a k, 0 <= k <= n, such that
 *
 * 1. The facts (names, inode numbers, types, permissions, owners, links, targets, attributes) are exactly those
 *    after e1 ... ek. Files without names are gone.
 * 2. For every regular file, a page that is found is a page of the file as it was, never older than durable, never of
 *    another file, never from after e(k+1). With a window of versions that begins with the newest one that is durable,
 *    or that a rename or link among e1 ... ek flushed, and ends before e(k+1): there is a version v in it such that
 *    the page's bytes below the size of v equal v with the later truncations of the window done on it, and the bytes
 *    from that size up to the size found equal one version w >= v of the window, with the truncations after it done
 *    on it, that is then at least as long.
 *    So no page within the size found is one that was not there: it may be old, it can't be absent.
 * 3. The size found lies between the least and the greatest that a version of the window, with the later truncations
 *    of the window done on it, has: a large write may be cut short. A truncation that extends a file may be late like
 *    data, one that cuts it is not.
 *
 * Times may be older, and are not compared.
 */
import { pageSize } from '../../fs/units.js';
import type { Contents } from '../model/contents.js';
import type { Dump } from '../model/dump.js';
import type { History, Version } from '../model/history.js';
import { applyChanges, differences, type Facts, inodeKey } from '../model/state.js';

/** Undefined if the promise is kept, with the number of effects that survived; else what is wrong. */
export type Verdict =
  | { readonly kept: true; readonly effects: number }
  | { readonly kept: false; readonly why: string[] };

export function checkOrderedPromise(history: History, found: Dump): Verdict {
  const matches = matchingPrefixes(history, found.facts);
  if (matches.prefixes.length === 0) return { kept: false, why: matches.why };
  let why: string[] = [];
  // The longest first: it is the likeliest, and what is wrong with it says most.
  for (const count of matches.prefixes.reverse()) {
    const problems = checkFiles(history, count, found);
    if (problems.length === 0) return { kept: true, effects: count };
    if (why.length === 0) why = [`metadata as after ${count} of ${history.effects.length} operations`, ...problems];
  }
  return { kept: false, why };
}

/** Facts without the files that have no name: recovery reclaims them. */
function withoutOrphans(facts: Facts): Facts {
  const orphans = new Set<string>();
  for (const [key, value] of facts) if (key.startsWith('i ') && / links 0 /.test(value)) orphans.add(key.slice(2));
  if (orphans.size === 0) return facts;
  const rest: Facts = new Map();
  for (const [key, value] of facts) if (!orphans.has(key.slice(2).split('/', 1)[0])) rest.set(key, value);
  return rest;
}

function matchingPrefixes(history: History, found: Facts): { prefixes: number[]; why: string[] } {
  const facts: Facts = new Map(history.base);
  const prefixes: number[] = [];
  let nearest = { count: 0, wrong: Number.POSITIVE_INFINITY };
  // The number of differing facts is kept up to date from effect to effect; orphans are compared at the end only.
  const differs = (key: string): boolean => !isOrphan(facts, key) && facts.get(key) !== found.get(key);
  let wrong = 0;
  for (const key of new Set([...facts.keys(), ...found.keys()])) if (differs(key)) wrong++;
  for (let count = 0; ; count++) {
    if (wrong === 0) prefixes.push(count);
    if (wrong < nearest.wrong) nearest = { count, wrong };
    if (count === history.effects.length) break;
    const { changes } = history.effects[count];
    const touched = new Set(changes.keys());
    // An inode that gains or loses its last name takes its attributes along.
    for (const key of changes.keys()) {
      if (!key.startsWith('i ')) continue;
      for (const other of xattrsOf(facts, found, key.slice(2))) touched.add(other);
    }
    for (const key of touched) if (differs(key)) wrong--;
    applyChanges(facts, changes);
    for (const key of touched) if (differs(key)) wrong++;
  }
  if (prefixes.length > 0) return { prefixes, why: [] };
  const closest: Facts = new Map(history.base);
  for (const { changes } of history.effects.slice(0, nearest.count)) applyChanges(closest, changes);
  const why = [
    `no prefix of the ${history.effects.length} metadata operations gives what was found; nearest are the first ` +
      `${nearest.count}, which differ in ${nearest.wrong} facts`,
    ...differences(withoutOrphans(closest), found),
  ];
  return { prefixes, why };
}

function isOrphan(facts: Facts, key: string): boolean {
  if (key.startsWith('d ')) return false;
  const fact = facts.get(inodeKey(Number(key.slice(2).split('/', 1)[0])));
  return fact !== undefined && / links 0 /.test(fact);
}

function* xattrsOf(facts: Facts, found: Facts, inode: string): Iterable<string> {
  const prefix = `x ${inode}/`;
  for (const map of [facts, found]) for (const key of map.keys()) if (key.startsWith(prefix)) yield key;
}

function checkFiles(history: History, count: number, found: Dump): string[] {
  const problems: string[] = [];
  for (const [inode, contents] of found.files) {
    const window = windowOf(history, count, inode);
    if (window.length === 0) problems.push(`inode ${inode}: the history knows no version of it`);
    else problems.push(...checkContents(inode, window, contents));
    if (problems.length > 10) break;
  }
  return problems;
}

function windowOf(history: History, count: number, inode: number): Version[] {
  const versions = history.versions.get(inode) ?? [];
  const end = history.endOf(count);
  let from = 0;
  for (const { flushes, sequence } of history.effects.slice(0, count)) {
    if (!flushes.includes(inode)) continue;
    while (from + 1 < versions.length && versions[from + 1].sequence <= sequence) from++;
  }
  return versions.slice(from).filter((version) => version.sequence < end);
}

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
  Buffer.compare(a.subarray(from, to), b.subarray(from, to)) === 0;

/** First bytes that aren't zero, in hexadecimal. */
function describe(page: Uint8Array): string {
  const at = page.findIndex((byte) => byte !== 0);
  return at < 0 ? 'zeros' : `${at}: ${Buffer.from(page.subarray(at, at + 8)).toString('hex')}`;
}
