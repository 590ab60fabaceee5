/** `varve snapshot prune`: deletes the snapshots that no rule keeps. */

import type { Command } from 'commander';
import { VolumeError } from '../errors.js';
import { type CommandContext, withExamples } from './command.js';
import { jsonOption } from './json-schema.js';
import { json, table } from './output.js';
import { Progress, type ProgressStyle, progressOption } from './progress.js';
import { keptBy, type Retention } from './retention.js';
import { pruneSchema } from './schemas/snapshots.js';
import { counted } from './size.js';
import type { SnapshotFacts } from './snapshot-service.js';
import { type Ask, type Where, withSnapshots } from './snapshot-target.js';
import { timeText } from './time.js';

interface PruneChoices {
  readonly keepLast?: string;
  readonly keepHourly?: string;
  readonly keepDaily?: string;
  readonly keepWeekly?: string;
  readonly keepMonthly?: string;
  readonly keepYearly?: string;
  readonly prefix?: string;
  readonly dryRun?: boolean;
  readonly progress?: ProgressStyle;
  readonly json?: boolean;
}

export function addPrune(snapshot: Command, where: Where, { output }: CommandContext): void {
  withExamples(snapshot.command('prune'), [
    ['varve snapshot prune /mnt/v --keep-hourly 24 --keep-daily 7 --keep-weekly 4', 'as restic forget has it'],
    ['varve snapshot prune /mnt/v --keep-last 5 --prefix auto- --dry-run', 'only say what would go'],
  ])
    .description(
      'delete the snapshots that no rule keeps; at least one rule must be given\n' +
        'A rule keeps the last snapshot of each of the last N hours (days, ...) in which there are some.',
    )
    .argument(...where)
    .option('--keep-last <n>', 'keep the last N of all')
    .option('--keep-hourly <n>', 'of the last N hours')
    .option('--keep-daily <n>', 'of the last N days')
    .option('--keep-weekly <n>', 'of the last N weeks, from Monday on')
    .option('--keep-monthly <n>', 'of the last N months')
    .option('--keep-yearly <n>', 'of the last N years')
    .option('--prefix <text>', 'leave alone all whose name does not begin so')
    .option('--dry-run', 'only say what would be done')
    .addOption(progressOption())
    .addOption(jsonOption(pruneSchema))
    .action((path: string, choices: PruneChoices) => {
      const rules = rulesOf(choices);
      return withSnapshots(path, {}, async (ask) => {
        const all = (await ask('snapshot-list')) as SnapshotFacts[];
        const list = all.filter(({ name }) => name.startsWith(choices.prefix ?? ''));
        const kept = keptBy(list, rules);
        const rows = list.map((one) => ({ name: one.name, created: one.created, keptBy: kept.get(one) ?? [] }));
        if (!choices.dryRun) {
          const bar = new Progress(output, 'prune', choices.progress, choices.json);
          try {
            const given = list.filter((one) => (kept.get(one) ?? []).length === 0);
            await deleteAll(given, ask, bar);
          } finally {
            bar.stop();
          }
        }
        if (choices.json) {
          output.line(json(rows.map((row) => ({ ...row, created: timeText(row.created) }))));
          return;
        }
        const lines = rows.map(({ name, created, keptBy }) => [
          keptBy.length > 0 ? 'keep' : choices.dryRun ? 'would delete' : 'deleted',
          name,
          timeText(created),
          keptBy.join(', '),
        ]);
        output.line(
          lines.length === 0 ? counted(0, 'snapshot') : table(output, ['', 'name', 'created', 'kept by'], lines),
        );
      });
    });
}

/** One after another: each is a commit. What they alone hold is counted, and given back in the background. */
async function deleteAll(list: readonly SnapshotFacts[], ask: Ask, bar: Progress): Promise<void> {
  let bytes = 0;
  for (const [done, { name, unique }] of list.entries()) {
    bar.update(done / list.length, bytes, `deleting ${name}`);
    await ask('snapshot-delete', { name });
    bytes += unique;
  }
  bar.update(1, bytes, 'deleted');
}

function rulesOf(choices: PruneChoices): Retention {
  const number = (name: string, value: string | undefined): number => {
    if (value === undefined) return 0;
    if (!/^\d{1,6}$/.test(value)) throw new VolumeError('usage', `--keep-${name} needs a whole number, not '${value}'`);
    return Number(value);
  };
  const rules = {
    last: number('last', choices.keepLast),
    hourly: number('hourly', choices.keepHourly),
    daily: number('daily', choices.keepDaily),
    weekly: number('weekly', choices.keepWeekly),
    monthly: number('monthly', choices.keepMonthly),
    yearly: number('yearly', choices.keepYearly),
  };
  if (Object.values(rules).every((n) => n === 0))
    throw new VolumeError('usage', 'without a rule such as --keep-daily 7 all snapshots would be deleted');
  return rules;
}
