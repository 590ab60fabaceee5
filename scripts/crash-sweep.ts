/**
 * The long run of the crash sweeps: crash states of random runs in all four journalling modes, each recovered, compared
 * with what the mode promises, and checked by fsck. Counts distinct images (stress/crash/identity.ts) over all modes.
 *
 *     node dist/scripts/crash-sweep.js [--states N] [--seed N] [--minutes M] [--workers N] [--mode MODE] [--any] [--json]
 *     [--quiet] [--state FILE] [--snapshots] [--patience SECONDS]
 *
 * Prints a line for each mode, or, with --json, one object. Fails on the first broken promise, with what leads to it; and,
 * unless --any, when the time was not enough for the states or something that a sweep must go through never happened
 * (stress/crash/tally.ts). --state: how far it has come is kept in this file, once a minute and at the end; the next run with
 * it and the same seed goes on from there, until there are so many states in all. --snapshots: only volumes with snapshots,
 * and with snapshots, branches and streams among the operations. --patience: a task of 2,000 states (500 with --snapshots) that
 * takes longer hangs, which is a broken promise as well.
 *
 * Exit codes: 0 all is well, 1 a broken promise, 2 too few states or something never happened.
 */
import { fork } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type JournalMode, journalModes } from '../fs/volume/journal-mode.js';
import { Progress } from '../stress/crash/progress.js';
import { beginningsWithRoots } from '../stress/crash/scenario.js';
import { Sweep, type Violation } from '../stress/crash/sweep.js';
import { addTally, missing, required, requiredOfRoots, type Tally } from '../stress/crash/tally.js';
import { scriptOptions } from './script-options.js';

const { values } = scriptOptions({
  options: {
    states: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: '1' },
    minutes: { type: 'string', default: '120' },
    workers: { type: 'string', default: '2' },
    mode: { type: 'string' },
    any: { type: 'boolean', default: false },
    worker: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    quiet: { type: 'boolean', default: false },
    state: { type: 'string' },
    snapshots: { type: 'boolean', default: false },
    patience: { type: 'string', default: '900' },
  },
});

/** What a worker does at a time. */
interface Task {
  readonly number: number;
  readonly journal: JournalMode;
  readonly seed: number;
  readonly states: number;
  /** Milliseconds since 1970. */
  readonly deadline: number;
}

interface Done {
  readonly task: Task;
  readonly tally: Tally;
  readonly violation: Violation | undefined;
  readonly identities: Float64Array;
}

const statesOfTask = values.snapshots ? 500 : 2000;
const wantedEvents = [...required, ...requiredOfRoots];
/** Each state leaves some megabytes behind: a young generation of this size is collected less often. */
const execArgv = [...process.execArgv, '--max-semi-space-size=64'];

function work(): void {
  process.on('message', (task: Task) => {
    const identities: number[] = [];
    const sweep = new Sweep({
      ...task,
      ...(values.snapshots ? { beginnings: beginningsWithRoots } : {}),
      stop: () => Date.now() > task.deadline,
      judged: (identity) => identities.push(identity),
    });
    void sweep.run().then(({ tally, violation }) => {
      process.send?.({ task, tally, violation, identities: Float64Array.from(identities) } satisfies Done);
    });
  });
}

const say = (line: string): void => void process.stdout.write(`${line}\n`);

class Run {
  private readonly modes = journalModes.filter((mode) => values.mode === undefined || mode === values.mode);
  private readonly wanted = Number(values.states);
  private readonly started = performance.now();
  private readonly deadline = Date.now() + Number(values.minutes) * 60_000;
  private readonly progress = this.begin();
  private readonly violations: Violation[] = [];
  private told = performance.now();
  private saved = performance.now();

  private begin(): Progress {
    if (this.modes.length === 0) throw new RangeError(`--mode is one of ${journalModes.join(', ')}`);
    const seed = Number(values.seed);
    if (values.state === undefined || !existsSync(values.state)) return new Progress(seed, this.modes);
    return Progress.load(values.state, seed, this.modes);
  }

