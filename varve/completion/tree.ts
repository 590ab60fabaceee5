/** What a shell needs to know of a command line to complete it. */
import type { Command } from 'commander';

export interface CommandTree {
  readonly name: string;
  readonly summary: string;
  readonly options: readonly OptionTree[];
  readonly commands: readonly CommandTree[];
}

export interface OptionTree {
  readonly short: string | undefined;
  readonly long: string | undefined;
  readonly summary: string;
  /** It is followed by a value. */
  readonly takes: boolean;
  /** The values there are, where they are few. */
  readonly choices: readonly string[];
}

export const treeOf = (command: Command): CommandTree => ({
  name: command.name(),
  summary: command.description().split('\n')[0],
  options: command.options
    .filter((option) => !option.hidden)
    .map((option) => ({
      short: option.short,
      long: option.long,
      summary: option.description,
      takes: option.required || option.optional,
      choices: option.argChoices ?? [],
    })),
  commands: command.commands.map(treeOf),
});

/** Names of the options, as typed. */
export const optionNames = (tree: CommandTree): string[] =>
  tree.options.flatMap(({ short, long }) => [long, short]).filter((name) => name !== undefined);
