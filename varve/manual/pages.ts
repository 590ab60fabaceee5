/** All manual pages: one for each program, and one for each subcommand of `varve`. */
import type { Command } from 'commander';
import type { AllPrograms } from '../all-programs.js';
import { manualPage, type PageFacts } from './page.js';
import { bold, italic, item, plain, section, title, verbatim } from './roff.js';

/** A page as man(1) finds it. */
export interface Page {
  /** `varve-frag.1`. */
  readonly file: string;
  readonly text: string;
}

const ofFsck: PageFacts['exit'] = [
  [0, 'nothing is wrong'],
  [1, 'what was wrong was repaired'],
  [4, 'something is wrong and was left so'],
  [8, 'the check could not be done'],
  [16, 'the command line makes no sense'],
  [32, 'cancelled by the user'],
];
const ofMkfs: PageFacts['exit'] = [
  [0, 'the volume was made'],
  [1, 'nothing was made'],
];
/** `varve`: one table for all subcommands. */
const ofVarve: PageFacts['exit'] = [
  [0, 'it was done'],
  [1, 'it failed, for a reason that has no code of its own'],
  [2, 'the command line makes no sense, or a key is wrong'],
  [4, 'a scrub found damage'],
  [10, 'not a Varve volume'],
  [11, 'the image is shorter than the volume'],
  [12, 'made by a newer version'],
  [13, 'uses a feature that this version does not know'],
  [14, 'in use'],
  [15, 'permission denied'],
  [16, 'there is no such image or directory'],
  [17, 'damaged'],
  [18, 'too small'],
  [19, 'input or output failed'],
  [130, 'interrupted'],
];

const ofMount: PageFacts['exit'] = [
  [0, 'the volume is mounted'],
  [1, 'the command line makes no sense, or permission is denied'],
  [2, 'a system call failed'],
  [4, 'an internal error'],
  [8, 'interrupted'],
  [32, 'the mount failed'],
];

const programs = ['mkfs.varve(8)', 'mount.varve(8)', 'fsck.varve(8)', 'varve(1)'];
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
      ofMount.map(([code, text]) => item(bold(String(code)), `${plain(text)}.`)),
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
      return [page(one, { name: own, number: 1, exit: ofVarve, also: [`${name}(1)`] }), ...below(one, own)];
    });
  return [
    page(mkfs, { name: 'mkfs.varve', number: 8, exit: ofMkfs, also: others('mkfs.varve(8)') }),
    page(fsck, { name: 'fsck.varve', number: 8, exit: ofFsck, also: ['fsck(8)', ...others('fsck.varve(8)')] }),
    page(varve, {
      name: 'varve',
      number: 1,
      exit: ofVarve,
      also: [...others('varve(1)'), ...varve.commands.map((one) => `varve-${one.name()}(1)`)],
    }),
    mountPage(programs),
    ...below(varve, 'varve'),
  ];
}
