/** What fsck says: for people line by line, for programs as one JSON object. */

import { json, type Output, paint } from '../fs/cli/output.js';
import { counted, formatSize } from '../fs/cli/size.js';
import { capacityPages } from '../fs/format/geometry.js';
import { pageSize } from '../fs/units.js';
import type { CheckResult } from './check.js';
import type { Problem } from './problem.js';
import type { Replayed } from './replay.js';

/** How one run went. */
export interface Outcome {
  readonly image: string;
  /** It was closed cleanly before this run. */
  readonly wasClean: boolean;
  /** All of it was checked. */
  readonly checked: boolean;
  /** Journal replayed; with `changesNothing` only in memory. */
  readonly replayed?: Replayed;
  readonly changesNothing: boolean;
  readonly result?: CheckResult;
  readonly exit: number;
}

export function reportJson(output: Output, outcome: Outcome): void {
  const { result, ...rest } = outcome;
  output.line(
    json({
      ...rest,
      problems: result?.problems ?? [],
      total: result?.total ?? 0,
      ...(result ? { inodes: result.inodes, livePages: result.livePages, nodes: result.nodes } : {}),
    }),
  );
}

export function reportText(output: Output, outcome: Outcome): void {
  const { image, result, replayed } = outcome;
  if (replayed) {
    const what = `${counted(replayed.records, 'journal record')} (${counted(replayed.batches, 'operation')})`;
    output.line(
      outcome.changesNothing
        ? `${image}: was not closed; the next mount will replay ${what}`
        : `${image}: was not closed; replayed ${what}`,
    );
  }
  if (result === undefined) {
    output.line(`${image}: ${replayed ? 'consistent' : 'clean'}; not checked further (-f checks everything)`);
    return;
  }
  for (const found of result.problems) output.line(lineOf(output, found));
  const { superblock } = result;
  const used = (100 * result.livePages) / capacityPages(superblock);
  output.line(
    `${image}: ${counted(result.inodes, 'inode')}, ${formatSize(result.livePages * pageSize)} in use (${used.toFixed(1)} %), ` +
      `${counted(result.nodes, 'tree node')}`,
  );
  if (result.total === 0) output.line(`${image}: ${paint(output, 'green', 'no problems found')}`);
  else
    output.line(
      `${image}: ${paint(output, 'red', `${counted(result.total, 'problem')} left`)}; copy the image before anything else writes to it`,
    );
}

function lineOf(output: Output, found: Problem): string {
  const where = found.path === undefined ? '' : ` [${found.path}]`;
  return `${paint(output, 'red', found.invariant)} ${found.code}: ${found.message}${where}`;
}
