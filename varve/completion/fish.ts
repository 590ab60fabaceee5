/** Completion for fish: one line for each subcommand and each option, with what it means. */
import type { CommandTree, OptionTree } from './tree.js';

const quoted = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;

function option({ short, long, summary, takes, choices }: OptionTree): string {
  const parts = [];
  if (short !== undefined) parts.push(`-s ${short.slice(1)}`);
  if (long !== undefined) parts.push(`-l ${long.slice(2)}`);
  if (choices.length > 0) parts.push(`-x -a ${quoted(choices.join(' '))}`);
  else if (takes) parts.push('-r');
  return [...parts, `-d ${quoted(summary)}`].join(' ');
}

/** Lines for a command below the program; `above` are the words that lead to it. */
function below(program: string, tree: CommandTree, above: readonly string[]): string[] {
  const conditions = above.map((word) => `__fish_seen_subcommand_from ${word}`);
  const commands = tree.commands.map(({ name }) => name);
  const here =
    commands.length > 0 ? [...conditions, `not __fish_seen_subcommand_from ${commands.join(' ')}`] : conditions;
  const when = here.length > 0 ? ` -n ${quoted(here.join('; and '))}` : '';
  return [
    ...tree.commands.map((one) => `complete -c ${program}${when} -f -a ${one.name} -d ${quoted(one.summary)}`),
    ...tree.options.map((one) => `complete -c ${program}${when} ${option(one)}`),
    ...tree.commands.flatMap((one) => below(program, one, [...above, one.name])),
  ];
}

export const fishCompletion = (programs: readonly CommandTree[]): string =>
  `# Completion of Varve's programs for fish.\n${programs.flatMap((tree) => below(tree.name, tree, [])).join('\n')}\n`;
