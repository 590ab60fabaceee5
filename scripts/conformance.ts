/**
 * `npm run conformance`: do filesystems behave as POSIX.1-2017 and Linux say? Tables of system calls with their
 * results, made as root and as two ordinary users, on ext4 (so that the tables are right) and on Varve with each driver.
 *
 * `node dist/scripts/conformance.js DIRECTORY [--without FEATURE,...] [--only TABLE,...]` runs them in DIRECTORY alone.
 * Cases that need a feature which a filesystem or driver does not have are listed.
 */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Feature, features, Ground } from './conformance/ground.js';
import { places } from './conformance/grounds.js';
import { tables } from './conformance/tables.js';
import { scriptOptions } from './script-options.js';
import { run } from './trial/command.js';
import { withWorkspace } from './trial/workspace.js';

const { values, positionals } = scriptOptions({
  allowPositionals: true,
  options: { without: { type: 'string', default: '' }, only: { type: 'string' } },
});
const without = values.without.split(',').filter((name) => name !== '');
const only = values.only?.split(',');
const known =
  without.every((name) => (features as readonly string[]).includes(name)) &&
  (only ?? []).every((name) => tables.some((table) => table.name === name));
if (positionals.length > 1 || !known) {
  const names = tables.map((table) => table.name).join(',');
  process.stderr.write(`usage: conformance [DIRECTORY] [--without ${features.join(',')}] [--only ${names}]\n`);
  process.exit(64);
}

const say = (line: string): void => void process.stdout.write(`${line}\n`);

/** In this process: it changes its directory, its umask and its ids. */
function runIn(directory: string): void {
  const place = mkdtempSync(join(resolve(directory), 'conformance-'));
  // A driver that knows paths alone asks for search on the whole of them, wherever the process is.
  chmodSync(place, 0o755);
  const ground = new Ground(place, new Set(without as Feature[]));
  ground.run(tables.filter(({ name }) => only === undefined || only.includes(name)));
  rmSync(place, { recursive: true, force: true });
  for (const failure of ground.failures) say(`FAILED ${failure}`);
  for (const skipped of ground.skipped) say(`without ${skipped}`);
  say(`${ground.assertions} assertions, ${ground.failures.length} failed`);
  process.exitCode = ground.failures.length === 0 ? 0 : 1;
}

/** On one place after another, each in a process of its own. */
async function runEverywhere(): Promise<void> {
  for (const place of places) {
    say(`\n${place.name}:`);
    await withWorkspace(async (workspace) => {
      const { directory, close } = await place.open(workspace);
      const choice = only === undefined ? [] : ['--only', only.join(',')];
      const args = [fileURLToPath(import.meta.url), directory, '--without', place.without.join(','), ...choice];
      const { status, stdout, stderr } = await run(process.execPath, args, { allow: 'any' });
      say(`${stdout}${stderr}`.trimEnd());
      if (status !== 0) process.exitCode = 1;
      await close();
    });
  }
}

const [directory] = positionals;
if (directory === undefined) await runEverywhere();
else runIn(directory);
