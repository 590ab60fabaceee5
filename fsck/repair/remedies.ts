/**
 * What a repair does about each finding, in which step, and whether it is safe: such that nothing is lost by it
 * even if the finding was wrong, so that it may be done at boot without asking. As in e2fsck, only what can be
 * counted again from everything else is safe; what drops, moves or guesses is for someone to allow.
 *
 * Steps go from what everything rests on to what rests on it. Each trusts what those before it have put right:
 *
 *     superblock   one copy from the other
 *     structure    checkpoint, segment table, relocations, nodes: afterwards all can be read
 *     journal      one with a hole in it: replayed up to there
 *     recount      live bits, counters, usage: afterwards it can be written like any volume
 *     items        what belongs to one inode, by itself
 *     names        where entries lead; what has no name goes to lost+found
 *     counts       links and subdirectories, from all entries
 */
import type { Findings, ProblemCode, Tally } from '../problem.js';

export const steps = ['superblock', 'structure', 'journal', 'recount', 'items', 'names', 'counts'] as const;
export type Step = (typeof steps)[number];

export interface Remedy {
  readonly step: Step;
  readonly safe: boolean;
  /** What is done, as an answer to "What now?". */
  readonly text: string;
}

const remedy = (step: Step, safe: boolean, text: string): Remedy => ({ step, safe, text });

/** Findings that only copies or counts are about are safe. Undefined: nothing can be done. */
const remedies: Readonly<Record<ProblemCode, Remedy | undefined>> = {
  superblock: remedy('superblock', true, 'write it from its copy'),
  'superblock-copy': remedy('superblock', true, 'write it from the first'),
  checkpoint: remedy('structure', false, 'write a new checkpoint from what the trees hold'),
  'checkpoint-slot': remedy('recount', true, 'write both checkpoints'),
  replay: remedy('structure', false, 'replay what can be replayed, cut the rest of the journal'),
  journal: remedy('journal', false, 'replay what comes before the damage, cut the rest of the journal'),
  'table-page': remedy('structure', false, 'rebuild it from the summaries in the segments and from all pointers'),
  'index-entry': remedy('structure', false, 'rebuild it from the summaries in the segment and from all pointers'),
  'live-count': remedy('recount', true, 'count again'),
  'log-head': remedy('recount', true, 'close it'),
  'node-pointer': remedy('structure', false, 'drop it; keep what can be found otherwise'),
  'node-checksum': remedy('structure', false, 'drop the node; keep what can be found otherwise'),
  'node-layout': remedy('structure', false, 'write the node anew, or drop it and keep what can be found otherwise'),
  'key-order': remedy('structure', false, 'write the node anew with the keys that are in order'),
  'key-range': remedy('structure', false, 'write the node anew with the keys that belong to it'),
  birth: remedy('structure', false, 'write it anew'),
  'item-unknown': remedy('items', false, 'remove it'),
  'inode-record': remedy('items', false, 'put in range what is out of it'),
  'item-without-inode': remedy('items', false, 'make an inode for contents, remove what can belong to none'),
  'extent-value': remedy('items', false, 'remove the extent'),
  'extent-overlap': remedy('items', false, 'keep the newer of two extents, cut the other one'),
  'extent-past-end': remedy('items', false, 'make the size include them'),
  inline: remedy('items', false, 'keep the extents if there are any, and fit the size'),
  pages: remedy('items', true, 'count again'),
  'inode-number': remedy('recount', true, 'count from above all numbers in use'),
  dirent: remedy('names', false, 'remove an entry that leads nowhere, correct the type of another'),
  'name-hash': remedy('items', false, 'move the entry to where its name belongs'),
  name: remedy('items', false, 'remove the entry; what it led to goes to lost+found if it has no other name'),
  links: remedy('counts', true, 'count again'),
  subdirectories: remedy('counts', true, 'count again'),
  parent: remedy('names', false, 'keep one name, and note where it is'),
  unreachable: remedy('names', false, 'give it a name in lost+found'),
  root: remedy('items', false, 'make a root directory'),
  'directory-size': remedy('items', true, 'count again'),
  orphan: remedy('names', true, 'remove it, or write it anew for an inode without a name'),
  xattr: remedy('items', false, 'remove the attribute or the piece'),
  'xattr-flag': remedy('items', true, 'set the flag by the attributes'),
  'page-claim': remedy('items', false, 'copy a page that two extents point to; cut out one that lies nowhere'),
  'live-map': remedy('recount', true, 'set the bits by all pointers'),
  relocation: remedy('recount', true, 'write the relocations anew, from all pointers'),
  'kept-root': remedy('recount', false, 'let it follow the one before, or drop what is no root'),
  'dropped-run': remedy('recount', false, 'forget the note'),
  counters: remedy('recount', true, 'count again'),
  usage: remedy('recount', true, 'count again'),
  limits: remedy('recount', false, 'remove it'),
  data: undefined,
};

/** Codes whose findings are of items when they name an inode, and of nodes otherwise. */
const ofItems: readonly ProblemCode[] = ['birth', 'page-claim', 'item-unknown'];
const itemBirth = remedy('items', false, 'write the extent anew');
const nodeClaim = remedy('structure', false, 'keep the node, drop the pointer that is wrong');
const systemItem = remedy('structure', false, 'remove it');

/** What is done about a finding of this code; `ofInode`: it names an inode. */
export function remedyOf(code: ProblemCode, ofInode: boolean): Remedy | undefined {
  if (code === 'birth' && ofInode) return itemBirth;
  if (code === 'page-claim' && !ofInode) return nodeClaim;
  if (code === 'item-unknown' && !ofInode) return systemItem;
  return remedies[code];
}

/** A kind of finding with its remedy, and how often it was found. */
export interface Case {
  readonly code: ProblemCode;
  readonly count: number;
  readonly remedy: Remedy | undefined;
  readonly tally: Tally;
}

/** All kinds of findings with what is to be done about them. */
export function casesOf(findings: Findings): Case[] {
  const cases: Case[] = [];
  for (const [code, tally] of findings.tallies) {
    const { count, elsewhere } = tally;
    if (ofItems.includes(code)) {
      if (elsewhere > 0) cases.push({ code, count: elsewhere, remedy: remedyOf(code, false), tally });
      if (count > elsewhere) cases.push({ code, count: count - elsewhere, remedy: remedyOf(code, true), tally });
    } else {
      cases.push({ code, count, remedy: remedies[code], tally });
    }
  }
  return cases;
}
