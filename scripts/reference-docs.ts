/** docs/REFERENCE.md and docs/schemas: the command lines, their exit codes and what --json prints, from the sources that print them. */
import type { Command } from 'commander';
import { fullName } from '../fs/cli/command.js';
import { exitMeanings } from '../fs/cli/exit-codes.js';
import { jsonOf, type Schema } from '../fs/cli/json-schema.js';
import type { Output } from '../fs/cli/output.js';
import { progressSchema } from '../fs/cli/schemas/upkeep.js';
import { allPrograms } from '../varve/programs.js';

const silent: Output = { line: () => undefined, error: () => undefined, colours: false, terminal: false };
const { varve, mkfs, fsck } = allPrograms(silent);

const allBelow = (command: Command): Command[] => [command, ...command.commands.flatMap(allBelow)];
/** Those that do something themselves. */
const commands = [mkfs, fsck, ...allBelow(varve)].filter((command) => command.commands.length === 0);

const fileOf = (command: Command): string => `${fullName(command).replaceAll(' ', '-')}.schema.json`;

function schemaText(title: string, schema: Schema): string {
  return `${JSON.stringify({ $schema: 'https://json-schema.org/draft/2020-12/schema', title, ...schema }, null, 2)}\n`;
}

/** File name and text of each schema. */
export const schemaFiles = (): [string, string][] => [
  ...commands.flatMap((command): [string, string][] => {
    const schema = jsonOf(command);
    return schema === undefined ? [] : [[fileOf(command), schemaText(`${fullName(command)} --json`, schema)]];
  }),
  ['progress.schema.json', schemaText('--progress json', progressSchema())],
];

const cell = (text: string): string => text.replaceAll('|', '\\|');

function usage(command: Command): string {
  const given = command.registeredArguments.map((argument) => {
    const name = argument.name().toUpperCase() + (argument.variadic ? '...' : '');
    return argument.required ? name : `[${name}]`;
  });
  return [fullName(command), ...given].join(' ');
}

function commandTable(): string {
  const rows = commands.map((command) => {
    const [summary] = command.description().split('\n');
    const schema = jsonOf(command) === undefined ? '' : `[schema](schemas/${fileOf(command)})`;
    const progress = command.options.some(({ long }) => long === '--progress') ? 'yes' : '';
    return `| \`${cell(usage(command))}\` | ${cell(summary)} | ${schema} | ${progress} |`;
  });
  return ['| command | what it does | `--json` | `--progress` |', '|---|---|---|---|', ...rows].join('\n');
}

function exitTable(): string {
  const programs = ['varve', 'mkfs', 'fsck', 'mount'] as const;
  const meanings = programs.map((program) => new Map<number, string>(exitMeanings[program]));
  const codes = [...new Set(meanings.flatMap((one) => [...one.keys()]))].sort((a, b) => a - b);
  const rows = codes.map((code) => `| ${code} | ${meanings.map((one) => one.get(code) ?? '').join(' | ')} |`);
  return [
    '| code | `varve` | `mkfs.varve` | `fsck.varve` (bits) | `mount.varve` |',
    '|---:|---|---|---|---|',
    ...rows,
  ].join('\n');
}

export const reference = (): string => `# Reference

Made from the sources by \`npm run docs\`. Options, arguments and examples of a command: \`--help\`, its manual page
(\`man varve-scrub\`, or \`varve man scrub | man -l -\` before \`varve install\`). Mount options: \`man mount.varve\`, or the
[README](../README.md). The format on disk: [FORMAT.md](FORMAT.md), varve(5).

## Commands

${commandTable()}

\`mount.varve IMAGE DIRECTORY [-o OPTION,...] [-fv]\` has the command line that mount(8) calls.

A mistake in the command line is one line, with what was probably meant. \`--json\` prints one value to standard output, as its
schema says (JSON Schema 2020-12); sizes are bytes, moments ISO 8601. New members may come with a version; what is there keeps its
name and meaning. \`--progress lines\` says every ten seconds on standard error how far it is, \`--progress json\`
every second ([schema](schemas/progress.schema.json)); without it there is a bar on a terminal, and SIGUSR1 prints a line at any time.

Colours and bars are for terminals only, and colours not with \`NO_COLOR\` set.

## Exit codes

${exitTable()}

Those of \`fsck.varve\` add up, as fsck(8) has it, and those of \`mount.varve\` are mount(8)'s.
`;