  async finish(): Promise<number> {
    await Promise.all(Array.from({ length: Number(values.workers) }, () => this.employ()));
    this.save();
    const all: Tally = {};
    for (const tally of this.progress.tallies.values()) addTally(all, tally);
    const never = values.any ? [] : missing(all, wantedEvents);
    if (values.json) this.tellJson(never);
    else this.tell(never);
    if (this.violations.length > 0) return 1;
    return never.length > 0 || (!values.any && this.progress.identities.size < this.wanted) ? 2 : 0;
  }

  private tell(never: readonly string[]): void {
    for (const [mode, tally] of this.progress.tallies) say(`${mode}: ${describe(tally)}`);
    for (const violation of this.violations) say(explain(violation));
    if (never.length > 0) say(`never happened: ${never.join(', ')}`);
    say(`${this.summary()}; ${this.violations.length} violations`);
  }

  private tellJson(never: readonly string[]): void {
    const { violations, wanted, seconds } = this;
    const { identities } = this.progress;
    const modes = Object.fromEntries(this.progress.tallies);
    say(
      JSON.stringify({
        seed: Number(values.seed),
        wanted,
        distinct: identities.size,
        seconds,
        modes,
        never,
        violations,
      }),
    );
  }

  private get seconds(): number {
    return Math.round(this.progress.seconds((performance.now() - this.started) / 1000));
  }

  private summary(): string {
    return `seed ${values.seed}: ${this.progress.identities.size} distinct images of ${this.wanted} wanted, ${this.seconds} s`;
  }

  private get done(): boolean {
    return this.progress.identities.size >= this.wanted || this.violations.length > 0 || Date.now() > this.deadline;
  }

  private nextTask(): Task {
    const number = this.progress.take();
    const journal = this.progress.modeOf(number);
    const seed = this.progress.seed * 1_000_003 + number;
    return { number, journal, seed, states: statesOfTask, deadline: this.deadline };
  }

  private employ(): Promise<void> {
    const worker = fork(fileURLToPath(import.meta.url), values.snapshots ? ['--worker', '--snapshots'] : ['--worker'], {
      serialization: 'advanced',
      execArgv,
    });
    return new Promise((resolve, reject) => {
      worker.once('error', reject);
      worker.once('exit', (code, signal) => {
        if (this.done) resolve();
        else reject(new Error(`a worker ended with ${signal ?? `code ${code}`}`));
      });
      let patience: NodeJS.Timeout | undefined;
      const next = (): void => {
        if (this.done) {
          worker.disconnect();
          return;
        }
        const task = this.nextTask();
        worker.send(task);
        patience = setTimeout(() => {
          const why = [`no end after ${values.patience} s: it hangs, or the machine is very slow`];
          this.violations.push({ ...task, run: 0, moment: 0, trail: [], why });
          worker.kill('SIGKILL');
        }, Number(values.patience) * 1000);
      };
      worker.once('exit', () => clearTimeout(patience));
      worker.on('message', (done: Done) => {
        clearTimeout(patience);
        this.take(done);
        next();
      });
      next();
    });
  }

  private take({ task, tally, violation, identities }: Done): void {
    this.progress.finish(task.number, tally, identities);
    if (violation) this.violations.push(violation);
    if (performance.now() - this.saved > 60_000) this.save();
    if (values.quiet || values.json || performance.now() - this.told < 20_000) return;
    this.told = performance.now();
    say(this.summary());
  }

  private save(): void {
    if (values.state === undefined || this.violations.length > 0) return;
    this.saved = performance.now();
    this.progress.save(values.state, (this.saved - this.started) / 1000);
  }
}

function describe(tally: Tally): string {
  const { states = 0, ...rest } = tally;
  const counts = Object.keys(rest).sort();
  return [`${states} states`, ...counts.map((name) => `${name} ${rest[name]}`)].join(', ');
}

function explain({ journal, seed, run, moment, trail, why }: Violation): string {
  return [
    `journal=${journal}, seed ${seed}, run ${run}, moment ${moment}:`,
    ...why.map((line) => `  ${line}`),
    'after:',
    ...trail.map((line) => `  ${line}`),
  ].join('\n');
}

if (values.worker) work();
else process.exitCode = await new Run().finish();
