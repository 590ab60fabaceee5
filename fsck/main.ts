/**
 * fsck.varve: checks a volume, replays what a crash left, says what is wrong, and repairs it. Exits with the bits of
 * fsck(8).
 *
 *     -n   change nothing (the journal is replayed in memory)
 *     -p   replay and repair what is safe, ask nothing (also -a)
 *     -y   repair everything
 *     -f   walk everything, also if the volume is clean
 *
 * With none of -n, -p and -y it asks about each kind of repair, or, away from a terminal, does as -p.
 *
 * Crash safety: that of the replay (replay.ts) and of each step of a repair (repair/repair.ts).
 */
import { existsSync } from 'node:fs';
import { CommanderError } from 'commander';
import { fsckExit, fsckExitOf } from '../fs/cli/exit-codes.js';
import { type Output, standardOutput } from '../fs/cli/output.js';
import { Progress, type ProgressStyle } from '../fs/cli/progress.js';
import { mountOfImage } from '../fs/cli/target.js';
import { unlockStore } from '../fs/cli/unlock.js';
import { VolumeError } from '../fs/errors.js';
import { openImageFile } from '../fs/store/image-file.js';
import type { Store } from '../fs/store/store.js';
import { pageSize } from '../fs/units.js';
import { newestCheckpoint } from '../fs/volume/checkpoint-slots.js';
import { wordsOf } from '../fs/volume/recovery.js';
import { readSuperblock } from '../fs/volume/superblock.js';
import { type Asker, asking, askTerminal, Cancelled } from './ask.js';
import { examine } from './check.js';
import { newest, readBothSlots } from './checkpoint.js';
import { fsckCommand } from './command.js';
import { type Problem, problem } from './problem.js';
import { type Allow, allowAll, allowSafe } from './repair/permission.js';
import { repairVolume } from './repair/repair.js';
import { type Replayed, replay, replayToDamage } from './replay.js';
import { type Outcome, reportJson, reportText } from './report.js';
import { checkSuperblocks } from './superblock.js';

export interface FsckOptions {
  /** Change nothing. */
  readonly n?: boolean;
  /** Replay, and repair what is safe. */
  readonly p?: boolean;
  readonly a?: boolean;
  /** Repair everything. */
  readonly y?: boolean;
  readonly force?: boolean;
  readonly data?: boolean;
  readonly json?: boolean;
  readonly progress?: ProgressStyle;
  readonly keyFile?: string;
  readonly passphraseFd?: string;
}

/**
 * Run fsck.varve with arguments as from the command line; resolves with the exit code. `ask`: asks the person who
 * called it; undefined if there is none.
 */
export async function main(
  args: readonly string[],
  output: Output = standardOutput(),
  ask: Asker | undefined = process.stdin.isTTY && output.terminal ? askTerminal : undefined,
): Promise<number> {
  let exit: number = fsckExit.clean;
  const cancel = new AbortController();
  const onSignal = () => cancel.abort();
  const command = fsckCommand(output).action(async (image: string, options: FsckOptions) => {
    if ([options.n, options.p || options.a, options.y].filter(Boolean).length > 1)
      throw new VolumeError('usage', 'only one of -n, -p (or -a) and -y makes sense');
    exit = await fsck(image, options, output, { ask, cancel: cancel.signal });
  });
  for (const signal of signals) process.once(signal, onSignal);
  try {
    await command.parseAsync(args, { from: 'user' });
    return exit;
  } catch (e) {
    if (e instanceof CommanderError) return e.exitCode === 0 ? fsckExit.clean : fsckExit.usage;
    output.error(`fsck.varve: ${e instanceof Error ? e.message : String(e)}`);
    return e instanceof Cancelled ? fsckExit.cancelled : fsckExitOf(e);
  } finally {
    for (const signal of signals) process.off(signal, onSignal);
  }
}

const signals = ['SIGINT', 'SIGTERM'] as const;

/** The person who called: whom to ask, and whether they want no more of it. */
interface Caller {
  readonly ask: Asker | undefined;
  readonly cancel: AbortSignal;
}

/** What may be repaired; undefined: nothing, not even a journal replayed. */
function permissionOf(options: FsckOptions, output: Output, ask: Asker | undefined): Allow | undefined {
  if (options.n) return undefined;
  if (options.y) return allowAll;
  return options.p || options.a || ask === undefined ? allowSafe : asking(ask, output);
}

async function fsck(image: string, options: FsckOptions, output: Output, caller: Caller): Promise<number> {
  const allow = permissionOf(options, output, caller.ask);
  const mount = existsSync(image) ? mountOfImage(image) : undefined;
  if (mount)
    throw new VolumeError('in-use', `${image} is mounted on ${mount.target}: run varve umount ${mount.target} first`);
  const store = await openImageFile(image, { readOnly: allow === undefined });
  try {
    await unlockStore(store, options);
    const wanted = { ...options, force: options.force || options.data || false };
    const watch: Watch = (work) => withProgress(wanted, output, caller.cancel, work);
    const outcome = allow === undefined ? await inspect(store, wanted, watch) : await mend(store, wanted, allow, watch);
    if (options.json) reportJson(output, outcome);
    else reportText(output, outcome);
    return outcome.exit;
  } finally {
    await store.close();
  }
}

