/**
 * `npm run acl-oracle`: random ACLs, owners, modes and users, on ext4 (the oracle), on Varve, and to the evaluator in
 * fs/posix/acl: who may do what, what chmod makes of an ACL, what a directory hands down. Needs root and a loop device.
 *
 * --decisions N (10,000 unless told), --seed N, --minutes N (at most), --driver kernel,native, --without-ext4
 */
import { chmodSync } from 'node:fs';
import { seededRandom } from '../fs/store/random.js';
import { Rounds } from './acl-oracle/rounds.js';
import { ext4, varveOn } from './conformance/grounds.js';
import { scriptOptions } from './script-options.js';
import { withWorkspace } from './trial/workspace.js';

const { values } = scriptOptions({
  options: {
    decisions: { type: 'string', default: '10000' },
    seed: { type: 'string', default: '1' },
    minutes: { type: 'string', default: '10' },
    driver: { type: 'string', default: 'kernel' },
    'without-ext4': { type: 'boolean', default: false },
  },
});

await withWorkspace(async (workspace) => {
  chmodSync(workspace.path, 0o711);
  const grounds = [
    ...(values['without-ext4'] ? [] : [ext4]),
    ...values.driver.split(',').map((driver) => varveOn(driver)),
  ];
  const open = [];
  for (const ground of grounds) open.push(await ground.open(workspace));
  const directories = open.map(({ directory }) => directory);
  for (const directory of directories) chmodSync(directory, 0o777);
  const umaskApart = directories.filter((_, i) => !grounds[i].without.includes('umask-apart'));
  const rounds = new Rounds(directories, umaskApart, seededRandom(Number(values.seed)));
  const end = Date.now() + Number(values.minutes) * 60_000;
  process.umask(0);
  while (rounds.decisions < Number(values.decisions) && Date.now() < end) rounds.next();
  for (const { close } of open) await close();
  for (const difference of rounds.differences.slice(0, 50)) process.stdout.write(`DIFFERS ${difference}\n`);
  const { decisions, comparisons, differences } = rounds;
  process.stdout.write(
    `acl-oracle: ${decisions} decisions, ${comparisons} comparisons of ${grounds.map(({ name }) => name).join('; ')}; and the evaluator: ` +
      `${differences.length} differences, seed ${values.seed}\n`,
  );
  if (differences.length > 0 || decisions < Number(values.decisions)) process.exitCode = 1;
});
