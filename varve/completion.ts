/** `varve completion SHELL`: prints what makes a shell complete the programs' command lines. */
import { Argument } from 'commander';
import { type AddCommand, withExamples } from '../fs/cli/command.js';
import type { AllPrograms, MakePrograms } from './all-programs.js';
import { bashCompletion } from './completion/bash.js';
import { fishCompletion } from './completion/fish.js';
import { type CommandTree, treeOf } from './completion/tree.js';
import { zshCompletion } from './completion/zsh.js';

export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

const scripts: Record<Shell, (programs: readonly CommandTree[]) => string> = {
  bash: bashCompletion,
  zsh: zshCompletion,
  fish: fishCompletion,
};

/** The script for a shell. */
export const completionFor = (shell: Shell, { varve, mkfs, fsck }: AllPrograms): string =>
  scripts[shell]([varve, mkfs, fsck].map(treeOf));

export const completionCommand =
  (programs: MakePrograms): AddCommand =>
  (program, { output }) => {
    withExamples(program.command('completion'), [
      ['source <(varve completion bash)', 'for this shell only'],
      ['varve completion fish > ~/.config/fish/completions/varve.fish', 'for good'],
    ])
      .description('print what makes a shell complete these commands')
      .addArgument(new Argument('<shell>', 'bash, zsh or fish').choices(shells))
      .action((shell: Shell) => output.line(completionFor(shell, programs(output)).trimEnd()));
  };
