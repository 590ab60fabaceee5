/** What every command prints with --json is what its schema says: real output, of a mount and of an image. */

import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { jsonOf, type Schema } from '../../fs/cli/json-schema.js';
import { progressSchema } from '../../fs/cli/schemas/upkeep.js';
import { main as fsck } from '../../fsck/main.js';
import { main as mkfs } from '../../mkfs/main.js';
import { main as varve } from '../../varve/main.js';
import { allPrograms } from '../../varve/programs.js';
import { CapturedOutput, runCommand } from '../support/captured-output.js';
import { schemaProblems } from '../support/json-schema.js';
import { MountedVolume } from '../support/programs.js';

const programs = allPrograms(new CapturedOutput());
const mains = { varve, mkfs, fsck } as const;
type Program = keyof typeof mains;

/** All command lines that have --json. */
const withJson = (command: Command): Command[] => [
  ...(jsonOf(command) === undefined ? [] : [command]),
  ...command.commands.flatMap(withJson),
];
const missing = new Set([programs.varve, programs.mkfs, programs.fsck].flatMap(withJson));

/** The command that is typed. */
function commandOf(program: Program, args: readonly string[]): Command {
  let command: Command = programs[program];
  for (const word of args) command = command.commands.find((one) => one.name() === word) ?? command;
  return command;
}

function mustFit(what: string, schema: Schema, text: string): void {
  const values = text.startsWith('{"') ? text.trim().split('\n') : [text];
  for (const value of values) expect([what, ...schemaProblems(schema, JSON.parse(value))]).toEqual([what]);
}

/** Run it with --json, and hold what it prints against the schema. */
async function fits(program: Program, ...args: string[]): Promise<unknown> {
  const command = commandOf(program, args);
  missing.delete(command);
  const { output } = await runCommand(mains[program], ...args, '--json');

  const what = `${program} ${args.join(' ')} ${output.errors}`;
  expect([what, output.text]).not.toEqual([what, '']);
  mustFit(what, jsonOf(command) as Schema, output.text);
  return JSON.parse(output.text.startsWith('{"') ? '{}' : output.text);
}

let volume: MountedVolume;
beforeAll(async () => {
  volume = await MountedVolume.make('128M', '--quota', 'all', '--compress', 'lz4');
  await volume.mount('history=1h,autodefrag');
});
afterAll(() => volume.dispose());

it('of a mount', async () => {
  const { directory } = volume;
  const shell = (line: string): string => {
    const bin = fileURLToPath(new URL('../../bin', import.meta.url));
    const env = { ...process.env, PATH: `${bin}:${process.env.PATH}` };
    return execFileSync('sh', ['-c', line], { cwd: volume.folder, env, encoding: 'utf8' });
  };
  fs.mkdirSync(volume.path('folder'));
  fs.writeFileSync(volume.path('folder/text'), 'words '.repeat(50_000));
  fs.writeFileSync(volume.path('gone'), 'a file');
  await runCommand(varve, 'quota', 'set', '-u', '1000', '--soft', '1M', '--hard', '2M', directory);
  await fits('varve', 'snapshot', 'create', directory, 'one');
  fs.rmSync(volume.path('gone'));
  fs.renameSync(volume.path('folder'), volume.path('place'));
  fs.appendFileSync(volume.path('place/text'), 'more');
  fs.writeFileSync(volume.path('new'), randomBytes(200_000));
  await fits('varve', 'snapshot', 'create', directory, 'two');
  const differences = (await fits('varve', 'diff', directory, 'one', 'two')) as { change: string }[];
  expect(differences.map(({ change }) => change).sort()).toEqual(['added', 'changed', 'removed', 'renamed']);
  await fits('varve', 'snapshot', 'diff', directory, 'one', 'two');
  for (const args of [
    ['info', directory],
    ['df', directory],
    ['df', '--by-cause', directory],
    ['top', '--count', '1', '--interval', '0.1', directory],
    ['scrub', '--status', directory],
    ['scrub', directory],
    ['frag', directory],
    ['map', directory],
    ['defrag', directory],
    ['compression', directory],
    ['compression', volume.path('place/text')],
    ['property', 'get', 'compression', volume.path('new')],
    ['property', 'list', volume.path('new'), volume.path('place')],
    ['quota', 'report', directory],
    ['quota', 'get', '-u', '1000', directory],
    ['snapshot', 'list', directory],
    ['snapshot', 'list', '--history', directory],
    ['snapshot', 'branches', directory],
    ['resize', directory, '+64M'],
    ['trim', directory],
  ])
    expect([args, await fits('varve', ...args)]).not.toEqual([args, []]);

  const [other, part] = ['other.img', 'part.img'].map((name) => join(volume.folder, name));
  for (const image of [other, part]) await runCommand(mkfs, '-q', '--size', '64M', image);
  // Streams go through descriptors: programs, and as few as will do, at once where they can.
  const received = shell(
    'varve send mount two > stream; head -c 100000 stream | varve receive -s part.img 2> /dev/null & ' +
      'varve receive --json --progress json other.img < stream 2> told; wait',
  );
  mustFit('receive', jsonOf(commandOf('varve', ['receive'])) as Schema, received);
  mustFit('--progress json', progressSchema(), fs.readFileSync(join(volume.folder, 'told'), 'utf8'));
  expect(await fits('varve', 'receive', '--status', part)).toMatchObject([{ token: expect.any(String) }]);
  expect((await runCommand(varve, 'receive', '--give-up', 'two', part)).code).toBe(0);
  expect(await fits('varve', 'receive', '--status', part)).toEqual([]);
});

