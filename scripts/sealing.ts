/**
 * What encryption promises, tried at length: nothing that is known is found in an image, no nonce comes twice under a key,
 * and a flipped bit is never other contents.
 *
 *     node dist/scripts/sealing.js [--what search|nonces|bits] [--files 10000] [--rounds 1000] [--stride 1] [--workers 2]
 *     [--minutes 60] [--seed N]
 *
 * Prints a line for each part, and on stderr once a minute how many bits were flipped. --what, which may come several times:
 * only these parts. --stride: of the pages of which all bits are tried, each so many-th bit. --workers: threads that flip bits.
 * Exit codes: 0 all is well, 1 a promise is broken, 2 the time was not enough.
 */
import { parentPort, Worker, workerData } from 'node:worker_threads';
import { seededRandom } from '../fs/store/random.js';
import { type BitCount, BitFlips, type BitPlan, planFlips } from '../stress/sealing/bits.js';
import { countNonces } from '../stress/sealing/nonces.js';
import { searchImage } from '../stress/sealing/search.js';
import { scriptOptions } from './script-options.js';

const parts = ['search', 'nonces', 'bits'];
const { values } = scriptOptions({
  options: {
    what: { type: 'string', multiple: true, default: parts },
    files: { type: 'string', default: '10000' },
    rounds: { type: 'string', default: '1000' },
    stride: { type: 'string', default: '1' },
    workers: { type: 'string', default: '2' },
    minutes: { type: 'string', default: '60' },
    seed: { type: 'string', default: '1' },
  },
});

/** What a thread is given. */
interface Assignment {
  readonly plan: BitPlan;
  /** Milliseconds since 1970. */
  readonly until: number;
  /** How many bits were taken by all threads. */
  readonly taken: Int32Array;
}

const until = Date.now() + Number(values.minutes) * 60_000;
const random = seededRandom(Number(values.seed));
const say = (line: string): void => void process.stdout.write(`${line}\n`);

/** In a thread. */
async function work({ plan, until, taken }: Assignment): Promise<void> {
  const flips = new BitFlips(plan);
  await flips.run(() => (Date.now() < until ? Atomics.add(taken, 0, 1) : undefined));
  parentPort?.postMessage(flips.count);
}

function employ(assignment: Assignment): Promise<BitCount> {
  const worker = new Worker(new URL(import.meta.url), { workerData: assignment });
  return new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', () => reject(new Error('a thread ended without a word')));
  });
}

/** Whether the promise of this part holds; so the next two. */
async function search(): Promise<boolean> {
  let holds = true;
  for (const transforms of [[], ['lz4']]) {
    const { known, found, bytes } = await searchImage(random, Number(values.files), 256, transforms);
    holds &&= found.length === 0;
    const how = ['aes-256-gcm', ...transforms].join(', ');
    say(`search (${how}): ${known} known names and contents, ${bytes} bytes, ${found.length} found`);
  }
  return holds;
}

async function nonces(): Promise<boolean> {
  const found = await countNonces(random, Number(values.rounds), () => Date.now() < until);
  say(
    `nonces: ${found.messages} messages in ${found.sessions} sessions, ${found.crashes} power cuts, ` +
      `${found.copies} copies, ${found.repeated} repeated`,
  );
  return found.repeated === 0;
}

async function bits(): Promise<{ holds: boolean; enough: boolean }> {
  const plan = await planFlips(random, Number(values.seed), Number(values.stride));
  const planned = plan.bits.length;
  const taken = new Int32Array(new SharedArrayBuffer(4));
  const timer = setInterval(() => process.stderr.write(`${Math.min(taken[0], planned)} of ${planned}\n`), 60_000);
  const counts = await Promise.all(
    Array.from({ length: Number(values.workers) }, () => employ({ plan, until, taken })),
  ).finally(() => clearInterval(timer));
  const sum = (of: (count: BitCount) => number): number => counts.reduce((all, count) => all + of(count), 0);
  const wrong = counts.flatMap((count) => count.wrong);
  const flips = sum((count) => count.flips);
  for (const each of wrong.slice(0, 20)) say(`wrong: ${each}`);
  say(
    `bits: ${flips} of ${planned} flipped: ${sum((count) => count.harmless)} harmless, ` +
      `${sum((count) => count.refused)} refused, ${sum((count) => count.older)} an older state, ${wrong.length} wrong`,
  );
  return { holds: wrong.length === 0, enough: flips === planned };
}

async function main(): Promise<number> {
  const unknown = values.what.find((part) => !parts.includes(part));
  if (unknown !== undefined) {
    process.stderr.write(`sealing: there is no part '${unknown}', only ${parts.join(', ')}\n`);
    return 2;
  }
  const does = (part: string): boolean => values.what.includes(part);
  const searched = !does('search') || (await search());
  const counted = !does('nonces') || (await nonces());
  const flipped = does('bits') ? await bits() : { holds: true, enough: true };
  if (!searched || !counted || !flipped.holds) return 1;
  return flipped.enough ? 0 : 2;
}

if (parentPort) await work(workerData as Assignment);
else process.exitCode = await main();
