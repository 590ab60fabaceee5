/**
 * `varve defrag`: lays files of a mounted volume anew where they lie in short pieces, and small files of a directory one
 * behind the other in the order of their names, where they lie apart. This side walks the directories
 * and asks the server for one step after another (defrag-service.ts): so it may be interrupted between any two, and run
 * again, it finds what is left.
 */

import { type BigIntStats, lstatSync, opendirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { VolumeError } from '../errors.js';
import { mounts, mountType } from '../fuse/mount-table.js';
import { firstElsewhere } from '../posix/api.js';
import { pageSize } from '../units.js';
import { type AddCommand, type CommandContext, withExamples } from './command.js';
import { ControlConnection } from './control-client.js';
import type { DefragAnswer, LookAnswer } from './defrag-service.js';
import { exitCode } from './exit-codes.js';
import { jsonOption } from './json-schema.js';
import { json } from './output.js';
import { Progress, type ProgressStyle, progressOption } from './progress.js';
import { setProperty } from './property.js';
import { defragSchema } from './schemas/upkeep.js';
import { counted, formatSize, parseSize } from './size.js';

interface DefragChoices {
  readonly minExtent: string;
  readonly rate?: string;
  readonly compress?: string;
  readonly dryRun?: boolean;
  readonly breakSharing?: boolean;
  readonly verbose?: boolean;
  readonly json?: boolean;
  readonly progress?: ProgressStyle;
}

/** Bytes of a step: what a signal waits for. */
const stepBytes = 8 * 2 ** 20;

export const addDefrag: AddCommand = (program, context) => {
  withExamples(program.command('defrag'), [
    ['varve defrag /mnt/v/var/log', 'lay these files anew, with all below'],
    ['varve defrag --dry-run /mnt/v', 'only say what would be done'],
  ])
    .description(
      'lay files of a mounted volume in one piece, and those of a directory one behind the other\n' +
        'It may be interrupted at any time; run again, it goes on with what is left.',
    )
    .argument('<path...>', 'files and directories')
    .option('--min-extent <size>', 'leave pieces of this size and more as they are', '4M')
    .option('--rate <size>', 'lay anew at most so much a second, as 50M')
    .option('--compress <how>', 'lay everything anew, compressed so (lz4, deflate:9, ..., none), and set that property')
    .option('--break-sharing', 'also what snapshots hold; it is then stored twice')
    .option('--dry-run', 'only say what would be done')
    .option('-v, --verbose', 'name the files')
    .addOption(progressOption())
    .addOption(jsonOption(defragSchema))
    .action((paths: string[], choices: DefragChoices) => defrag(paths, choices, context));
};

/** What was done, in bytes. */
interface Outcome {
  files: number;
  changed: number;
  bytes: number;
  /** In which those bytes lay. */
  pieces: number;
  /** Left because a snapshot holds them. */
  heldBytes: number;
  interrupted: boolean;
}

async function defrag(paths: readonly string[], choices: DefragChoices, context: CommandContext): Promise<void> {
  const run = new Run(choices, context);
  try {
    await run.paths(paths);
  } finally {
    run.end();
  }
  const { output } = context;
  if (choices.json) output.line(json(run.outcome));
  else output.line(asText(run.outcome, choices));
  if (run.outcome.interrupted) context.exit = exitCode.interrupted;
}

function asText({ files, changed, bytes, pieces, heldBytes, interrupted }: Outcome, choices: DefragChoices): string {
  const done = choices.dryRun ? 'to be laid anew' : 'laid anew';
  const held = heldBytes === 0 ? '' : `; ${formatSize(heldBytes)} left, as snapshots hold them (--break-sharing)`;
  return (
    `${counted(files, 'file')} looked at, ${counted(changed, 'file')} ${done}: ` +
    `${formatSize(bytes)} that lay in ${counted(pieces, 'piece')}${held}${interrupted ? '; interrupted' : ''}`
  );
}

class Run {
  readonly outcome: Outcome = { files: 0, changed: 0, bytes: 0, pieces: 0, heldBytes: 0, interrupted: false };
  private readonly servers = new Map<string, ControlConnection>();
  private readonly leastPages: number;
  private readonly rate: number | undefined;
  private readonly bar: Progress;
  /** Bytes of all files. */
  private all = 0;
  /** Bytes of the files that are done. */
  private passed = 0;
  private readonly began = performance.now();
  private readonly stop = (): void => {
    this.outcome.interrupted = true;
  };

  constructor(
    private readonly choices: DefragChoices,
    private readonly context: CommandContext,
  ) {
    this.leastPages = Math.max(1, Math.floor(parseSize(choices.minExtent) / pageSize));
    this.rate = choices.rate === undefined ? undefined : parseSize(choices.rate);
    if (this.rate === 0) throw new VolumeError('usage', '--rate must be above 0');
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, this.stop);
    this.bar = new Progress(context.output, 'defrag', choices.progress, choices.json);
  }

  end(): void {
    this.bar.stop();
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, this.stop);
    for (const server of this.servers.values()) server.close();
  }

  /** Files, and directories with all below them on the same filesystem. */
  async paths(paths: readonly string[]): Promise<void> {
    for (const path of paths)
      for (const files of filesBelow(path, look(path))) for (const { stat } of files) this.all += bytesOf(stat);
    for (const path of paths) await this.path(path);
  }

  private async path(path: string): Promise<void> {
    const stat = look(path);
    const device = deviceOf(stat);
    const mount = mounts().findLast((entry) => entry.device === device);
    if (mount?.type !== mountType) throw new VolumeError('usage', `${path} does not lie on a Varve volume`);
    let server = this.servers.get(device);
    if (server === undefined) {
      server = await ControlConnection.of(mount);
      this.servers.set(device, server);
    }
    for (const files of filesBelow(path, stat)) {
      const apart = await this.apart(server, files);
      for (const { path, stat } of files) {
        if (this.outcome.interrupted) return;
        await this.file(server, path, stat, apart.has(Number(stat.ino)));
      }
    }
  }

  /** Files that do not lie one behind the other, though they are read so. */
  private async apart(server: ControlConnection, files: readonly File[]): Promise<ReadonlySet<number>> {
    const inodes = files.map(({ stat }) => Number(stat.ino));
    if (inodes.length < 2) return new Set();
    const answer = (await server.ask('defrag-look', { inodes, leastPages: this.leastPages })) as LookAnswer;
    return new Set(answer.apart);
  }

  private async file(server: ControlConnection, path: string, stat: BigIntStats, apart: boolean): Promise<void> {
    const { outcome, choices } = this;
    const before = outcome.bytes;
    outcome.files++;
    this.passed += bytesOf(stat);
    if (choices.compress !== undefined && !choices.dryRun) setProperty(path, 'compression', choices.compress);
    // One page can't lie in pieces, nor become less.
    if (bytesOf(stat) <= pageSize && !apart) return;
    for (let from: number | undefined = 0; from !== undefined && !outcome.interrupted; ) {
      const answer = (await server.ask('defrag-step', {
        inode: Number(stat.ino),
        from,
        leastPages: this.leastPages,
        mostPages: stepBytes / pageSize,
        held: choices.breakSharing === true,
        all: apart || choices.compress !== undefined,
        dry: choices.dryRun === true,
      })) as DefragAnswer;
      if ('gone' in answer) break;
      outcome.bytes += answer.pages * pageSize;
      outcome.pieces += answer.pieces;
      outcome.heldBytes += answer.held * pageSize;
      from = answer.next;
      const done = this.passed - (from === undefined ? 0 : Math.max(0, bytesOf(stat) - from * pageSize));
      this.bar.update(done / this.all, done, path);
      await this.pause();
    }
    if (outcome.bytes === before) return;
    outcome.changed++;
    if (choices.verbose && !choices.json) this.context.output.line(`${path}: ${formatSize(outcome.bytes - before)}`);
  }

  private async pause(): Promise<void> {
    if (this.rate === undefined || this.choices.dryRun) return;
    for (;;) {
      const ms = (this.outcome.bytes / this.rate) * 1000 - (performance.now() - this.began);
      if (ms <= 0 || this.outcome.interrupted) return;
      await sleep(Math.min(ms, 100));
    }
  }
}

