/**
 * `varve install`: makes mount(8), fsck(8), man(1) and the shells know this package. Links lead into the package where
 * it is, so an update of the package is one of what is installed; only pages and completion are made anew by running it
 * again.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type AddCommand, withExamples } from '../fs/cli/command.js';
import { jsonOption } from '../fs/cli/json-schema.js';
import { json, type Output } from '../fs/cli/output.js';
import { VolumeError } from '../fs/errors.js';
import type { AllPrograms, MakePrograms } from './all-programs.js';
import { completionFor } from './completion.js';
import { inTheWay, put, take } from './install/apply.js';
import { type Installed, installationPlan } from './install/plan.js';
import { allPages } from './manual/pages.js';
import { packageRoot } from './package-root.js';
import { installSchema } from './schemas.js';

interface Options {
  readonly prefix: string;
  readonly root: string;
  readonly uninstall?: boolean;
  readonly dryRun?: boolean;
  readonly force?: boolean;
  readonly json?: boolean;
}

export const installCommand =
  (programs: MakePrograms): AddCommand =>
  (program, { output }) => {
    withExamples(program.command('install'), [
      ['varve install', 'then mount -t varve, man varve and completion work'],
      ['varve install --uninstall', 'take it all away'],
      ['varve install --root /tmp/package --prefix /usr', 'for a package of a distribution'],
    ])
      .description('put helpers, manual pages, completion and examples where the system looks for them')
      .option('--prefix <directory>', 'where all but the helpers of mount(8) and fsck(8) goes', '/usr/local')
      .option('--root <directory>', 'stands before every path', '')
      .option('--uninstall', 'remove what was installed')
      .option('--dry-run', 'only say what would be done')
      .option('--force', 'also over files of others')
      .addOption(jsonOption(installSchema))
      .action((options: Options) => install(planned(options, programs(output)), options, output));
  };

function install(files: readonly Installed[], options: Options, output: Output): void {
  if (!options.uninstall && !options.force) {
    const [first] = inTheWay(files);
    if (first !== undefined)
      throw new VolumeError('usage', `${first} is not of this package; nothing was done (--force: also over it)`);
  }
  const done = files.map((file) => {
    const act = (): string => (options.uninstall ? take(file) : put(file, options.force ?? false));
    return { path: file.path, outcome: options.dryRun ? 'planned' : allowed(file.path, act) };
  });
  if (options.json) output.line(json(done));
  else for (const { path, outcome } of done) if (outcome !== 'absent') output.line(`${outcome.padEnd(8)} ${path}`);
}

function allowed<T>(path: string, act: () => T): T {
  try {
    return act();
  } catch (e) {
    const { code } = e as NodeJS.ErrnoException;
    if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS')
      throw new VolumeError('no-permission', `${path} can't be changed: ${code}`);
    throw e;
  }
}

function planned({ root, prefix }: Options, programs: AllPrograms): Installed[] {
  const base = packageRoot();
  const examples = join(base, 'examples');
  return installationPlan(
    {
      bin: join(base, 'bin'),
      pages: allPages(programs),
      completion: {
        bash: completionFor('bash', programs),
        zsh: completionFor('zsh', programs),
        fish: completionFor('fish', programs),
      },
      examples: readdirSync(examples).map((file) => ({ file, text: readFileSync(join(examples, file), 'utf8') })),
    },
    root,
    prefix,
  );
}
