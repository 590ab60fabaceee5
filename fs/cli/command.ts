/** What each command gets, and what it tells: where to print, the exit code that it leaves, examples for its help. */
import { Command, type ErrorOptions } from 'commander';
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

/** As typed: a subcommand with the program before it. */
export const fullName = (command: Command): string =>
  command.parent === null ? command.name() : `${fullName(command.parent)} ${command.name()}`;

/** What is wrong with a command line is one line, as all errors are, and says what to do next. */
class LineCommand extends Command {
  override createCommand(name?: string): Command {
    return new LineCommand(name);
  }

  override error(message: string, options?: ErrorOptions): never {
    const [what, suggestion] = message
      .replace(/^error: /, '')
      .replace(/\.$/, '')
      .split('\n');
    const next = suggestion?.replace('(Did', '(did') ?? `(see ${fullName(this)} --help)`;
    const [program] = fullName(this).split(' ');
    return super.error(`${program}: ${what} ${next}`, options);
  }
}

/** A program's command line: it prints to `output` and throws CommanderError instead of ending the process. */
export function programCommand(name: string, output: Output): Command {
  return new LineCommand(name)
    .version(packageVersion(), '--version', 'print the version')
    .exitOverride()
    .showSuggestionAfterError()
    .configureOutput({
      writeOut: (text) => output.line(text.trimEnd()),
      writeErr: (text) => output.error(text.trimEnd()),
    });
}
