/** `varve man [PAGE]`: a manual page, for who has not installed them; or their names. */

import { type AddCommand, withExamples } from '../fs/cli/command.js';
import { VolumeError } from '../fs/errors.js';
import type { MakePrograms } from './all-programs.js';
import { allPages } from './manual/pages.js';

export const manCommand =
  (programs: MakePrograms): AddCommand =>
  (program, { output }) => {
    withExamples(program.command('man'), [
      ['varve man frag | man -l -', 'read the page of varve frag'],
      ['varve man', 'the names of all pages'],
    ])
      .description('print a manual page, or the names of all')
      .argument('[page]', 'such as mkfs.varve, varve-frag, or frag')
      .action((wanted: string | undefined) => {
        const pages = allPages(programs(output));
        if (wanted === undefined) return output.line(pages.map(({ file }) => file).join('\n'));
        const found = pages.find(({ file }) => {
          const name = file.slice(0, file.lastIndexOf('.'));
          return [file, name, name.replace('varve-', '')].includes(wanted);
        });
        if (found === undefined) throw new VolumeError('usage', `there is no page '${wanted}': see varve man`);
        output.line(found.text.trimEnd());
      });
  };