/** Check without writing: the journal is replayed in memory. */
async function inspect(store: Store, options: FsckOptions, watch: Watch): Promise<Outcome> {
  const superblock = await readSuperblock(store);
  const { checkpoint } = await newestCheckpoint(store, superblock);
  const wasClean = checkpoint.clean === 1;
  const { checked, replayed, failure } = wasClean
    ? { checked: store, replayed: undefined, failure: undefined }
    : await bringUpToDate(store);
  const everything = options.force || failure !== undefined || (await hasSuperblockProblem(store, superblock));
  const result = everything
    ? await watch((onProgress) => examine(checked, { data: options.data ?? false, onProgress }))
    : undefined;
  if (failure && result) {
    result.problems.unshift(failure);
    result.total++;
  }
  return {
    image: store.name,
    wasClean,
    changesNothing: true,
    ...(replayed ? { replayed } : {}),
    ...(result ? { found: result, left: result } : {}),
    exit: result && result.total > 0 ? fsckExit.uncorrected : fsckExit.clean,
  };
}

/** Replay, and check and repair if that is asked for or needed. */
async function mend(store: Store, options: FsckOptions, allow: Allow, watch: Watch): Promise<Outcome> {
  const superblock = await readSuperblock(store);
  const slot = newest(await readBothSlots(store, superblock));
  const about = { image: store.name, wasClean: slot?.checkpoint.clean === 1, changesNothing: false };
  if (slot !== undefined && !options.force && !(await hasSuperblockProblem(store, superblock))) {
    const quick = await quickly(store, about.wasClean);
    if (quick !== undefined) return { ...about, ...quick };
  }
  const done = await watch((onProgress) => repairVolume(store, { data: options.data ?? false, allow, onProgress }));
  const corrected = done.corrected ? fsckExit.corrected : fsckExit.clean;
  return {
    ...about,
    ...(done.replayed ? { replayed: done.replayed } : {}),
    found: done.found,
    left: done.left,
    ledger: done.ledger,
    exit: corrected | (done.left.total > 0 ? fsckExit.uncorrected : 0),
  };
}

/** What need not be checked further: a clean volume, or one whose journal can be replayed. */
async function quickly(store: Store, wasClean: boolean): Promise<Pick<Outcome, 'replayed' | 'exit'> | undefined> {
  if (wasClean) return { exit: fsckExit.clean };
  try {
    return { replayed: await replay(store), exit: fsckExit.corrected };
  } catch (e) {
    // 'io': a sector that can't be read, perhaps; a repair goes on without it.
    if (!(e instanceof VolumeError) || (e.problem !== 'corrupt' && e.problem !== 'io')) throw e;
    return undefined;
  }
}

interface UpToDate {
  /** The store whose newest checkpoint holds everything; or the image as it was, if the replay failed. */
  readonly checked: Store;
  readonly replayed: Replayed | undefined;
  readonly failure: Problem | undefined;
}

/** Replay the journal in memory. Damage that prevents it is a finding, not the end. */
async function bringUpToDate(store: Store): Promise<UpToDate> {
  try {
    const { store: checked, damage, ...replayed } = await replayToDamage(store);
    return { checked, replayed, failure: damage && problem('journal', wordsOf(damage.gap)) };
  } catch (e) {
    // Whatever it is that a damaged volume makes of an ordinary mount: the image is as it was.
    return {
      checked: store,
      replayed: undefined,
      failure: problem('replay', e instanceof Error ? e.message : String(e)),
    };
  }
}

async function hasSuperblockProblem(
  store: Store,
  superblock: Parameters<typeof checkSuperblocks>[1],
): Promise<boolean> {
  for await (const _ of checkSuperblocks(store, superblock)) return true;
  return false;
}

type OnProgress = (done: number, all: number, stage: string) => void;

/** Run work that tells its progress. */
type Watch = <T>(work: (onProgress: OnProgress) => Promise<T>) => Promise<T>;

/** Show progress; a cancelled caller ends the work while it is looking, when nothing is half done. */
async function withProgress<T>(
  options: FsckOptions,
  output: Output,
  cancel: AbortSignal,
  work: (onProgress: OnProgress) => Promise<T>,
): Promise<T> {
  const bar = new Progress(output, 'fsck', options.progress, options.json);
  try {
    return await work((done, all, stage) => {
      if (cancel.aborted) throw new Cancelled();
      bar.update(done / all, done * pageSize, stage);
    });
  } finally {
    bar.stop();
  }
}
