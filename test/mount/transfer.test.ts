/** Snapshots sent from a mount to a mount and to an image, by the programs, through pipes that break. */
import { execFile } from 'node:child_process';
import * as fs from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { exitCode } from '../../fs/cli/exit-codes.js';
import { MountedVolume, type Outcome } from '../support/programs.js';

const program = fileURLToPath(new URL('../../bin/varve', import.meta.url));

let from: MountedVolume;
let to: MountedVolume;

beforeEach(async () => {
  from = await MountedVolume.make('128M', '--compress', 'lz4');
  to = await MountedVolume.make('128M');
});
afterEach(async () => {
  await from.dispose();
  await to.dispose();
});

/** A line for the shell, in which `varve` is the program under test. */
const shell = (line: string): Promise<Outcome> =>
  new Promise((resolve) => {
    const script = `varve() { ${program} "$@"; }; ${line}`;
    execFile('/bin/bash', ['-c', script], { timeout: 60_000 }, (error, out, err) =>
      resolve({ code: error === null ? 0 : Number(error.code ?? 137), out, err }),
    );
  });

it('arrive whole, while the volumes are used; what broke off goes on', async () => {
  await from.mount();
  await to.mount();
  await fs.mkdir(from.path('d'));
  await fs.writeFile(from.path('d/big'), Buffer.alloc(3 << 20, 'lines of text that repeat\n'));
  await fs.writeFile(from.path('small'), 'small');
  await fs.writeFile(to.path('of its own'), 'x');
  await fs.mkdir(from.path('.snapshots/one'));
  await fs.rename(from.path('small'), from.path('d/moved'));
  await fs.appendFile(from.path('d/big'), 'and more');
  await fs.mkdir(from.path('.snapshots/two'));
  expect(await from.expect('varve', 'diff', from.directory, 'one', 'two')).toBe('M /d/big\nR /small -> /d/moved\n');

  const a = from.directory;
  const b = to.directory;
  expect((await shell(`set -o pipefail; varve send ${a} one | varve receive ${b}`)).err).toBe('');
  const broken = await shell(`varve send -i one ${a} two | head -c 2000 | varve receive -s ${b}`);
  expect(broken.code).toBe(exitCode.stream);
  const token = /send -t (\S+)/.exec(broken.err)?.[1] ?? '';
  expect(await fs.readdir(to.path('.snapshots'))).toEqual(['one']);
  expect(await to.expect('varve', 'receive', '--status', b)).toContain(token);
  await to.unmount();
  await from.unmount();
  const rest = await shell(`set -o pipefail; varve send -t ${token} ${from.image} | varve receive ${to.image}`);
  expect(rest).toMatchObject({ code: 0, err: '' });
  await to.mount();
  expect((await fs.readFile(to.path('.snapshots/two/d/big'), 'utf8')).slice(3 << 20)).toBe('and more');
  expect(await fs.readFile(to.path('.snapshots/two/d/moved'), 'utf8')).toBe('small');
  expect(await fs.readdir(b)).toEqual(['of its own']);
  const pipe = `${from.directory}.pipe`;
  // What is refused ends, though the pipe stays open.
  const again = `rm -f ${pipe}; mkfifo ${pipe}; exec 9<>${pipe}; varve send ${from.image} two | head -c 3000 >&9; varve receive`;
  const refused = await shell(`${again} ${b} <&9`);
  expect(refused).toMatchObject({ code: exitCode.inUse });
  expect(refused.err).toContain('here already');
  await to.unmount();
  expect(await shell(`${again} ${to.image} <&9`)).toEqual(refused);
  await to.expect('fsck.varve', '-f', '--data', to.image);
});
