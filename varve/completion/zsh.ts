/** Completion for zsh: _arguments for each command line, _describe for the subcommands. */
import { type CommandTree, namesOf, type OptionTree, type ValueTree } from './tree.js';

const plain = (text: string): string => text.replace(/[[\]:]/g, ' ').replaceAll("'", "'\\''");

function specs(option: OptionTree): string[] {
  const { summary, takes, choices } = option;
  const value = choices.length > 0 ? `:value:(${choices.join(' ')})` : takes ? ':value:_files' : '';
  return namesOf(option).map(
    (name) => `'${name}${value !== '' && name.startsWith('--') ? '=' : ''}[${plain(summary)}]${value}'`,
  );
}

const valueSpec = ({ name, many, choices }: ValueTree): string =>
  `'${many ? '*' : ''}:${name}:${choices.length > 0 ? `(${choices.join(' ')})` : '_files'}'`;

/** Not `_varve`: that is the file itself, which all programs come to. */
const functionName = (path: readonly string[]): string => `__${path.join('_').replaceAll('.', '_')}`;

function functions(tree: CommandTree, path: readonly string[]): string[] {
  const name = functionName(path);
  const options = tree.options.flatMap(specs);
  if (tree.commands.length === 0)
    return [`${name}() {`, `  _arguments ${[...options, ...tree.values.map(valueSpec)].join(' ')}`, '}'];
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
