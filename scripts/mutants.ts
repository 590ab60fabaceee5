/**
 * Plants the faults of stress/mutants, one at a time, in a copy of the sources, and runs the tests named with each until
 * one fails.
 *
 *     npm run mutants -- [--only NAME] [--minutes M]
 *
 * --only: those whose name contains NAME. Exit codes: 0 all were caught, 1 one survived, 2 one no longer applies, or
 * the time was over before all had their turn.
 */
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { mutants } from '../stress/mutants/all.js';
import { type Mutant, plant } from '../stress/mutants/mutant.js';
import { scriptOptions } from './script-options.js';

const { values } = scriptOptions({
  options: { only: { type: 'string', default: '' }, minutes: { type: 'string', default: '60' } },
});
const deadline = performance.now() + Number(values.minutes) * 60_000;
/** A test that takes longer hangs, in seconds. */
const patience = 300;

const top = path.resolve(import.meta.dirname, '../..');
const copied = ['fs', 'fsck', 'mkfs', 'scripts', 'stress', 'test', 'vitest.config.ts', 'package.json', 'tsconfig.json'];

function copySources(): string {
  const copy = fs.mkdtempSync(path.join(os.tmpdir(), 'varve-mutants-'));
  for (const name of copied) fs.cpSync(path.join(top, name), path.join(copy, name), { recursive: true });
  fs.symlinkSync(path.join(top, 'node_modules'), path.join(copy, 'node_modules'));
  return copy;
}

interface Report {
  readonly numFailedTests: number;
  readonly numPassedTests: number;
}

type Verdict = 'passed' | 'failed' | 'hung' | 'broken';

/** Run a test file, or the tests of it whose names contain what follows `#`. */
async function runTest(copy: string, test: string): Promise<Verdict> {
  const [file, part] = test.split('#');
  const output = path.join(copy, 'report.json');
  fs.rmSync(output, { force: true });
  const filter = part === undefined ? [] : ['-t', part];
  const child = spawn(
    process.execPath,
    ['node_modules/vitest/vitest.mjs', 'run', '--project', 'unit', '--bail', '1', '--reporter', 'json'].concat(
      ['--outputFile', output, file],
      filter,
    ),
    { cwd: copy, stdio: 'ignore', detached: true },
  );
  let hung = false;
  const timer = setTimeout(() => {
    hung = true;
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  }, patience * 1000);
  await new Promise((resolve) => child.on('close', resolve));
  clearTimeout(timer);
  if (hung) return 'hung';
  const report = fs.existsSync(output) ? (JSON.parse(fs.readFileSync(output, 'utf8')) as Report) : undefined;
  if (report === undefined || report.numFailedTests + report.numPassedTests === 0) return 'broken';
  return report.numFailedTests > 0 ? 'failed' : 'passed';
}

/** How the mutant was caught; undefined if it survived. */
async function hunt(copy: string, mutant: Mutant): Promise<string | undefined> {
  const file = path.join(copy, mutant.file);
  const source = fs.readFileSync(file, 'utf8');
  fs.writeFileSync(file, plant(source, mutant));
  try {
    for (const test of mutant.tests) {
      const verdict = await runTest(copy, test);
      // What can't even be loaded shows nothing.
      if (verdict === 'broken') throw new RangeError(`mutant ${mutant.name}: ${test} does not run with it`);
      if (verdict !== 'passed') return verdict === 'hung' ? `${test} (hangs)` : test;
    }
    return undefined;
  } finally {
    fs.writeFileSync(file, source);
  }
}

async function main(): Promise<number> {
  const chosen = mutants.filter(({ name }) => name.includes(values.only));
  const counts = { caught: 0, survived: 0, unfit: 0 };
  const copy = copySources();
  try {
    for (const mutant of chosen) {
      if (performance.now() > deadline) break;
      try {
        const caughtBy = await hunt(copy, mutant);
        counts[caughtBy === undefined ? 'survived' : 'caught']++;
        const how = caughtBy === undefined ? 'SURVIVED' : `caught by ${caughtBy}`;
        process.stdout.write(`${mutant.name}: ${how}\n`);
      } catch (e) {
        if (!(e instanceof RangeError)) throw e;
        counts.unfit++;
        process.stdout.write(`${e.message}\n`);
      }
    }
  } finally {
    fs.rmSync(copy, { recursive: true, force: true });
  }
  const { caught, survived, unfit } = counts;
  const left = chosen.length - caught - survived - unfit;
  process.stdout.write(`mutants: ${caught} caught, ${survived} survived, ${unfit} do not apply, ${left} not tried\n`);
  return survived > 0 ? 1 : unfit + left > 0 ? 2 : 0;
}

process.exitCode = await main();
