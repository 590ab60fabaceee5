/** `varve snapshot clone`, `rollback`, `branches` and `delete-branch`: lines of a volume besides the live one. */

import type { Command } from 'commander';
import { type CommandContext, withExamples } from './command.js';
import { jsonOption } from './json-schema.js';
import { json, table } from './output.js';
import { rollback } from './rollback.js';
import { branchListSchema, rollbackSchema } from './schemas/snapshots.js';
import { formatSize } from './size.js';
import type { BranchFacts } from './snapshot-service.js';
import { type Where, withSnapshots } from './snapshot-target.js';

export function addLines(snapshot: Command, where: Where, { output }: CommandContext): void {
  withExamples(snapshot.command('clone'), [
    ['varve snapshot clone /mnt/v monday trial', 'then: mount.varve v.img /mnt/v -o branch=trial'],
  ])
    .description('begin a branch at a snapshot; mount it with -o branch=NAME')
    .argument(...where)
    .argument('<name>', 'the snapshot')
    .argument('<branch>', 'a name for the branch')
    .action(async (path: string, name: string, branch: string) => {
      await withSnapshots(path, {}, (ask) => ask('snapshot-clone', { name, branch }));
    });
  withExamples(snapshot.command('rollback'), [
    ['varve snapshot rollback v.img monday', 'the state before is kept as before-rollback-TIME'],
    ['varve snapshot rollback /mnt/v monday', 'unmounts it, and mounts it again'],
  ])
    .description(
      'make the volume what a snapshot is; the state before is kept as another one\n' +
        'A mounted volume is unmounted for it and mounted again as it was; while it is in use, only with --force.',
    )
    .argument(...where)
    .argument('<name>', 'the snapshot')
    .option('--keep <name>', 'name for a snapshot of the state before; before-rollback-TIME unless told')
    .option('--discard', 'give up the state before')
    .option('--force', 'also while it is in use: programs that use it get errors')
    .addOption(jsonOption(rollbackSchema))
    .action(
      async (
        path: string,
        name: string,
        options: { keep?: string; discard?: boolean; force?: boolean; json?: boolean },
      ) => {
        const stamp = new Date().toISOString().replace(/\.\d+/, '');
        const keep = options.discard ? null : (options.keep ?? `before-rollback-${stamp}`);
        await rollback(path, { name, keep, force: options.force === true });
        if (options.json) output.line(json({ snapshot: name, kept: keep }));
        else if (keep !== null) output.line(`the state before is kept as ${keep}`);
      },
    );
  withExamples(snapshot.command('branches'), [['varve snapshot branches /mnt/v', 'what -o branch= can name']])
    .description('list the branches')
    .argument(...where)
    .addOption(jsonOption(branchListSchema, 'print JSON, sizes in bytes'))
    .action((path: string, options: { json?: boolean }) =>
      withSnapshots(path, { readOnly: true }, async (ask) => {
        const list = (await ask('branch-list')) as BranchFacts[];
        const rows = list.map(({ name, live, inodes, referenced }) => [
          name === '' ? '(first)' : name,
          live ? 'live' : '',
          String(inodes),
          formatSize(referenced),
        ]);
        output.line(
          options.json ? json(list) : table(output, ['name', '', 'files', 'referenced'], rows, ['files', 'referenced']),
        );
      }),
    );
  withExamples(snapshot.command('delete-branch'), [
    ['varve snapshot delete-branch /mnt/v trial', 'while another one is mounted'],
  ])
    .description('delete a branch that is not mounted; its snapshots stay')
    .argument(...where)
    .argument('<branch>', 'its name')
    .action(async (path: string, branch: string) => {
      await withSnapshots(path, {}, (ask) => ask('branch-delete', { branch }));
    });
}
