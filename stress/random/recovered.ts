/**
 * What a system holds that came back after it lost its power or its process: is it what the mode promises? And the inode
 * of something whose making was not answered, the number of which is known only now.
 */
import type { JournalMode } from '../../fs/volume/journal-mode.js';
import type { Dump } from '../model/dump.js';
import type { Model } from '../model/model.js';
import { promises } from '../promise/promises.js';
import type { Evidence } from '../promise/verdict.js';
import type { Findings } from './findings.js';

/** Stands for that number in the model. */
export const unknownInode = -1;

/** Put the number in its place, if what was being made is there. */
export function learnInode(model: Model, found: Dump): void {
  const { history } = model;
  const last = history.effects.at(-1);
  if (!last?.changes.has(`i ${unknownInode}`)) return;
  const entry = [...last.changes].find(([key, value]) => key.startsWith('d ') && value === String(unknownInode));
  const inode = entry ? found.facts.get(entry[0]) : undefined;
  if (inode === undefined || history.base.has(`i ${inode}`) || model.nodes.has(Number(inode))) return;
  const changes = new Map<string, string | undefined>();
  for (const [key, value] of last.changes) {
    if (key === `i ${unknownInode}`) changes.set(`i ${inode}`, value);
    else changes.set(key, value === String(unknownInode) ? inode : value);
  }
  history.effects[history.effects.length - 1] = { ...last, changes };
  const versions = history.versions.get(unknownInode);
  if (versions) history.versions.set(Number(inode), versions);
}

export function judgeRecovered(model: Model, findings: Findings, journal: JournalMode, evidence: Evidence): void {
  const { history } = model;
  const verdict = promises[journal](history, evidence);
  if (!verdict.kept) {
    findings.disagree(evidence.processOnly ? 'after the death of the process' : 'after a power cut', verdict.why);
  }
  const lost = history.effects.length - verdict.effects;
  findings.count('operations lost', lost);
  findings.note(`  recovered; ${lost} of ${history.effects.length} metadata operations are lost`);
}
