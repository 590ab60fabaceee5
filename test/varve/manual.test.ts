/** The manual pages say what the command lines know, in words that troff takes as they are. */
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { exitCode, exitMeanings, fsckExit, mkfsExit, mountExit } from '../../fs/cli/exit-codes.js';
import { records } from '../../fs/format/struct.js';
import { main } from '../../varve/main.js';
import '../../scripts/format-docs.js';
import { allPages } from '../../varve/manual/pages.js';
import { allPrograms } from '../../varve/programs.js';
import { CapturedOutput, runCommand } from '../support/captured-output.js';

const programs = allPrograms(new CapturedOutput());
const pages = new Map(allPages(programs).map(({ file, text }) => [file, text]));

/** Each command line with the name of its page. */
function commands(command: Command, page: string, section: number): [string, Command][] {
  const below = command.commands.flatMap((one) => commands(one, `${page}-${one.name()}`, section));
  return [[`${page}.${section}`, command], ...below];
}
const all = [
  ...commands(programs.varve, 'varve', 1),
  ...commands(programs.mkfs, 'mkfs.varve', 8),
  ...commands(programs.fsck, 'fsck.varve', 8),
];

/** As a reader sees it, roughly: without what only troff reads. */
const read = (text: string): string =>
  text
    .replace(/\\f[BIR]/g, '')
    .replaceAll('\\-', '-')
    .replaceAll('\\e', '\\')
    .replaceAll('\\&', '');

describe.each(all)('%s', (page, command) => {
  const text = pages.get(page) ?? '';

  it('exists, and names every option, argument and subcommand', () => {
    const shown = read(text);
    for (const option of command.options) expect(shown).toContain(option.long ?? option.short);
    for (const argument of command.registeredArguments) expect(shown).toContain(argument.name().toUpperCase());
    for (const one of command.commands) expect(shown).toContain(`\n${one.name()}\n`);
    expect(command.description()).not.toBe('');
  });

  it('has examples, unless it only groups others', () => {
    if (command.commands.length === 0) expect(text).toContain('.SH EXAMPLES');
  });

  it('has nothing that troff would take for a request', () => {
    for (const line of text.split('\n')) expect(line).toMatch(/^(\.(TH|SH|PP|TP|nf|fi)\b|[^.'])|^$/);
  });
});

it('varve.5 has every field of every record, in words that troff takes', () => {
  const text = pages.get('varve.5') ?? '';
  const shown = read(text);
  expect(records.size).toBeGreaterThan(10);
  for (const { fields } of records.values())
    for (const [name, { doc }] of Object.entries(fields)) {
      expect(shown).toContain(name);
      expect(shown).toContain(doc.replaceAll('`', ''));
    }
  for (const line of text.split('\n')) expect(line).toMatch(/^(\.(TH|SH|SS|PP|TP|nf|fi)\b|[^.'])|^$/);
  expect(text).not.toMatch(/\*\*|\]\(|^\|/m);
});

it('every exit code is in the table of its program, once', () => {
  for (const [codes, meanings] of [
    [exitCode, exitMeanings.varve],
    [fsckExit, exitMeanings.fsck],
    [mkfsExit, exitMeanings.mkfs],
    [mountExit, exitMeanings.mount],
  ] as const)
    expect(meanings.map(([code]) => code)).toEqual([...new Set<number>(Object.values(codes))].sort((a, b) => a - b));
});

it('mount.varve.8 has every line of its help', () => {
  const shown = read(pages.get('mount.varve.8') ?? '');
  for (const line of programs.mountUsage.split('\n').slice(1)) expect(shown).toContain(line);
});

it('varve man prints a page by its names, lists all, and knows no others', async () => {
  for (const name of ['frag', 'varve-frag', 'varve-frag.1']) {
    const { code, output } = await runCommand(main, 'man', name);
    expect([code, output.text]).toEqual([0, pages.get('varve-frag.1')?.trimEnd()]);
  }
  const list = await runCommand(main, 'man');
  expect(list.output.text.split('\n').sort()).toEqual([...pages.keys()].sort());
  const wrong = await runCommand(main, 'man', 'nothing');
  expect(wrong.code).toBe(2);
  expect(wrong.output.errors).toContain("there is no page 'nothing'");
});
