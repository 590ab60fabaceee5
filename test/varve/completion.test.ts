/** What the shells offer: each is asked itself, on machines that have it. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { completionFor, type Shell } from '../../varve/completion.js';
import { allPrograms } from '../../varve/programs.js';
import { CapturedOutput } from '../support/captured-output.js';

const programs = allPrograms(new CapturedOutput());
const subcommands = programs.varve.commands.map((one) => one.name());

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'varve-completion-'));
  writeFileSync(join(folder, 'a-file.img'), '');
  for (const shell of ['bash', 'fish'] as const) writeFileSync(join(folder, shell), completionFor(shell, programs));
  writeFileSync(join(folder, '_varve'), completionFor('zsh', programs));
});
afterAll(() => rmSync(folder, { recursive: true }));

const run = (command: string, ...args: string[]): string[] =>
  execFileSync(command, args, { encoding: 'utf8', cwd: folder, env: { ...process.env, HOME: folder, TERM: 'xterm' } })
    .trim()
    .split('\n');

/** bash falls back to files by itself (`-o default`) where the function offers nothing. */
const inBash = `. ./bash; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _\${1//./_}
[ "$COMPREPLY" ] || COMPREPLY=($(compgen -f -- "\${COMP_WORDS[COMP_CWORD]}")); printf '%s\n' "\${COMPREPLY[@]}"`;

/** zsh completes in its line editor alone: in a terminal of its own, where what is offered is told besides. */
const inZsh = `zmodload zsh/zpty
zpty z zsh -f -i
zpty -w z "fpath=($PWD $fpath); autoload -Uz compinit; compinit -u -D"
zpty -w z 'compadd() { local -a all; builtin compadd -A all "$@"; print -rl -- $all >>.offered; builtin compadd "$@" }'
zpty -w z 'told() { print -r -- END >>.offered }; zle -N told; bindkey "^T" told; bindkey "^U" kill-buffer'
for line; do
  : >.offered
  zpty -w -n z $'\x15'"$line"$'\t\x14'
  repeat 2000; do
    [[ $(<.offered) == *END* ]] && break
    zpty -r -t z ignored; sleep 0.01
  done
  cat .offered
done
zpty -d z`;

const offers: Readonly<Record<Shell, (lines: readonly string[]) => string[][]>> = {
  bash: (lines) => lines.map((line) => run('bash', '-c', inBash, 'bash', ...line.split(' '))),
  fish: (lines) =>
    lines.map((line) =>
      run('fish', '-N', '-c', `source ./fish; complete -C '${line}'`).map((one) => one.split('\t')[0]),
    ),
  zsh: (lines) => {
    const told = run('zsh', '-f', '-c', inZsh, 'zsh', ...lines).join('\n');
    return told
      .split(/END$/m)
      .slice(0, -1)
      .map((one) => [...new Set(one.split('\n'))].filter((word) => word !== ''));
  },
};

const cases: readonly (readonly [line: string, wanted: readonly string[]])[] = [
  ['varve scr', ['scrub']],
  ['varve snapshot cr', ['create']],
  ['varve scrub --ba', ['--background']],
  ['varve df --js', ['--json']],
  ['mkfs.varve --lab', ['--label']],
  ['fsck.varve --da', ['--data']],
  ['varve completion ', ['bash', 'fish', 'zsh']],
  ['varve scrub --progress ', ['json', 'lines', 'none']],
  ['varve dump a-file.img jo', ['journal']],
  ['varve --key-file a-file.img sc', ['scrub']],
  // What is no option here is a file, whatever commands are called elsewhere.
  ['varve umount a-f', ['a-file.img']],
  ['varve umount ', ['_varve', 'a-file.img', 'bash', 'fish']],
  ['varve diff a-file.img snapshot a-f', ['a-file.img']],
  ['varve --key-file a-f', ['a-file.img']],
];

describe.each(['bash', 'fish', 'zsh'] as const)('%s', (shell) => {
  it('offers subcommands, options and values, each in its place', (context) => {
    if (spawnSync(shell, ['-c', 'true']).error !== undefined) context.skip(`there is no ${shell} here`);
    const [all, ...offered] = offers[shell](['varve ', ...cases.map(([line]) => line)]);
    expect(all).toEqual(expect.arrayContaining(subcommands.filter((name) => name !== 'help')));
    expect(cases.map(([line], at) => [line, offered[at].sort()])).toEqual(cases);
  });
});

it.each(['zsh', 'fish'] as const)('%s is told every subcommand and option, with quotes in pairs', (shell) => {
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
