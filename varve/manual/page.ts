/** The manual page of a command line: made of what commander knows of it, so that it says what `--help` says. */
import type { Argument, Command, Option } from 'commander';
import { examplesOf, fullName } from '../../fs/cli/command.js';
import { jsonOf } from '../../fs/cli/json-schema.js';
import { fieldsOf } from './json-fields.js';
import { bold, italic, item, paragraph, plain, section, title, verbatim } from './roff.js';

/** What a page says that the command line does not know. */
export interface PageFacts {
  /** File name without its section: `varve-frag`. */
  readonly name: string;
  /** Of the manual: 1 for commands, 8 for the administrator's. */
  readonly number: 1 | 8;
  /** Exit codes and what they mean. */
  readonly exit: readonly (readonly [code: number | string, meaning: string])[];
  /** As in `varve(1)`. */
  readonly also: readonly string[];
  readonly version: string;
}

const shownArgument = (argument: Argument): string => {
  const name = italic(argument.name().toUpperCase()) + (argument.variadic ? ' ...' : '');
  return argument.required ? name : `[${name}]`;
};

const visible = (command: Command): readonly Option[] => command.options.filter((option) => !option.hidden);

/** `-L, --label LABEL`, with what one types in bold. */
function optionTag(option: Option): string {
  const value = /[<[](.+?)[>\]]/.exec(option.flags)?.[1];
  const names = [option.short, option.long].filter((name) => name !== undefined).map(bold);
  return names.join(', ') + (value === undefined ? '' : ` ${italic(value.toUpperCase())}`);
}

function synopsis(command: Command): string[] {
  if (command.commands.length > 0) {
    return [`${bold(fullName(command))} ${italic('COMMAND')} [${italic('OPTION')} ...] ${italic('ARGUMENT')} ...`];
  }
  const parts = [bold(fullName(command))];
  if (visible(command).length > 0) parts.push(`[${italic('OPTION')} ...]`);
  return [[...parts, ...command.registeredArguments.map(shownArgument)].join(' ')];
}

/** The first sentence, without its end: what `apropos` shows. */
const summary = (command: Command): string => command.description().split(/\n|\. |\.$/)[0];

const sentence = (text: string): string =>
  text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? '' : '.');

function meaning(option: Option): string {
  const usual = option.defaultValue === undefined ? '' : ` (${String(option.defaultValue)} unless told)`;
  return sentence(plain(option.description + usual));
}

export function manualPage(command: Command, facts: PageFacts): string {
  const { name, number, exit, also, version } = facts;
  const parts = [
    title(name, number, version),
    section('NAME', [`${plain(name)} \\- ${plain(summary(command))}`]),
    section('SYNOPSIS', synopsis(command)),
    section(
      'DESCRIPTION',
      command
        .description()
        .split('\n')
        .map((text) => paragraph(sentence(plain(text)))),
    ),
  ];
  const described = command.registeredArguments.filter((argument) => argument.description);
  if (described.length > 0) {
    parts.push(
      section(
        'ARGUMENTS',
        described.map((a) => item(italic(a.name().toUpperCase()), sentence(plain(a.description)))),
      ),
    );
  }
  const options = visible(command);
  if (options.length > 0) {
    parts.push(
      section(
        'OPTIONS',
        options.map((option) => item(optionTag(option), meaning(option))),
      ),
    );
  }
  if (command.commands.length > 0) {
    const items = command.commands.map((one) => item(bold(one.name()), sentence(plain(summary(one)))));
    parts.push(section('COMMANDS', items));
  }
  parts.push(
    section(
      'EXIT STATUS',
      exit.map(([code, text]) => item(bold(String(code)), sentence(plain(text)))),
    ),
  );
  const schema = jsonOf(command);
  if (schema !== undefined) {
    const fields = fieldsOf(schema).map(({ path, type, meaning }) =>
      path === ''
        ? paragraph(sentence(plain(meaning)))
        : item(`${bold(path)}  ${italic(type)}`, sentence(plain(meaning))),
    );
    parts.push(section('JSON', fields));
  }
  const examples = examplesOf(command);
  if (examples.length > 0) {
    parts.push(
      section(
        'EXAMPLES',
        examples.map(([line, purpose]) => `${paragraph(sentence(plain(purpose)))}\n${verbatim([plain(line)])}`),
      ),
    );
  }
  parts.push(section('SEE ALSO', [also.map((page) => bold(page)).join(', ')]));
  return `${parts.join('\n')}\n`;
}
