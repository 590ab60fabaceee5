/** What each command gets, and what it tells: where to print, the exit code that it leaves, examples for its help. */
import { Command } from 'commander';
import type { Output } from './output.js';
import { packageVersion } from './package-version.js';

export interface CommandContext {
  readonly output: Output;
  /** Exit code of the run, unless the command throws. */
  exit: number;
}

/** Adds one command to `varve`. */
export type AddCommand = (program: Command, context: CommandContext) => void;

/** A command line, and what it is good for. */
export type Example = readonly [line: string, purpose: string];

const shown = new WeakMap<Command, readonly Example[]>();

/** Show these examples at the end of the command's help, and in its manual page. Returns the command. */
export function withExamples<C extends Command>(command: C, examples: readonly Example[]): C {
  shown.set(command, examples);
  const width = Math.max(...examples.map(([line]) => line.length));
  const lines = examples.map(([line, purpose]) => `  ${line.padEnd(width)}  # ${purpose}`);
  command.addHelpText('after', `\nExamples:\n${lines.join('\n')}`);
  return command;
}

export const examplesOf = (command: Command): readonly Example[] => shown.get(command) ?? [];

/** A program's command line: it prints to `output` and throws CommanderError instead of ending the process. */
export function programCommand(name: string, output: Output): Command {
  return new Command(name)
    .version(packageVersion(), '--version', 'print the version')
    .exitOverride()
    .showSuggestionAfterError()
    .configureOutput({
      writeOut: (text) => output.line(text.trimEnd()),
      writeErr: (text) => output.error(text.trimEnd()),
    });
}
