/** What a shell needs to know of a command line to complete it. */
import type { Argument, Command } from 'commander';

export interface CommandTree {
  readonly name: string;
  readonly summary: string;
  readonly options: readonly OptionTree[];
  /** What follows, in order. */
  readonly values: readonly ValueTree[];
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

export interface ValueTree {
  readonly name: string;
  /** The last one may be several. */
  readonly many: boolean;
  /** The values there are, where they are few; else files. */
  readonly choices: readonly string[];
}

const valueTree = (argument: Argument): ValueTree => ({
  name: argument.name(),
  many: argument.variadic,
  choices: argument.argChoices ?? [],
});

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
  values: command.registeredArguments.map(valueTree),
  commands: command.commands.map(treeOf),
});

/** Names of an option, as typed. */
export const namesOf = ({ short, long }: OptionTree): string[] => [long, short].filter((name) => name !== undefined);

/** A command and all below it, each with the words that lead to it: `varve snapshot list`. */
export const allBelow = (tree: CommandTree, path: string = tree.name): (readonly [string, CommandTree])[] => [
  [path, tree],
  ...tree.commands.flatMap((one) => allBelow(one, `${path} ${one.name}`)),
];

/** Options anywhere in the tree after which a value comes. */
export const takingOptions = (tree: CommandTree): string[] => [
  ...new Set(allBelow(tree).flatMap(([, { options }]) => options.filter(({ takes }) => takes).flatMap(namesOf))),
];
