/**
 * Completion for fish: one line for each subcommand, option and value of few, with what it means. A function follows the
 * words before down the tree of commands, as a word may be an argument and the name of a command elsewhere.
 */
import { allBelow, type CommandTree, type OptionTree, takingOptions } from './tree.js';

const quoted = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;

function option({ short, long, summary, takes, choices }: OptionTree): string {
  const parts = [];
  if (short !== undefined) parts.push(`-s ${short.slice(1)}`);
  if (long !== undefined) parts.push(`-l ${long.slice(2)}`);
  if (choices.length > 0) parts.push(`-x -a ${quoted(choices.join(' '))}`);
  else if (takes) parts.push('-r');
  return [...parts, `-d ${quoted(summary)}`].join(' ');
}

function linesOf(program: string, path: string, tree: CommandTree): string[] {
  const here = `complete -c ${program} -n ${quoted(`__varve_at ${quoted(path)}`)}`;
  return [
    ...tree.commands.map((one) => `${here} -f -a ${one.name} -d ${quoted(one.summary)}`),
    ...tree.options.map((one) => `${here} ${option(one)}`),
    ...tree.values.flatMap(({ choices, name }, at) =>
      choices.length === 0
        ? []
        : [
            `complete -c ${program} -n ${quoted(`__varve_at ${quoted(path)} ${at}`)} -f -a ${quoted(choices.join(' '))} -d ${quoted(name)}`,
          ],
    ),
  ];
}

/** Whether what is typed leads to a command, and, if a number is given, has so many arguments after it. */
function place(programs: readonly CommandTree[]): string[] {
  const below = programs.flatMap((tree) =>
    allBelow(tree)
      .slice(1)
      .map(([path]) => quoted(path)),
  );
  const taking = [...new Set(programs.flatMap(takingOptions))];
  return [
    'function __varve_at',
    '    set -l words (commandline -opc)',
    "    set -l path (string replace -r '.*/' '' -- $words[1])",
    '    set -l at 0',
    '    set -l value no',
    '    set -e words[1]',
    '    for word in $words',
    '        if test $value = yes',
    '            set value no',
    `        else if contains -- $word ${taking.join(' ')}`,
    '            set value yes',
    `        else if contains -- "$path $word" ${below.join(' ')}`,
    '            set path "$path $word"',
    "        else if not string match -q -- '-*' $word",
    '            set at (math $at + 1)',
    '        end',
    '    end',
    '    test "$path" = "$argv[1]"; and contains -- "$argv[2]" \'\' $at',
    'end',
  ];
}

export function fishCompletion(programs: readonly CommandTree[]): string {
  const lines = programs.flatMap((tree) => allBelow(tree).flatMap(([path, one]) => linesOf(tree.name, path, one)));
  return `# Completion of Varve's programs for fish.\n${[...place(programs), ...lines].join('\n')}\n`;
}
