/**
 * Uses Varve as people will and prints what it found as one table: trees copied and compared, the volume filled to
 * 95 % twice, git and sqlite, a full volume, what is refused; tools that copy ACLs and attributes, npm, make, dpkg,
 * PostgreSQL and an NFS server (these need the packages acl, attr, libcap2-bin, rsync, postgresql, nfs-ganesha-vfs and
 * libnfs-utils).
 *
 *     node dist/scripts/acceptance.js [--size 1G,8G] [--only CHECK,...] [--seed N] [--base FOLDER]
 *
 * Exits 1 if any check failed; the others still run. What needs a program that is not installed is not done, and said.
 * Nothing is left behind.
 */
import { spawnSync } from 'node:child_process';
import { checkCopies } from './acceptance/copies.js';
import { type Figure, Figures } from './acceptance/figures.js';
import { checkFull } from './acceptance/full.js';
import { checkGitAndSqlite } from './acceptance/git-and-sqlite.js';
import { checkNfs } from './acceptance/nfs.js';
import { checkPostgres } from './acceptance/postgres.js';
import { checkPrograms } from './acceptance/programs.js';
import { checkRefusals } from './acceptance/refusals.js';
import { checkTrees } from './acceptance/trees.js';
import { scriptOptions } from './script-options.js';
import type { TrialVolume } from './trial/volume.js';
import { withWorkspace } from './trial/workspace.js';

type Check = (volume: TrialVolume, size: string, figures: Figures, seed: number) => Promise<void>;

/** With the programs that it needs and not every machine has. */
const checks: Readonly<Record<string, readonly [check: Check, ...needs: string[]]>> = {
  trees: [checkTrees],
  git: [checkGitAndSqlite, 'git', 'sqlite3'],
  full: [checkFull],
  refusals: [checkRefusals],
  copies: [checkCopies, 'getfacl', 'getfattr', 'setcap', 'rsync', 'python3'],
  programs: [checkPrograms, 'cc', 'make', 'dpkg-deb', 'npm'],
  postgres: [checkPostgres, 'pgbench'],
  nfs: [checkNfs, 'ganesha.nfsd', 'nfs-cat'],
};

const isMissing = (name: string): boolean => spawnSync('sh', ['-c', 'command -v "$0"', name]).status !== 0;

const { values } = scriptOptions({
  options: {
    size: { type: 'string', default: '1G,8G' },
    only: { type: 'string', default: Object.keys(checks).join(',') },
    seed: { type: 'string', default: '1' },
    base: { type: 'string' },
  },
});

const say = (text: string): void => void process.stdout.write(`${text}\n`);

function table(figures: readonly Figure[]): string {
  const width = (of: (f: Figure) => string): number => Math.max(...figures.map((f) => of(f).length));
  const [volume, check, what] = [width((f) => f.volume), width((f) => f.check), width((f) => f.what)];
  const line = (f: Figure) =>
    `${f.volume.padStart(volume)}  ${f.check.padEnd(check)}  ${f.what.padEnd(what)}  ${f.value}`;
  return figures.map(line).join('\n');
}

const all: Figure[] = [];
let [passed, failed, notDone] = [0, 0, 0];
const began = performance.now();
for (const size of values.size.split(',')) {
  for (const name of values.only.split(',')) {
    const check = checks[name];
    if (check === undefined) throw new Error(`there is no check '${name}', only ${Object.keys(checks).join(', ')}`);
    const [work, ...needs] = check;
    const missing = needs.filter(isMissing);
    say(`\n${name} on ${size}:`);
    if (missing.length > 0) {
      say(`  not done: ${missing.join(', ')} is not installed`);
      notDone += 1;
      continue;
    }
    const figures = new Figures(size, name);
    try {
      await withWorkspace(({ volume }) => work(volume('volume'), size, figures, Number(values.seed)), values.base);
      passed += 1;
    } catch (e) {
      failed += 1;
      figures.note('FAILED', e instanceof Error ? e.message : String(e));
    }
    all.push(...figures.all);
  }
}
say(`\n${table(all)}`);
const minutes = (performance.now() - began) / 60_000;
say(
  `\nacceptance: ${passed} checks passed, ${failed} failed, ${notDone} not done, ${minutes.toFixed(1)} minutes, ` +
    `seed ${values.seed}`,
);
if (failed > 0) process.exitCode = 1;
