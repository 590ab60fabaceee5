/** `varve stress` without a profile: random operations, power cuts, and what to do again when something was wrong. */
import { readFileSync, writeFileSync } from 'node:fs';
import type { CommandContext } from '../../fs/cli/command.js';
import { exitCode } from '../../fs/cli/exit-codes.js';
import { json } from '../../fs/cli/output.js';
import { Progress, type ProgressStyle } from '../../fs/cli/progress.js';
import { VolumeError } from '../../fs/errors.js';
import { type JournalMode, journalModes } from '../../fs/volume/journal-mode.js';
import { type Maker, play } from '../random/play.js';
import { parseScript, type Script, scriptText } from '../random/script.js';
import { type Failure, type RandomReport, randomRuns, varve } from '../random/session.js';
import { DirectoryMaker, mustBeOfUse } from '../system/directory.js';

export interface RandomCommand {
  /** Where a folder is made for it; undefined: a volume in memory. */
  readonly directory: string | undefined;
  readonly seed: number;
  readonly journal: string;
  readonly operations: number;
  /** Bytes of the disk. */
  readonly size: number;
  readonly minutes: number | undefined;
  /** Write the script of a failure there. */
  readonly save: string | undefined;
  /** Play this script instead. */
  readonly replay: string | undefined;
  readonly progress: ProgressStyle | undefined;
  readonly json: boolean;
}

export async function stressAtRandom(command: RandomCommand, { output }: CommandContext): Promise<number> {
  const interrupted = { yes: false };
  const interrupt = (): void => {
    interrupted.yes = true;
  };
  const began = performance.now();
  const milliseconds = (command.minutes ?? Number.POSITIVE_INFINITY) * 60_000;
  const end = began + milliseconds;
  const stop = (): boolean => interrupted.yes || performance.now() > end;
  const maker = makerOf(command.directory);
  const bar = new Progress(output, 'stress', command.progress, command.json);
  const progress = (operations: number): void => {
    const share = Math.max(operations / command.operations, (performance.now() - began) / milliseconds);
    bar.update(share, 0, `${operations.toLocaleString('en-US')} operations`);
  };
  for (const signal of signals) process.once(signal, interrupt);
  try {
    const report =
      command.replay === undefined
        ? await runs(command, maker, stop, progress)
        : await replayed(command.replay, maker, stop);
    if (report.failure !== undefined && command.save !== undefined) {
      writeFileSync(command.save, `${scriptText(report.failure.script)}\n`);
    }
    output.line(command.json ? json(reportObject(report)) : randomText(report, command));
    if (report.failure !== undefined) return exitCode.corrupt;
    return interrupted.yes ? exitCode.interrupted : exitCode.ok;
  } finally {
    bar.stop();
    for (const signal of signals) process.removeListener(signal, interrupt);
  }
}

const signals = ['SIGINT', 'SIGTERM'] as const;

interface Ground {
  readonly maker: Maker;
  readonly mount: boolean;
}

function makerOf(directory: string | undefined): Ground {
  if (directory === undefined) return { maker: varve, mount: false };
  mustBeOfUse(directory);
  return { maker: () => new DirectoryMaker(directory), mount: true };
}

function runs(
  command: RandomCommand,
  ground: Ground,
  stop: () => boolean,
  progress: (operations: number) => void,
): Promise<RandomReport> {
  const { seed, operations, size } = command;
  return randomRuns({ seed, journal: modeOf(command.journal), size, operations, stop, progress, ...ground });
}

function modeOf(text: string): JournalMode {
  const journal = journalModes.find((mode) => mode === text);
  if (journal !== undefined) return journal;
  throw new VolumeError('usage', `there is no journalling mode '${text}'; choose one of ${journalModes.join(', ')}`);
}

async function replayed(path: string, { maker, mount }: Ground, stop: () => boolean): Promise<RandomReport> {
  const script = readScript(path);
  if (script.mount !== mount)
    throw new VolumeError(
      'usage',
      `${path} is ${mount ? 'for a volume in memory: name no' : 'for a mount: name a'} directory`,
    );
  const { seed, journal } = script;
  const { steps, counts, trail, failure } = await play(script, maker, stop);
  const found: Failure | undefined = failure === undefined ? undefined : { script, why: failure, trail };
  return { seed, journal, operations: steps, runs: 1, counts, failure: found };
}

function readScript(path: string): Script {
  try {
    return parseScript(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new VolumeError('usage', `${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

const reportObject = ({ failure, ...rest }: RandomReport): object => ({
  ...rest,
  ...(failure === undefined
    ? {}
    : {
        failure: { why: failure.why, trail: failure.trail, script: JSON.parse(scriptText(failure.script)) as unknown },
      }),
});

/** For people. `save`: the file that has the script. */
export function randomText(
  { seed, journal, operations, runs, counts, failure }: RandomReport,
  { directory, save: saved }: { readonly directory?: string | undefined; readonly save?: string | undefined } = {},
): string {
  const events =
    directory === undefined
      ? ['power cuts', 'kills', 'remounts', 'images checked', 'ENOSPC']
      : ['comparisons', 'ENOSPC'];
  const went = events.map((name) => `${counts[name] ?? 0} ${name}`).join(', ');
  const what = directory === undefined ? `journal=${journal}` : `in ${directory}`;
  const head = `seed ${seed}, ${what}: ${operations} operations in ${runs} runs; ${went}`;
  const where = directory === undefined ? '' : ` ${directory}`;
  if (failure === undefined) return `${head}\nwrong: nothing`;
  const { script, why, trail } = failure;
  return [
    head,
    `wrong, with seed ${script.seed}; shrunk to ${script.steps.length} operations:`,
    ...trail.map((line) => `  ${line}`),
    why,
    saved === undefined
      ? `to do it again, save this as FILE: varve stress --replay FILE${where}\n${scriptText(script)}`
      : '',
    saved === undefined ? '' : `to do it again: varve stress --replay ${saved}${where}`,
  ]
    .filter((line) => line !== '')
    .join('\n');
}
