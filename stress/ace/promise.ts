/**
 * Is what was found after a crash what the journalling mode promises, given what was known at that moment?
 *
 * `ordered` is judged by the checker of that promise. `data` must show one of the states that the filesystem went
 * through since the last sync, as a whole. `none` has the names of one that a sync made durable, or was about to, and
 * contents as `ordered` has them. `writeback` is `ordered` on a history in which renames and links flush nothing.
 */
import type { JournalMode } from '../../fs/volume/journal-mode.js';
import { compareContents } from '../model/compare.js';
import type { Dump } from '../model/dump.js';
import { differences } from '../model/state.js';
import { checkByRules } from '../promise/ordered.js';
import type { Known, State } from './knowledge.js';

/** What is wrong; nothing if the promise is kept. */
export function brokenPromise(journal: JournalMode, known: Known, found: Dump): string[] {
  if (journal === 'data') return exactly(known.states, found);
  if (journal === 'none') {
    const problems = exactly(
      known.syncs.map(({ facts }) => ({ facts, files: new Map() })),
      found,
    );
    if (problems.length > 0) return problems;
  }
  const verdict = checkByRules(known.history, found, { flushes: journal !== 'writeback' });
  return verdict.kept ? [] : verdict.why;
}

function exactly(states: readonly State[], found: Dump): string[] {
  let why: string[] = [];
  for (const state of [...states].reverse()) {
    const problems = differences(state.facts, found.facts);
    for (const [inode, contents] of problems.length > 0 ? [] : state.files) {
      const file = found.files.get(inode);
      problems.push(...(file ? compareContents(inode, contents, file) : [`inode ${inode} was not found`]));
    }
    if (problems.length === 0) return [];
    if (why.length === 0 || problems.length < why.length) why = problems;
  }
  return [`none of ${states.length} states; the nearest differs:`, ...why];
}