it('of an image', async () => {
  const { image, folder } = volume;
  await volume.expect('varve', 'sync', volume.directory);
  fs.mkdirSync(volume.path('later'));
  fs.closeSync(fs.openSync(volume.path('later/file'), 'w'));
  const synced = fs.openSync(volume.path('later/file'), 'r+');
  fs.fsyncSync(synced);
  fs.closeSync(synced);
  await volume.kill();
  const parts = ['superblock', 'checkpoint', 'segments', 'tree', 'journal'].map((part) => ['dump', image, part]);
  for (const args of [...parts, ['dump', '--items', image, 'tree'], ['dump', image, 'inode', '/place/text']])
    expect([args, await fits('varve', ...args)]).not.toEqual([args, []]);
  await fits('fsck', '-f', '-n', image);

  await fits('fsck', '-p', image);
  await runCommand(varve, 'snapshot', 'clone', image, 'one', 'branch');
  for (const args of [
    ['info', image],
    ['df', image],
    ['df', '--by-cause', image],
    ['compression', image],
    ['frag', image],
    ['map', image],
    ['quota', 'check', image],
    ['snapshot', 'branches', image],
    ['snapshot', 'prune', '--keep-last', '1', '--dry-run', image],
    ['snapshot', 'rollback', image, 'one'],
    ['resize', image, '~16M'],
    ['trim', image],
    ['import', '--path', '/in', join(folder, 'mount'), image],
    ['export', image, join(folder, 'out')],
  ])
    await fits('varve', ...args);

  const file = fs.openSync(image, 'r+');
  fs.writeSync(file, 'damage', 64);
  fs.closeSync(file);
  const found = (await fits('fsck', '-f', '-n', image)) as { problems: unknown[] };
  expect(found.problems).not.toEqual([]);
  const repaired = (await fits('fsck', '-y', image)) as { repairs: unknown[] };
  expect(repaired.repairs).not.toEqual([]);
});

it('of neither', async () => {
  const path = (name: string): string => join(volume.folder, name);
  const [key, other] = ['key', 'other-key'].map((name) => {
    fs.writeFileSync(path(name), Buffer.alloc(64, name), { mode: 0o600 });
    return path(name);
  });
  const sealed = path('sealed.img');
  await fits('mkfs', '--size', '64M', '--encrypt', '--key-file', key, sealed);
  await fits('varve', '--key-file', key, 'key', 'add', sealed, '--new-key-file', other, '--name', 'second');
  await fits('varve', 'key', 'list', sealed);
  await fits('varve', '--key-file', key, 'key', 'remove', sealed, '1');
  await fits('varve', '--key-file', key, 'key', 'change', sealed, '--new-key-file', other);
  await fits('varve', 'transform', 'list');
  await fits('varve', 'transform', 'check', '--rounds', '1', 'lz4');
  await fits('varve', 'install', '--dry-run', '--root', path('root'));
  await fits('varve', 'stress', '--operations', '10');
  await fits('varve', 'stress', '--profile', 'mail', '--operations', '10', '--files', '2', '--size', '64M');
});

it('of all that have --json', () => expect([...missing].map((command) => command.name())).toEqual([]));
