/** Completion for bash: words of the command line, and files where no word fits. */
import { type CommandTree, optionNames } from './tree.js';

/** One `case` branch for a command and those below it: `path` is what was typed up to it. */
function branches(tree: CommandTree, path: string): string[] {
  const words = [...tree.commands.map(({ name }) => name), ...optionNames(tree), '--help'];
  return [
    `    '${path}') words='${words.join(' ')}' ;;`,
    ...tree.commands.flatMap((one) => branches(one, `${path} ${one.name}`)),
  ];
}

const choices = (tree: CommandTree): string[] => [
  ...tree.options
    .filter((option) => option.choices.length > 0)
    .map(
      (option) =>
        `    ${[option.long, option.short].filter(Boolean).join('|')}) words='${option.choices.join(' ')}' ;;`,
    ),
  ...tree.commands.flatMap(choices),
];

/** Names of all subcommands, for telling them from files. */
const names = (tree: CommandTree): string[] => tree.commands.flatMap((one) => [one.name, ...names(one)]);

export function bashCompletion(programs: readonly CommandTree[]): string {
  const functions = programs.map((tree) => {
    const name = `_${tree.name.replaceAll('.', '_')}`;
    const given = [...new Set(choices(tree))];
    return [
      `${name}() {`,
      `  local current=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]}`,
      `  local path=${tree.name} words='' word`,
      `  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do`,
      `    case " ${names(tree).join(' ')} " in *" $word "*) path="$path $word" ;; esac`,
      '  done',
      '  case $path in',
      ...branches(tree, tree.name),
      '  esac',
      ...(given.length > 0 ? ['  case $before in', ...given, '  esac'] : []),
      '  COMPREPLY=($(compgen -W "$words" -- "$current"))',
      '}',
      `complete -o default -F ${name} ${tree.name}`,
    ].join('\n');
  });
  return `# Completion of Varve's programs for bash.\n${functions.join('\n')}\n`;
}
