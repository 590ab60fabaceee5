/** All manual pages: one for each program, one for each subcommand of `varve`, and one for the format. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { exitMeanings } from '../../fs/cli/exit-codes.js';
import type { AllPrograms } from '../all-programs.js';
import { packageRoot } from '../package-root.js';
import { formatPage } from './format-page.js';
import { manualPage, type PageFacts } from './page.js';
import { bold, italic, item, plain, section, title, verbatim } from './roff.js';

/** A page as man(1) finds it. */
export interface Page {
  /** `varve-frag.1`. */
  readonly file: string;
  readonly text: string;
}

const programs = ['mkfs.varve(8)', 'mount.varve(8)', 'fsck.varve(8)', 'varve(1)', 'varve(5)'];
const others = (page: string): string[] => programs.filter((one) => one !== page);

/** mount.varve's command line is that of mount(8), which commander can't describe: its help is shown as it is. */
const mountPage = ({ mountUsage, version }: AllPrograms): Page => ({
  file: 'mount.varve.8',
  text: `${[
    title('mount.varve', 8, version),
    section('NAME', ['mount.varve \\- mount a Varve volume']),
    section('SYNOPSIS', [
      `${bold('mount.varve')} ${italic('IMAGE')} ${italic('DIRECTORY')} [${bold('-o')} ${italic('OPTION,...')}] [${bold('-fv')}]`,
    ]),
    section('DESCRIPTION', [verbatim(mountUsage.split('\n').slice(2).map(plain))]),
    section(
      'EXIT STATUS',
      exitMeanings.mount.map(([code, text]) => item(bold(String(code)), `${plain(text)}.`)),
    ),
    section('SEE ALSO', [['mount(8)', 'fstab(5)', ...others('mount.varve(8)')].map(bold).join(', ')]),
  ].join('\n')}\n`,
});

export function allPages(programs: AllPrograms): Page[] {
  const { varve, mkfs, fsck, version } = programs;
  const page = (command: Command, facts: Omit<PageFacts, 'version'>): Page => ({
    file: `${facts.name}.${facts.number}`,
    text: manualPage(command, { ...facts, version }),
  });
  const below = (command: Command, name: string): Page[] =>
    command.commands.flatMap((one) => {
      const own = `${name}-${one.name()}`;
      return [page(one, { name: own, number: 1, exit: exitMeanings.varve, also: [`${name}(1)`] }), ...below(one, own)];
    });
  return [
    page(mkfs, { name: 'mkfs.varve', number: 8, exit: exitMeanings.mkfs, also: others('mkfs.varve(8)') }),
    page(fsck, {
      name: 'fsck.varve',
      number: 8,
      exit: exitMeanings.fsck,
      also: ['fsck(8)', ...others('fsck.varve(8)')],
    }),
    page(varve, {
      name: 'varve',
      number: 1,
      exit: exitMeanings.varve,
      also: [...others('varve(1)'), ...varve.commands.map((one) => `varve-${one.name()}(1)`)],
    }),
    mountPage(programs),
    { file: 'varve.5', text: formatPage(readFileSync(join(packageRoot(), 'docs/FORMAT.md'), 'utf8'), version) },
    ...below(varve, 'varve'),
  ];
}
