/**
 * `varve snapshot`: makes, lists, renames and deletes snapshots, of a mounted volume through its server and of an image
 * that nobody serves. A snapshot of a mount has all that was written before the command began: the kernel's dirty pages
 * are pushed to the server first.
 */

import type { Command } from 'commander';
import { type AddCommand, type CommandContext, withExamples } from './command.js';
import { addDiff } from './diff.js';
import { jsonOption } from './json-schema.js';
import { json, table } from './output.js';
import { snapshotListSchema, snapshotSchema } from './schemas/snapshots.js';
import { counted, formatSize } from './size.js';
import { addLines } from './snapshot-lines.js';
import { addPrune } from './snapshot-prune.js';
import type { SnapshotFacts } from './snapshot-service.js';
import { type Where, withSnapshots } from './snapshot-target.js';
import { parseMoment, timeText } from './time.js';

/** For a program. */
const shown = (facts: SnapshotFacts) => ({ ...facts, created: timeText(facts.created) });

export const addSnapshot: AddCommand = (program, context) => {
  const snapshot = program
    .command('snapshot')
    .description('make, list, compare, rename and delete snapshots of a volume');
  const where = ['<image-or-directory>', 'an image that is not mounted, or the directory where one is'] as const;
  addCreate(snapshot, where, context);
  addList(snapshot, where, context);
  addPrune(snapshot, where, context);
  addLines(snapshot, where, context);
  addDiff(snapshot, context);
  withExamples(snapshot.command('delete'), [
    ['varve snapshot delete --wait /mnt/v monday', 'return when the space is back'],
  ])
    .description('delete snapshots; what only they hold is given back in the background')
    .argument(...where)
    .argument('<name...>', 'their names')
    .option('--wait', 'return when all of it has been given back')
    .action((path: string, names: string[], { wait }: { wait?: boolean }) =>
      withSnapshots(path, {}, async (ask) => {
        for (const name of names) await ask('snapshot-delete', { name });
        if (wait) await ask('snapshot-wait');
      }),
    );
  withExamples(snapshot.command('rename'), [['varve snapshot rename /mnt/v monday keep', 'a name that says more']])
    .description('give a snapshot another name')
    .argument(...where)
    .argument('<name>', 'its name')
    .argument('<new-name>', 'the name that it shall have')
    .action(async (path: string, name: string, to: string) => {
      await withSnapshots(path, {}, (ask) => ask('snapshot-rename', { name, to }));
    });
};

function addCreate(snapshot: Command, where: Where, { output }: CommandContext): void {
  withExamples(snapshot.command('create'), [
    ['varve snapshot create /mnt/v monday', 'then look into /mnt/v/.snapshots/monday'],
    ["varve snapshot create --at '10 minutes ago' /mnt/v rescue", 'of a volume that keeps its history'],
  ])
    .description('keep the volume as it is now, read-only, under a name')
    .argument(...where)
    .argument('<name>', 'a name for it')
    .option(
      '--at <time>',
      "as it was then: '10 minutes ago', 2026-01-31T10:00; mount with -o history=TIME to have that",
    )
    .addOption(jsonOption(snapshotSchema))
    .action((path: string, name: string, options: { at?: string; json?: boolean }) => {
      const at = options.at === undefined ? undefined : parseMoment(options.at, Date.now());
      return withSnapshots(path, { sync: at === undefined }, async (ask) => {
        const made = (await ask('snapshot-create', { name, ...(at === undefined ? {} : { at }) })) as SnapshotFacts;
        if (options.json) output.line(json(shown(made)));
        else if (at !== undefined) output.line(`${name} is the volume as of ${timeText(made.created)}`);
      });
    });
}

function addList(snapshot: Command, where: Where, { output }: CommandContext): void {
  const head = ['name', 'created', 'files', 'referenced', 'unique'];
  withExamples(snapshot.command('list'), [['varve snapshot list /mnt/v', 'what each of them holds']])
    .description(
      'list snapshots, the oldest first\nReferenced: all that a snapshot leads to. Unique: what comes back if it alone is deleted.',
    )
    .argument(...where)
    .option('--history', 'instead: the commits that -o history=TIME keeps')
    .addOption(jsonOption(snapshotListSchema, 'print JSON, sizes in bytes'))
    .action((path: string, options: { history?: boolean; json?: boolean }) =>
      withSnapshots(path, { readOnly: true }, async (ask) => {
        const list = (await ask(options.history ? 'history-list' : 'snapshot-list')) as SnapshotFacts[];
        if (options.json) {
          output.line(json(list.map(shown)));
          return;
        }
        const from = options.history ? 1 : 0;
        const rows = list.map(({ name, created, inodes, referenced, unique }) =>
          [name, timeText(created), String(inodes), formatSize(referenced), formatSize(unique)].slice(from),
        );
        const none = counted(0, options.history ? 'commit' : 'snapshot');
        output.line(rows.length === 0 ? none : table(output, head.slice(from), rows, head.slice(2)));
      }),
    );
}
