/**
 * fsck.varve: checks a volume, replays what a crash left, and says what is wrong. Exits with the bits of fsck(8).
 *
 *     -n   change nothing (the journal is replayed in memory)
 *     -p   replay and repair what is safe, ask nothing (also -a); the default
 *     -y   repair everything
 *     -f   walk everything, also if the volume is clean
 *
 * Crash safety: only the replay writes (replay.ts).
 */
import { existsSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { fsckExit, fsckExitOf } from '../fs/cli/exit-codes.js';
import { type Output, progressBar, standardOutput } from '../fs/cli/output.js';
import { mountOfImage } from '../fs/cli/target.js';
import { VolumeError } from '../fs/errors.js';
import { openImageFile } from '../fs/store/image-file.js';
import type { Store } from '../fs/store/store.js';
import { newestCheckpoint } from '../fs/volume/checkpoint-slots.js';
import { readSuperblock } from '../fs/volume/superblock.js';
import { type CheckResult, examine } from './check.js';
import { problem } from './problem.js';
import { type Replayed, replay, replayInMemory } from './replay.js';
import { type Outcome, reportJson, reportText } from './report.js';
import { checkSuperblocks } from './superblock.js';

export interface FsckOptions {
  /** Change nothing. */
  readonly n?: boolean;
  readonly force?: boolean;
  readonly data?: boolean;
  readonly json?: boolean;
}

/** Run fsck.varve with arguments as from the command line; resolves with the exit code. */
export async function main(args: readonly string[], output: Output = standardOutput()): Promise<number> {
  let exit: number = fsckExit.clean;
  const command = new Command('fsck.varve')
    .description('Check a Varve volume, and bring it in order after a crash.')
    .argument('<image>', 'image file or block device')
    .option('-n', 'change nothing: say what a mount would replay, and check')
    .option('-p', 'replay and repair what is safe, without questions (the default)')
    .option('-a', 'the same as -p')
    .option('-y', 'repair everything that can be repaired')
    .option('-f, --force', 'check everything, even if the volume is clean')
    .option('--data', 'also read every page of every file and verify it (implies -f)')
    .option('--json', 'one JSON object instead of lines')
    .option('-C <descriptor>', 'ignored: fsck(8) passes it to ask for progress')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => output.line(text.trimEnd()),
      writeErr: (text) => output.error(text.trimEnd()),
    })
    .action(async (image: string, options: FsckOptions) => {
      exit = await fsck(image, options, output);
    });
  try {
    await command.parseAsync(args, { from: 'user' });
    return exit;
  } catch (e) {
    if (e instanceof CommanderError) return e.exitCode === 0 ? fsckExit.clean : fsckExit.usage;
    output.error(`fsck.varve: ${e instanceof Error ? e.message : String(e)}`);
    return fsckExitOf(e);
  }
}

async function fsck(image: string, options: FsckOptions, output: Output): Promise<number> {
  const changesNothing = options.n === true;
  const mount = existsSync(image) ? mountOfImage(image) : undefined;
  if (mount)
    throw new VolumeError('in-use', `${image} is mounted on ${mount.target}: run varve umount ${mount.target} first`);
  const store = await openImageFile(image, { readOnly: changesNothing });
  try {
    const outcome = await inspect(
      store,
      { ...options, force: options.force || options.data || false },
      changesNothing,
      output,
    );
    if (options.json) reportJson(output, outcome);
    else reportText(output, outcome);
    return outcome.exit;
  } finally {
    await store.close();
  }
}

async function inspect(store: Store, options: FsckOptions, changesNothing: boolean, output: Output): Promise<Outcome> {
  const superblock = await readSuperblock(store);
  const { checkpoint } = await newestCheckpoint(store, superblock);
  const wasClean = checkpoint.clean === 1;
  const { checked, replayed, failure } = wasClean
    ? { checked: store, replayed: undefined, failure: undefined }
    : await bringUpToDate(store, changesNothing);
  const everything = options.force || failure !== undefined || (await hasSuperblockProblem(store, superblock));
  const result = everything ? await withProgress(checked, options, output) : undefined;
  if (failure && result) {
    result.problems.unshift(problem('replay', failure));
    result.total++;
  }
  const corrected = replayed !== undefined && !changesNothing ? fsckExit.corrected : fsckExit.clean;
  return {
    image: store.name,
    wasClean,
    checked: result !== undefined,
    changesNothing,
    ...(replayed ? { replayed } : {}),
    ...(result ? { result } : {}),
    exit: corrected | (result && result.total > 0 ? fsckExit.uncorrected : 0),
  };
}

interface UpToDate {
  /** The store whose newest checkpoint holds everything; or the image as it was, if the replay failed. */
  readonly checked: Store;
  readonly replayed: Replayed | undefined;
  readonly failure: string | undefined;
}

/** Replay the journal. Damage that prevents it is a finding, not the end. */
async function bringUpToDate(store: Store, changesNothing: boolean): Promise<UpToDate> {
  try {
    if (!changesNothing) return { checked: store, replayed: await replay(store), failure: undefined };
    const { store: checked, ...replayed } = await replayInMemory(store);
    return { checked, replayed, failure: undefined };
  } catch (e) {
    if (!(e instanceof VolumeError) || e.problem !== 'corrupt') throw e;
    return { checked: store, replayed: undefined, failure: e.message };
  }
}

async function hasSuperblockProblem(
  store: Store,
  superblock: Parameters<typeof checkSuperblocks>[1],
): Promise<boolean> {
  for await (const _ of checkSuperblocks(store, superblock)) return true;
  return false;
}

async function withProgress(store: Store, options: FsckOptions, output: Output): Promise<CheckResult> {
  let bar: ReturnType<typeof progressBar> | undefined;
  try {
    return await examine(store, {
      data: options.data ?? false,
      onProgress: (done, all, stage) => {
        bar ??= progressBar(output, all, !options.json);
        bar.update(done, stage);
      },
    });
  } finally {
    bar?.stop();
  }
}
