/** `varve transform`: which transforms there are, and whether a module keeps the rules that Varve relies on. */

import { VolumeError } from '../errors.js';
import { seededRandom } from '../store/random.js';
import { checkTransform, levelsOf, sample } from '../transform/contract.js';
import { loadTransform } from '../transform/external.js';
import { Registry } from '../transform/registry.js';
import { maxUnitBytes, type Transform } from '../transform/transform.js';
import { type AddCommand, withExamples } from './command.js';
import { exitCode } from './exit-codes.js';
import { jsonOption } from './json-schema.js';
import { json } from './output.js';
import { transformCheckSchema, transformListSchema } from './schemas/upkeep.js';

interface CheckOptions {
  readonly seed: string;
  readonly rounds: string;
  readonly json?: boolean;
}

/** Problems that are told; more are counted only. */
const mostTold = 10;

export const addTransform: AddCommand = (program, context) => {
  const { output } = context;
  const transform = program.command('transform').description('what can happen to data on its way to the disk');
  withExamples(transform.command('list'), [['varve transform list', 'names and levels']])
    .description('show the transforms that are built in')
    .addOption(jsonOption(transformListSchema))
    .action(async (options: { json?: boolean }) => {
      const registry = await new Registry().ready();
      const known = registry.names.map((name) => registry.byName(name));
      const rows = known.map(({ id, name, levels }) => ({ id, name, levels: levels ?? null }));
      if (options.json) output.line(json(rows));
      else
        for (const { id, name, levels } of rows)
          output.line(`${id} ${name}${levels === null ? '' : ` ${levelText(levels)}`}`);
    });
  withExamples(transform.command('check'), [
    ['varve transform check lz4', 'one that is built in'],
    ['varve transform check ./examples/zero-runs.mjs', 'one of your own'],
  ])
    .description('try whether a transform keeps its rules, with random and hostile bytes, and how quick it is')
    .argument('<module-or-name>', 'a module (ES), or the name of one that is built in')
    .option('--seed <number>', 'seed of what is tried', '1')
    .option('--rounds <number>', 'units to try; ten times as many hostile inputs', '200')
    .addOption(jsonOption(transformCheckSchema))
    .action(async (which: string, options: CheckOptions) => {
      const found = await one(which);
      const random = seededRandom(whole('seed', options.seed));
      const problems = [...checkTransform(found, random, whole('rounds', options.rounds))];
      const speeds = problems.length > 0 ? [] : levelsOf(found).map((level) => speed(found, level));
      if (options.json) output.line(json({ id: found.id, name: found.name, problems, speeds }));
      else {
        for (const problem of problems.slice(0, mostTold)) output.line(problem);
        for (const { level, ratio, encode, decode } of speeds)
          output.line(`level ${level}: to ${ratio} %, encodes ${encode} MB/s, decodes ${decode} MB/s`);
        output.line(
          problems.length === 0 ? `${found.name}: no problems` : `${found.name}: ${problems.length} problems`,
        );
      }
      if (problems.length > 0) context.exit = exitCode.failed;
    });
};

async function one(which: string): Promise<Transform> {
  const registry = await new Registry().ready();
  return registry.names.includes(which) ? registry.byName(which) : loadTransform(which);
}

function whole(name: string, text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1)
    throw new VolumeError('usage', `--${name} ${text} is no number from 1 on`);
  return number;
}

const levelText = ({ least, most, usual }: NonNullable<Transform['levels']>): string =>
  `levels ${least} to ${most}, ${usual} unless told`;

/** On a unit that is half runs and repetitions. */
function speed(transform: Transform, level: number): { level: number; ratio: number; encode: number; decode: number } {
  const random = seededRandom(7);
  const plain = new Uint8Array(maxUnitBytes);
  for (let at = 0; at < plain.length; at += 4096) plain.set(sample(random, 4096), at);
  const target = new Uint8Array(2 * maxUnitBytes);
  const bytes = transform.encode(plain, target, level);
  const stored = target.slice(0, bytes);
  const rate = (work: () => void): number => {
    const began = performance.now();
    let units = 0;
    do {
      work();
      units++;
    } while (performance.now() - began < 200);
    return Math.round((units * maxUnitBytes) / 1000 / (performance.now() - began));
  };
  return {
    level,
    ratio: Math.round((100 * bytes) / plain.length),
    encode: rate(() => transform.encode(plain, target, level)),
    decode: rate(() => transform.decode(stored, plain)),
  };
}
