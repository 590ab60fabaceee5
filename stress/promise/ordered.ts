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
import type { Dump } from '../model/dump.js';
import type { History, Version } from '../model/history.js';
import { checkContents } from './pages.js';
import { matchingPrefixes } from './prefixes.js';
import type { Evidence, Verdict } from './verdict.js';

/** `flushes`: a rename or link flushes the file first. `fits`: which numbers of effects may have survived; all unless told. */
export interface Rules {
  readonly flushes: boolean;
  readonly fits?: (count: number) => boolean;
}

export const checkOrdered = (history: History, evidence: Evidence): Verdict =>
  checkByRules(history, evidence.found, { flushes: true });

export function checkByRules(history: History, found: Dump, rules: Rules): Verdict {
  const matches = matchingPrefixes(history, found.facts);
  if (matches.prefixes.length === 0) return { kept: false, why: matches.why };
  const fitting = matches.prefixes.filter(rules.fits ?? (() => true));
  if (fitting.length === 0) {
    return {
      kept: false,
      why: [`metadata as after ${matches.prefixes.join(' or ')} of ${history.effects.length} operations`],
    };
  }
  let why: string[] = [];
  // The longest first: it is the likeliest, and what is wrong with it says most.
  for (const count of fitting.reverse()) {
    const problems = checkFiles(history, count, found, rules);
    if (problems.length === 0) return { kept: true, effects: count };
    if (why.length === 0) why = [`metadata as after ${count} of ${history.effects.length} operations`, ...problems];
  }
  return { kept: false, why };
}

function checkFiles(history: History, count: number, found: Dump, rules: Rules): string[] {
  const problems: string[] = [];
  for (const [inode, contents] of found.files) {
    const window = windowOf(history, count, inode, rules);
    if (window.length === 0) problems.push(`inode ${inode}: the history knows no version of it`);
    else problems.push(...checkContents(inode, window, contents));
    if (problems.length > 10) break;
  }
  return problems;
}

function windowOf(history: History, count: number, inode: number, rules: Rules): Version[] {
  const versions = history.versions.get(inode) ?? [];
  const end = history.endOf(count);
  let from = 0;
  for (const { flushes, sequence } of history.effects.slice(0, count)) {
    if (!rules.flushes || !flushes.includes(inode)) continue;
    while (from + 1 < versions.length && versions[from + 1].sequence <= sequence) from++;
  }
  return versions.slice(from).filter((version) => version.sequence < end);
}
