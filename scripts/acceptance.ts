/**
 * Uses Varve as people will and prints what it found as one table: trees copied and compared, the volume filled to
 * 95 % twice, git and sqlite, a full volume, what is refused; tools that copy ACLs and attributes, npm, make, dpkg, and
 * PostgreSQL (these need the packages acl, attr, libcap2-bin, rsync, and postgresql).
 *
 *     node dist/scripts/acceptance.js [--size 1G,8G] [--only CHECK,...] [--seed N] [--base FOLDER]
 *
 * Exits 1 if any check failed; the others still run. Nothing is left behind.
 */
import { parseArgs } from 'node:util';
import { checkCopies } from './acceptance/copies.js';
import { type Figure, Figures } from './acceptance/figures.js';
import { checkFull } from './acceptance/full.js';
import { checkGitAndSqlite } from './acceptance/git-and-sqlite.js';
import { checkPostgres } from './acceptance/postgres.js';
import { checkPrograms } from './acceptance/programs.js';
import { checkRefusals } from './acceptance/refusals.js';
import { checkTrees } from './acceptance/trees.js';
import type { TrialVolume } from './trial/volume.js';
import { withWorkspace } from './trial/workspace.js';

type Check = (volume: TrialVolume, size: string, figures: Figures, seed: number) => Promise<void>;

const checks: Readonly<Record<string, Check>> = {
  trees: checkTrees,
  git: checkGitAndSqlite,
  full: checkFull,
  refusals: checkRefusals,
  copies: checkCopies,
  programs: checkPrograms,
  postgres: checkPostgres,
};

const { values } = parseArgs({
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
let [passed, failed] = [0, 0];
const began = performance.now();
for (const size of values.size.split(',')) {
  for (const name of values.only.split(',')) {
    const check = checks[name];
    if (check === undefined) throw new Error(`there is no check '${name}', only ${Object.keys(checks).join(', ')}`);
    const figures = new Figures(size, name);
    say(`\n${name} on ${size}:`);
    try {
      await withWorkspace(({ volume }) => check(volume('volume'), size, figures, Number(values.seed)), values.base);
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
say(`\nacceptance: ${passed} checks passed, ${failed} failed, ${minutes.toFixed(1)} minutes, seed ${values.seed}`);
if (failed > 0) process.exitCode = 1;