/** Major and minor number, as mountinfo writes them. */
function deviceOf({ dev }: BigIntStats): string {
  const major = ((dev >> 8n) & 0xfffn) | ((dev >> 32n) & ~0xfffn);
  const minor = (dev & 0xffn) | ((dev >> 12n) & ~0xffn);
  return `${major}:${minor & 0xffffffffn}`;
}

function look(path: string): BigIntStats {
  const stat = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  if (stat === undefined) throw new VolumeError('not-found', `${path} does not exist`);
  return stat;
}

const bytesOf = ({ blocks }: BigIntStats): number => Number(blocks) * 512;

interface File {
  readonly path: string;
  readonly stat: BigIntStats;
}

/** Most files of a directory that are looked at together. */
const mostTogether = 1024;

/**
 * Regular files at and below a path, not beyond its filesystem and not in snapshots, where nothing may be changed: some of a
 * directory at a time, in the order of names.
 */
function* filesBelow(top: string, topStat: BigIntStats): Iterable<readonly File[]> {
  if (topStat.isFile()) yield [{ path: top, stat: topStat }];
  const waiting = topStat.isDirectory() ? [top] : [];
  for (let directory = waiting.pop(); directory !== undefined; directory = waiting.pop()) {
    const below: string[] = [];
    let files: File[] = [];
    for (const name of namesIn(directory)) {
      const path = join(directory, name);
      const stat = lstatSync(path, { bigint: true, throwIfNoEntry: false });
      if (stat === undefined || stat.dev !== topStat.dev || stat.ino >= firstElsewhere) continue;
      if (stat.isDirectory()) below.push(path);
      else if (stat.isFile()) files.push({ path, stat });
      if (files.length < mostTogether) continue;
      yield files;
      files = [];
    }
    if (files.length > 0) yield files;
    waiting.push(...below.reverse());
  }
}

function namesIn(path: string): readonly string[] {
  const names: string[] = [];
  const directory = opendirSync(path);
  try {
    for (let entry = directory.readSync(); entry !== null; entry = directory.readSync()) names.push(entry.name);
  } finally {
    directory.closeSync();
  }
  return names.sort();
}
