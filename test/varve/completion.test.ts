/** What a shell offers: bash is asked; what zsh and fish get is read. */
import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { completionFor } from '../../varve/completion.js';
import { allPrograms } from '../../varve/programs.js';
import { CapturedOutput } from '../support/captured-output.js';

const programs = allPrograms(new CapturedOutput());

/** What bash offers for the last of the words. */
function offered(...words: string[]): string[] {
  const script = `${completionFor('bash', programs)}
    COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}
    _${words[0].replaceAll('.', '_')}; printf '%s\\n' "\${COMPREPLY[@]}"`;
  return execFileSync('bash', ['-c', script], { encoding: 'utf8' }).trim().split('\n');
}

it.each([
  [['varve', 'scr'], ['scrub']],
  [['varve', 'scrub', '--ba'], ['--background']],
  [['varve', 'df', '--js'], ['--json']],
  [['mkfs.varve', '--lab'], ['--label']],
  [['fsck.varve', '--da'], ['--data']],
  [['varve', 'completion', 'x'], ['']],
])('bash: %j offers %j', (words, wanted) => expect(offered(...words)).toEqual(wanted));

it('bash offers every subcommand', () => {
  expect(offered('varve', '')).toEqual(expect.arrayContaining(programs.varve.commands.map((one) => one.name())));
});

it.each(['zsh', 'fish'] as const)('%s knows every subcommand and option, with quotes in pairs', (shell) => {
  const script = completionFor(shell, programs);
  for (const command of programs.varve.commands) {
    expect(script).toContain(command.name());
    for (const option of command.options) expect(script).toContain(option.long?.slice(2));
  }
  for (const line of script.split('\n').filter((text) => !text.startsWith('#'))) {
    const quotes = line.replaceAll("\\'", '').replaceAll('\\\\', '').split("'").length - 1;
    expect([line, quotes % 2]).toEqual([line, 0]);
  }
});
