/**
 * `npm run quota-oracle`: cases of limits on Varve, with and without write-back caching, on ext4 where the kernel has its
 * quotas, and by the rules of Linux as quota-oracle/rules.ts writes them down. Needs root.
 *
 * --cases N (200 unless told), --seed N, --minutes N (at most), --on varve,ext4
 * --kernel /usr/bin/linux.uml: play the cases of ext4 in user-mode Linux, as a kernel may lack what that needs.
 *
 * What is left out, as it differs by design: directories and small files take no blocks on Varve; fallocate takes nothing
 * where not all of it fits; what a cached write loses is told by fsync and close.
 */
import { chmodSync } from 'node:fs';
import { chance, seededRandom } from '../fs/store/random.js';
import { drawCase, type Step } from './quota-oracle/cases.js';
import { ext4Ground, type Holder, type QuotaGround, varveGround } from './quota-oracle/grounds.js';
import { Rules } from './quota-oracle/rules.js';
import { inUserModeLinux } from './quota-oracle/user-mode-linux.js';
import { scriptOptions } from './script-options.js';
import { type Workspace, withWorkspace } from './trial/workspace.js';

const { values } = scriptOptions({
  options: {
    cases: { type: 'string', default: '200' },
    seed: { type: 'string', default: '1' },
    minutes: { type: 'string', default: '20' },
    on: { type: 'string', default: 'varve,ext4' },
    kernel: { type: 'string' },
  },
});

const wanted = new Set(values.on.split(','));

/** What Linux answers. */
function byTheRules(steps: readonly Step[], holder: Holder, directoryPages: number): string[] {
  // A project's directory is of the project.
  const rules = holder === 'project' ? new Rules(1, directoryPages) : new Rules(0, 0);
  const answers = steps.map((step) => {
    if (step.what === 'limit') return rules.setLimits(step.space, step.inodes);
    if (step.what === 'expire') return rules.expire();
    if (step.what === 'create') return rules.create(step.file, step.byRoot);
    if (step.what === 'write') return rules.write(step.file, step.first, step.count, step.byRoot);
    if (step.what === 'truncate') return rules.truncate(step.file, step.size);
    return step.what === 'remove' ? rules.remove(step.file) : rules.give(step.file);
  });
  return [...answers, rules.report()];
}

/** The same cases on ext4 by another kernel: what it says is printed, and counts. */
async function inGuest(workspace: Workspace, kernel: string): Promise<void> {
  const { cases, seed, minutes } = values;
  const args = ['--on', 'ext4', '--cases', cases, '--seed', seed, '--minutes', minutes];
  const { text, passed } = await inUserModeLinux(workspace, kernel, args);
  process.stdout.write(`in ${kernel}:\n${text}`);
  if (!passed) process.exitCode = 1;
}

await withWorkspace(async (workspace) => {
  chmodSync(workspace.path, 0o711);
  process.umask(0);
  const grounds: QuotaGround[] = [];
  if (wanted.has('varve')) {
    grounds.push(await varveGround(workspace, 'through', 'quota,writethrough'));
    grounds.push(await varveGround(workspace, 'cached', 'quota'));
  }
  if (values.kernel !== undefined) await inGuest(workspace, values.kernel);
  else if (wanted.has('ext4')) {
    const ext4 = await ext4Ground(workspace);
    if (typeof ext4 !== 'string') grounds.push(ext4);
    else process.stdout.write(`without ext4: ${ext4}\n`);
  }
  const random = seededRandom(Number(values.seed));
  const end = Date.now() + Number(values.minutes) * 60_000;
  let [cases, steps, refused, differences] = [0, 0, 0, 0];
  for (; cases < Number(values.cases) && Date.now() < end; cases++) {
    const drawn = drawCase(random);
    const holder: Holder = chance(random, 0.5) ? 'user' : chance(random, 0.5) ? 'group' : 'project';
    steps += drawn.length;
    refused += byTheRules(drawn, holder, 0).filter((answer) => answer.includes('EDQUOT')).length;
    for (const ground of grounds) {
      const expected = byTheRules(drawn, holder, ground.directoryPages);
      const found = await ground.play(drawn, holder, 60_000 + cases);
      const at = expected.findIndex((answer, i) => answer !== found[i]);
      if (at < 0) continue;
      differences++;
      const before = drawn.slice(0, at + 1).map((step, i) => `    ${JSON.stringify(step)}: ${found[i]}`);
      process.stdout.write(
        `DIFFERS ${ground.name}, case ${cases} (${holder}): ${found[at]}, expected ${expected[at]}\n`,
      );
      process.stdout.write(`${before.join('\n')}\n`);
    }
  }
  for (const ground of grounds) await ground.close();
  process.stdout.write(
    `quota-oracle: ${cases} cases, ${steps} steps, ${refused} refused, on ${grounds.map(({ name }) => name).join('; ')}: ` +
      `${differences} differences, seed ${values.seed}\n`,
  );
  if (differences > 0 || cases < Number(values.cases)) process.exitCode = 1;
  if (grounds.length === 0 && values.kernel === undefined) process.exitCode = 1;
});
