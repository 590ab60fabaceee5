/**
 * Damaged images: each is opened, read, changed, repaired and opened again (stress/fuzz/judge.ts says what must hold).
 *
 *     npm run fuzz -- [--images N] [--minutes M] [--seed S] [--json]
 *     npm run fuzz -- --only SEED
 *     npm run fuzz -- --add FILE FILE ...
 *
 * The images have the seeds S x 10^6, S x 10^6 + 1, ...; --only: the one with this seed, in this thread. The work is
 * done in a thread with bounded memory, and the main thread sees whether it stands still. SIGINT and SIGTERM end it after
 * the image at hand, with the summary of what was done. --add: the sum of several runs, from what --json printed of each;
 * it refuses runs that have images in common. Exit codes: 0 nothing wrong, 1 something that must hold does not.
 */

import { readFileSync } from 'node:fs';
import { parentPort, Worker, workerData } from 'node:worker_threads';
import { Fuzzer, type Tally } from '../stress/fuzz/fuzz.js';
import { addRuns, type FuzzRun, summaryOf } from '../stress/fuzz/summary.js';
import { scriptOptions } from './script-options.js';

/** Seconds that one image may take, on a machine that is busy with other things. */
const patience = 30;
/** MiB of heap, and of the whole process: a volume of 8 MiB does not need more. */
const mostHeap = 256;
const mostMemory = 1024;
/** Violations that are listed. */
const mostListed = 30;

const say = (line: string): void => void process.stdout.write(`${line}\n`);

interface Assignment {
  readonly first: number;
  readonly images: number;
  readonly until: number;
  /** Images that were begun, and whether to stop (1). */
  readonly shared: Int32Array;
}

/** In the thread. */
async function work({ first, images, until, shared }: Assignment): Promise<void> {
  const fuzzer = await Fuzzer.make();
  for (let i = 0; i < images && Date.now() < until && Atomics.load(shared, 1) === 0; i++) {
    shared[0] = i + 1;
    await fuzzer.try(first + i);
  }
  parentPort?.postMessage(fuzzer.tally);
}

/** Hand the assignment to a thread; what it found, or how it ended. */
async function watched(assignment: Assignment): Promise<Tally | string> {
  const worker = new Worker(new URL(import.meta.url), {
    workerData: assignment,
    resourceLimits: { maxOldGenerationSizeMb: mostHeap },
  });
  let seen = 0;
  let still = 0;
  return new Promise((resolve) => {
    const timer = setInterval(() => {
      const now = assignment.shared[0];
      still = now === seen ? still + 1 : 0;
      seen = now;
      if (still > patience) end('it takes longer than anything may take');
    }, 1000);
    const end = (result: Tally | string): void => {
      clearInterval(timer);
      resolve(result);
      void worker.terminate();
    };
    worker.on('message', end);
    worker.on('error', (e) => end(e instanceof Error ? (e.stack ?? e.message) : String(e)));
  });
}

const { values, positionals } = scriptOptions({
  allowPositionals: true,
  options: {
    images: { type: 'string', default: '10000' },
    minutes: { type: 'string', default: '60' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string' },
    json: { type: 'boolean', default: false },
    add: { type: 'boolean', default: false },
  },
});

function tell(run: FuzzRun): number {
  if (values.json) say(JSON.stringify(run));
  else {
    for (const violation of run.violations.slice(0, mostListed)) say(violation);
    say(summaryOf(run));
  }
  return run.violations.length > 0 || run.memory > mostMemory ? 1 : 0;
}

async function main(): Promise<number> {
  if (values.add) return tell(addRuns(positionals.map((file) => JSON.parse(readFileSync(file, 'utf8')) as FuzzRun)));
  if (values.only !== undefined) {
    const fuzzer = await Fuzzer.make();
    await fuzzer.try(Number(values.only));
    say(JSON.stringify(fuzzer.tally, undefined, 2));
    return fuzzer.tally.violations.length > 0 ? 1 : 0;
  }
  const began = Date.now();
  const until = began + Number(values.minutes) * 60_000;
  const first = Number(values.seed) * 1e6;
  const shared = new Int32Array(new SharedArrayBuffer(8));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => Atomics.store(shared, 1, 1));
  const result = await watched({ first, images: Number(values.images), until, shared });
  if (typeof result === 'string') {
    say(`seed ${first + shared[0] - 1}: ${result}`);
    return 1;
  }
  const memory = Math.round(process.resourceUsage().maxRSS / 1024);
  const seconds = Math.round((Date.now() - began) / 1000);
  return tell({ ...result, ranges: [{ first, images: result.images }], memory, seconds });
}

if (parentPort) await work(workerData as Assignment);
else process.exitCode = await main();
