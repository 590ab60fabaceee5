/**
 * `varve stress`: work as programs do it, on a mount or on a volume in memory, with every byte that is read compared; or,
 * without a profile, random operations against a model, on a mount or on a disk that loses power.
 * What runs is loaded when it is asked for: other commands of `varve` start without it.
 */

import { InvalidArgumentError } from 'commander';
import { type AddCommand, type CommandContext, withExamples } from '../../fs/cli/command.js';
import { exitCode } from '../../fs/cli/exit-codes.js';
import { jsonOption } from '../../fs/cli/json-schema.js';
import { json } from '../../fs/cli/output.js';
import { Progress, type ProgressStyle, progressOption } from '../../fs/cli/progress.js';
import { parseSize } from '../../fs/cli/size.js';
import { VolumeError } from '../../fs/errors.js';
import { profiles } from '../profiles/all.js';
import { describe } from '../workload/describe.js';
import type { Report } from '../workload/report.js';
import { stressSchema } from './schema.js';

interface Options {
  readonly profile?: string;
  readonly minutes?: number;
  readonly write?: string;
  readonly keep?: boolean;
  readonly operations?: number;
  readonly seed: number;
  readonly files?: number;
  readonly concurrency?: number;
  readonly age?: boolean;
  readonly fill: number;
  readonly size?: string;
  readonly journal: string;
  readonly save?: string;
  readonly replay?: string;
  readonly progress?: ProgressStyle;
  readonly json?: boolean;
}

/** Without another end, a run ends after so many calls. */
const defaultOperations = 20_000;
const workloadSize = '512M';
const randomSize = '16M';

export const addStress: AddCommand = (program, context) => {
  withExamples(program.command('stress'), [
    ['varve stress --profile mail /mnt/v', 'work as a mail server does, and compare all it reads'],
    ['varve stress --seed 7 --minutes 10', 'random operations and power cuts, in memory'],
    ['varve stress --seed 7 /mnt/v', 'random operations on a mount, against a model'],
  ])
    .description('work as programs do, or at random through power cuts, and compare all that is read')
    .argument('[directory]', 'on any filesystem: a new folder in it is used; without it, a volume in memory')
    .option('--profile <name>', `${profiles.map(({ name }) => name).join(', ')}; without it, at random`)
    .option('--minutes <m>', 'end after so many minutes', number(0))
    .option('--write <size>', 'with a profile: end after so many bytes were written')
    .option('--keep', 'with a profile: what was made stays')
    .option('--operations <n>', `end after so many calls (${defaultOperations} if nothing else ends it)`, whole(1))
    .option('--seed <n>', 'the same calls for the same seed', whole(0), 1)
    .option('--files <n>', 'files to begin with (as the profile says, in at most a quarter of the space)', whole(1))
    .option('--concurrency <n>', 'workers at a time', whole(1))
    .option('--age', 'fill the volume, with more files that come and go; what was made stays')
    .option('--fill <percent>', 'how full, with --age', number(0), 80)
    .option('--size <size>', `of the volume in memory (${workloadSize}; at random ${randomSize})`)
    .option('--journal <mode>', 'at random: the journalling mode whose promise is checked', 'ordered')
    .option('--save <file>', 'at random: where to write the script of a failure')
    .option('--replay <file>', 'play such a script')
    .addOption(progressOption())
    .addOption(jsonOption(stressSchema, 'print JSON: sizes in bytes, times in microseconds'))
    .addHelpText('after', () => `\n${profiles.map(describe).join('\n\n')}`)
    .action((directory: string | undefined, options: Options) => act(directory, options, context));
};

async function act(directory: string | undefined, options: Options, context: CommandContext): Promise<void> {
  if (options.profile === undefined) await atRandom(directory, options, context);
  else await withProfile(directory, options, context);
}

async function atRandom(directory: string | undefined, options: Options, context: CommandContext): Promise<void> {
  const { stressAtRandom } = await import('./random.js');
  const { seed, journal, minutes, save, replay } = options;
  const operations = options.operations ?? (minutes === undefined ? defaultOperations : Number.POSITIVE_INFINITY);
  const size = parseSize(options.size ?? randomSize);
  const asJson = options.json === true;
  context.exit = await stressAtRandom(
    { directory, seed, journal, operations, size, minutes, save, replay, progress: options.progress, json: asJson },
    context,
  );
}

async function withProfile(directory: string | undefined, options: Options, context: CommandContext): Promise<void> {
  const profile = profiles.find(({ name }) => name === options.profile);
  if (profile === undefined) {
    const names = profiles.map(({ name }) => name).join(', ');
    throw new VolumeError('usage', `there is no profile '${options.profile}'; choose one of ${names}`);
  }
  const { output } = context;
  const { workload, reportText } = await import('../workload/session.js');
  const stop = new AbortController();
  const bar = new Progress(output, 'stress', options.progress, options.json);
  const interrupt = (): void => stop.abort();
  process.once('SIGINT', interrupt);
  try {
    const endless = options.minutes === undefined && options.write === undefined && !options.age;
    const report = await workload({
      profile,
      stop: stop.signal,
      progress: (share, bytes, stage) => bar.update(share, bytes, stage),
      seed: options.seed,
      bytes: parseSize(options.size ?? workloadSize),
      ...given({
        directory,
        minutes: options.minutes,
        writes: options.write === undefined ? undefined : parseSize(options.write),
        keep: options.keep,
        operations: options.operations ?? (endless ? defaultOperations : undefined),
        count: options.files,
        workers: options.concurrency,
        fill: options.age ? options.fill : undefined,
      }),
    });
    bar.stop();
    output.line(options.json ? json(report) : reportText(output, report));
    if (report.error !== undefined) output.error(`varve: ${report.error}`);
    context.exit = exitOf(report);
  } finally {
    bar.stop();
    process.removeListener('SIGINT', interrupt);
  }
}

/** Wrong bytes count most, then an operation that failed. */
export function exitOf({ wrong, error, endedBy }: Pick<Report, 'wrong' | 'error' | 'endedBy'>): number {
  if (wrong.count > 0) return exitCode.corrupt;
  if (error !== undefined) return exitCode.failed;
  return endedBy === 'signal' ? exitCode.interrupted : exitCode.ok;
}

/** Without the members that are undefined. */
function given<T extends object>(all: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as never;
}

const number =
  (least: number) =>
  (text: string): number => {
    const value = Number(text);
    if (text.trim() === '' || !Number.isFinite(value) || value < least) {
      throw new InvalidArgumentError(`It is a number from ${least}.`);
    }
    return value;
  };

const whole =
  (least: number) =>
  (text: string): number => {
    const value = number(least)(text);
    if (!Number.isSafeInteger(value)) throw new InvalidArgumentError(`It is a whole number from ${least}.`);
    return value;
  };
