/**
 * `npm run quota-oracle`: cases of limits on Varve, with and without write-back caching, on ext4 where the kernel has its
 * quotas, and by the rules of Linux as quota-oracle/rules.ts writes them down. Needs root.
 *
 * --cases N (200 unless told), --seed N, --minutes N (at most)
 *
 * What is left out, as it differs by design: directories and small files take no blocks on Varve; fallocate takes nothing
 * where not all of it fits; what a cached write loses is told by fsync and close.
 */
import { chmodSync } from 'node:fs';
import { chance, seededRandom } from '../fs/store/random.js';
import { drawCase, type Step } from './quota-oracle/cases.js';
import { ext4Ground, type Holder, varveGround } from './quota-oracle/grounds.js';
import { Rules } from './quota-oracle/rules.js';
import { scriptOptions } from './script-options.js';
import { withWorkspace } from './trial/workspace.js';

const { values } = scriptOptions({
  options: {
    cases: { type: 'string', default: '200' },
    seed: { type: 'string', default: '1' },
    minutes: { type: 'string', default: '20' },
  },
});

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

await withWorkspace(async (workspace) => {
  chmodSync(workspace.path, 0o711);
  process.umask(0);
  const ext4 = await ext4Ground(workspace);
  const grounds = [
    await varveGround(workspace, 'through', 'quota,writethrough'),
    await varveGround(workspace, 'cached', 'quota'),
    ...(typeof ext4 === 'string' ? [] : [ext4]),
  ];
  if (typeof ext4 === 'string') process.stdout.write(`without ext4: ${ext4}\n`);
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
});
