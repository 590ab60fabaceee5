/**
 * System calls on real mounts end as POSIX and Linux say (scripts/conformance). That the tables are right shows on ext4:
 * `npm run conformance`, which needs a loop device.
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, it } from 'vitest';
import { places } from '../../scripts/conformance/grounds.js';
import { requireFuse } from '../support/mounts.js';
import { MountedVolume } from '../support/programs.js';

const scripts = fileURLToPath(new URL('../../dist/scripts/', import.meta.url));
let volume: MountedVolume | undefined;

afterEach(async () => {
  await volume?.dispose();
  volume = undefined;
});

const output = (script: string, ...args: readonly string[]): Promise<string> =>
  new Promise((resolve) => {
    execFile(process.execPath, [`${scripts}${script}.js`, ...args], { timeout: 110_000 }, (_, out, err) =>
      resolve(`${out}${err}`),
    );
  });

/** Mode data has its turn in the script, as ext4 has. */
const drivers = places.filter(({ options }) => options !== undefined && !options.startsWith('journal='));

it.each(drivers)('every call does what it should on $name', async ({ options, without }) => {
  volume = await MountedVolume.make('512M');
  await volume.mount(options);
  const said = await output('conformance', volume.directory, '--without', without.join(','));
  await volume.unmount();
  expect(said.split('\n').filter((line) => line.startsWith('FAILED'))).toEqual([]);
  const [, assertions, failed] = /(\d+) assertions, (\d+) failed/.exec(said) ?? [];
  expect([Number(assertions) > 3900, Number(failed)]).toEqual([true, 0]);
  await volume.expect('fsck.varve', '-f', volume.image);
});

it('the kernel and the evaluator decide alike by random ACLs', async () => {
  requireFuse();
  const said = await output('acl-oracle', '--without-ext4', '--decisions', '1000', '--seed', '7');
  expect(said).toMatch(/^acl-oracle: 10\d\d decisions, .* 0 differences, seed 7$/m);
  expect(said).not.toContain('DIFFERS');
});
