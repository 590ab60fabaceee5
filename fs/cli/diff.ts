/** `varve diff`: the paths that differ between two snapshots, of a mount or of an image that nobody serves. */

import type { PathChange, PathDifference } from '../transfer/path-difference.js';
import { type AddCommand, withExamples } from './command.js';
import { jsonOption } from './json-schema.js';
import { json, type Paint, paint } from './output.js';
import { diffSchema } from './schemas/snapshots.js';
import { withSnapshots } from './snapshot-target.js';

const marks: Readonly<Record<PathChange, readonly [mark: string, colour: Paint]>> = {
  added: ['+', 'green'],
  removed: ['-', 'red'],
  changed: ['M', 'yellow'],
  renamed: ['R', 'blue'],
};

export const addDiff: AddCommand = (program, { output }) => {
  withExamples(program.command('diff'), [
    ['varve diff /mnt/v monday tuesday', 'what happened on Monday'],
    ['varve diff --json v.img monday tuesday', 'the same for a program, of an image'],
  ])
    .description(
      'list the paths that differ between two snapshots: + added, - removed, M changed, R renamed\n' +
        'Its cost follows the change. A file is changed if its contents, attributes or modification time are.',
    )
    .argument('<image-or-directory>', 'an image that is not mounted, or the directory where one is')
    .argument('<from>', 'a snapshot')
    .argument('<to>', 'another one')
    .addOption(jsonOption(diffSchema, 'print JSON, with what of a file changed'))
    .action((path: string, from: string, to: string, options: { json?: boolean }) =>
      withSnapshots(path, { readOnly: true }, async (ask) => {
        const list = (await ask('snapshot-diff', { from, to })) as PathDifference[];
        if (options.json) {
          output.line(json(list));
          return;
        }
        for (const one of list) {
          const [mark, colour] = marks[one.change];
          const shown = one.from === undefined ? one.path : `${one.from} -> ${one.path}`;
          output.line(`${paint(output, colour, mark)} ${shown}${one.type === 'directory' ? '/' : ''}`);
        }
      }),
    );
};
