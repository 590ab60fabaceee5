/** Completion for zsh: _arguments for each command line, _describe for the subcommands. */
import type { CommandTree, OptionTree } from './tree.js';

const plain = (text: string): string => text.replace(/[[\]:]/g, ' ').replaceAll("'", "'\\''");

function specs({ short, long, summary, takes, choices }: OptionTree): string[] {
  const value = choices.length > 0 ? `:value:(${choices.join(' ')})` : takes ? ':value:_files' : '';
  return [short, long].filter((name) => name !== undefined).map((name) => `'${name}[${plain(summary)}]${value}'`);
}

const functionName = (path: readonly string[]): string => `_${path.join('_').replaceAll('.', '_')}`;

function functions(tree: CommandTree, path: readonly string[]): string[] {
  const name = functionName(path);
  const options = tree.options.flatMap(specs);
  if (tree.commands.length === 0)
    return [`${name}() {`, `  _arguments ${[...options, "'*:file:_files'"].join(' ')}`, '}'];
  return [
    ...tree.commands.flatMap((one) => functions(one, [...path, one.name])),
    `${name}() {`,
    '  local state line',
    `  _arguments -C ${[...options, "'1:command:->command'", "'*::argument:->argument'"].join(' ')}`,
    '  case $state in',
    '  command)',
    `    local -a commands=(${tree.commands.map((one) => `'${one.name}:${plain(one.summary)}'`).join(' ')})`,
    '    _describe command commands',
    '    ;;',
    '  argument)',
    '    case $line[1] in',
    ...tree.commands.map((one) => `    ${one.name}) ${functionName([...path, one.name])} ;;`),
    '    esac',
    '    ;;',
    '  esac',
    '}',
  ];
}

export function zshCompletion(programs: readonly CommandTree[]): string {
  const names = programs.map(({ name }) => name);
  const choose = programs.map((tree) => `${tree.name}) ${functionName([tree.name])} "$@" ;;`);
  return [
    `#compdef ${names.join(' ')}`,
    "# Completion of Varve's programs for zsh.",
    ...programs.flatMap((tree) => functions(tree, [tree.name])),
    'case $service in',
    ...choose,
    'esac',
    '',
  ].join('\n');
}
