/** What fsck says: for people line by line, for programs as one JSON object. */

import { json, type Output, paint } from '../fs/cli/output.js';
import { counted, formatSize } from '../fs/cli/size.js';
import { capacityPages } from '../fs/format/geometry.js';
import { pageSize } from '../fs/units.js';
import type { Problem } from './problem.js';
import type { Ledger } from './repair/ledger.js';
import { remedyOf } from './repair/remedies.js';
import type { Found, Left } from './repair/repair.js';
import type { Replayed } from './replay.js';

/** How one run went. */
export interface Outcome {
  readonly image: string;
  /** It was closed cleanly before this run. */
  readonly wasClean: boolean;
  /** Journal replayed; with `changesNothing` only in memory. */
  readonly replayed?: Replayed;
  readonly changesNothing: boolean;
  /** What the first check found; undefined: not everything was checked. */
  readonly found?: Found;
  /** What the last check found, after all repairs. */
  readonly left?: Left;
  /** What was repaired. */
  readonly ledger?: Ledger;
  readonly exit: number;
}

export function reportJson(output: Output, outcome: Outcome): void {
  const { found, left, ledger, ...rest } = outcome;
  output.line(
    json({
      ...rest,
      checked: found !== undefined,
      problems: (found?.problems ?? []).map(withFix),
      total: found?.total ?? 0,
      repairs: ledger?.repairs ?? [],
      repaired: ledger?.repaired ?? 0,
      lost: ledger?.losses ?? [],
      left: left?.problems ?? [],
      totalLeft: left?.total ?? 0,
      ...(left ? { inodes: left.inodes, livePages: left.livePages, nodes: left.nodes } : {}),
    }),
  );
}

function withFix(found: Problem): Problem {
  if (found.snapshot !== undefined) return found;
  const remedy = remedyOf(found.code, found.inode !== undefined);
  return remedy === undefined ? found : { ...found, fix: remedy.text };
}

export function reportText(output: Output, outcome: Outcome): void {
  const { image, found, left, replayed, ledger } = outcome;
  if (replayed) {
    const what = `${counted(replayed.records, 'journal record')} (${counted(replayed.batches, 'operation')})`;
    output.line(
      outcome.changesNothing
        ? `${image}: was not closed; the next mount will replay ${what}`
        : `${image}: was not closed; replayed ${what}`,
    );
  }
  if (found === undefined || left === undefined) {
    output.line(`${image}: ${replayed ? 'consistent' : 'clean'}; not checked further (-f checks everything)`);
    return;
  }
  for (const one of found.problems) output.line(lineOf(output, one));
  if (ledger) reportRepairs(output, ledger);
  const { superblock } = left;
  const used = (100 * left.livePages) / capacityPages(superblock);
  output.line(
    `${image}: ${counted(left.inodes, 'inode')}, ${formatSize(left.livePages * pageSize)} in use (${used.toFixed(1)} %), ` +
      `${counted(left.nodes, 'tree node')}`,
  );
  reportEnd(output, outcome, found, left);
}

function reportRepairs(output: Output, ledger: Ledger): void {
  for (const { message, path } of ledger.repairs) {
    output.line(`${paint(output, 'yellow', 'repaired')}: ${message}${path === undefined ? '' : ` [${path}]`}`);
  }
  if (ledger.repaired > ledger.repairs.length)
    output.line(`and ${counted(ledger.repaired - ledger.repairs.length, 'more repair')}`);
  for (const { path, what } of ledger.losses) output.line(`${paint(output, 'red', 'lost')}: ${path}: ${what}`);
  if (ledger.lost > ledger.losses.length)
    output.line(`and ${counted(ledger.lost - ledger.losses.length, 'more loss', 'more losses')}`);
}

function reportEnd(output: Output, outcome: Outcome, found: Found, left: Left): void {
  const { image, ledger } = outcome;
  if (found.total === 0 && left.total === 0) {
    output.line(`${image}: ${paint(output, 'green', 'no problems found')}`);
    return;
  }
  const repaired = ledger !== undefined && ledger.repaired > 0;
  if (left.total === 0) {
    const losses = ledger !== undefined && ledger.lost > 0 ? `; ${counted(ledger.lost, 'loss', 'losses')} listed` : '';
    output.line(`${image}: ${paint(output, 'green', `${counted(found.total, 'problem')} repaired`)}${losses}`);
    return;
  }
  if (repaired) for (const one of left.problems) output.line(`left: ${lineOf(output, one)}`);
  const inSnapshots = left.problems.every(({ snapshot }) => snapshot !== undefined);
  const advice = inSnapshots
    ? 'all in snapshots, which nothing changes: copy what can be read of them, then delete them'
    : 'copy the image before anything else writes to it';
  output.line(`${image}: ${paint(output, 'red', `${counted(left.total, 'problem')} left`)}; ${advice}`);
}

function lineOf(output: Output, found: Problem): string {
  const place = found.snapshot === undefined ? found.path : `snapshot ${found.snapshot}`;
  const where = place === undefined ? '' : ` [${place}]`;
  return `${paint(output, 'red', found.invariant)} ${found.code}: ${found.message}${where}`;
}
