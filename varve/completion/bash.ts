/**
 * Completion for bash. The words before are followed down the tree of commands; then subcommands are offered, options once
 * a dash is typed, values where they are few, and else files, which bash itself knows.
 */
import { allBelow, type CommandTree, namesOf, takingOptions } from './tree.js';

const quoted = (words: readonly string[]): string => `'${words.join(' ')}'`;
/** Patterns of a `case`, quoted. */
const patterns = (words: readonly string[]): string => words.map((word) => `'${word}'`).join('|');

function branch([path, { commands, options }]: readonly [string, CommandTree]): string {
  const words = commands.map(({ name }) => name);
  return `    '${path}') words=${quoted(words)} options=${quoted([...options.flatMap(namesOf), '--help'])} ;;`;
}

/** Values of an argument by its number, of an option by the words before it. */
function choices(all: ReturnType<typeof allBelow>): string[] {
  return all.flatMap(([path, { options, values }]) => [
    ...values.flatMap((value, at) =>
      value.choices.length === 0 ? [] : [`    '${path} ${at}') words=${quoted(value.choices)} ;;`],
    ),
    ...options
      .filter((option) => option.choices.length > 0)
      .flatMap((option) => [
        `    ${patterns(namesOf(option).map((name) => `${path} ${name}`))}) words=${quoted(option.choices)} ;;`,
      ]),
  ]);
}

function completionOf(tree: CommandTree): string {
  const name = `_${tree.name.replaceAll('.', '_')}`;
  const all = allBelow(tree);
  const below = all.slice(1).map(([path]) => path);
  return [
    `${name}() {`,
    `  local current=\${COMP_WORDS[COMP_CWORD]} path=${tree.name} at=0 value= word words= options=`,
    // bash takes --option=value apart, at the equals sign.
    '  [[ $current == = ]] && current=',
    `  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do`,
    '    if [[ $word == = ]]; then continue',
    '    elif [[ $value ]]; then value=',
    '    else case $word in',
    `      ${patterns(takingOptions(tree))}) value=$word ;;`,
    '      -*) ;;',
    '      *) case "$path $word" in',
    ...(below.length > 0 ? [`        ${patterns(below)}) path="$path $word" ;;`] : []),
    '        *) at=$((at + 1)) ;;',
    '        esac ;;',
    '      esac',
    '    fi',
    '  done',
    '  if [[ ! $value ]]; then case $path in',
    ...all.map(branch),
    '  esac; fi',
    `  case "$path \${value:-$at}" in`,
    ...choices(all),
    '    *) ;;',
    '  esac',
    '  [[ $current == -* ]] && words=$options',
    '  COMPREPLY=($(compgen -W "$words" -- "$current"))',
    '}',
    `complete -o default -F ${name} ${tree.name}`,
  ].join('\n');
}

export const bashCompletion = (programs: readonly CommandTree[]): string =>
  `# Completion of Varve's programs for bash.\n${programs.map(completionOf).join('\n')}\n`;
