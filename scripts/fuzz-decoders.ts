/**
 * Hostile bytes for the decoders of all transforms: noise, and encoded units with bytes changed, cut off, repeated and
 * put in, each for a target of any length. A decoder must fill its target from the input alone or throw, and write
 * nowhere else; one that crashes ends this program.
 *
 *     node dist/scripts/fuzz-decoders.js [--seed N] [--inputs N] [--minutes N] [--transform NAME-OR-MODULE]...
 *
 * Exit codes: 0 nothing found, 1 a rule was broken.
 */
import { seededRandom } from '../fs/store/random.js';
import { hostile, hostileBytes, levelsOf, sample, sampleLength } from '../fs/transform/contract.js';
import { loadTransform } from '../fs/transform/external.js';
import { Registry } from '../fs/transform/registry.js';
import type { Transform } from '../fs/transform/transform.js';
import { scriptOptions } from './script-options.js';

const { values } = scriptOptions({
  options: {
    seed: { type: 'string', default: '1' },
    inputs: { type: 'string', default: '1000000' },
    minutes: { type: 'string', default: '60' },
    transform: { type: 'string', multiple: true, default: [] },
  },
});

/** Encoded units from which hostile ones are made; a new set every so many inputs. */
const corpus = 24;
const inputsPerCorpus = 5000;
const inputsPerTurn = 50;
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const deadline = performance.now() + Number(values.minutes) * 60_000;

interface Outcome {
  inputs: number;
  problems: number;
  slowestMs: number;
}

async function fuzz(transform: Transform, seed: number, inputs: number): Promise<Outcome> {
  const random = seededRandom(seed);
  const outcome: Outcome = { inputs: 0, problems: 0, slowestMs: 0 };
  let valid: Uint8Array[] = [];
  for (; outcome.inputs < inputs && performance.now() < deadline; outcome.inputs++) {
    if (outcome.inputs % inputsPerCorpus === 0) valid = encodedUnits(transform, random);
    // As a server does: what failed decoders hold goes with the next turn of the event loop.
    if (outcome.inputs % inputsPerTurn === 0) await turn();
    const bytes = hostileBytes(random, valid);
    const length = random() < 0.5 ? sampleLength(random) : 4096 * (1 + Math.floor(random() * 4));
    const began = performance.now();
    const problem = hostile(transform, bytes, length);
    outcome.slowestMs = Math.max(outcome.slowestMs, performance.now() - began);
    if (problem === undefined) continue;
    if (outcome.problems++ < 10) {
      process.stdout.write(`${transform.name}, seed ${seed}, input ${outcome.inputs}: ${problem}\n`);
      process.stdout.write(`  ${Buffer.from(bytes.subarray(0, 64)).toString('hex')}\n`);
    }
  }
  return outcome;
}

function encodedUnits(transform: Transform, random: () => number): Uint8Array[] {
  const units: Uint8Array[] = [];
  const levels = levelsOf(transform);
  for (let i = 0; i < corpus; i++) {
    const plain = sample(random, i % 2 === 0 ? 1 + Math.floor(random() * 2000) : sampleLength(random));
    const target = new Uint8Array(2 * plain.length + 1024);
    const bytes = transform.encode(plain, target, levels[i % levels.length]);
    if (bytes > 0) units.push(target.slice(0, bytes));
  }
  return units;
}

async function main(): Promise<number> {
  const registry = await new Registry().ready();
  const wanted = values.transform.length > 0 ? values.transform : registry.names;
  let problems = 0;
  for (const which of wanted) {
    const transform = registry.names.includes(which) ? registry.byName(which) : await loadTransform(which);
    const began = performance.now();
    const outcome = await fuzz(transform, Number(values.seed), Number(values.inputs));
    problems += outcome.problems;
    const seconds = Math.round((performance.now() - began) / 1000);
    const memory = Math.round(process.memoryUsage.rss() / 2 ** 20);
    process.stdout.write(
      `${transform.name}: ${outcome.inputs} inputs, ${outcome.problems} problems, ${seconds} s, ` +
        `slowest ${outcome.slowestMs.toFixed(1)} ms, ${memory} MiB in memory\n`,
    );
  }
  return problems > 0 ? 1 : 0;
}

process.exitCode = await main();
