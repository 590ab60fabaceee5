/**
 * Crashes of a workload that was recorded: at every barrier, with what a cut may leave of the writes that it was to
 * make durable, and at the end. Each state is recovered, judged by the promise of the mode, used, and checked.
 *
 * Between two barriers a disk may keep any of the writes, so the states just before a barrier contain those of all
 * moments since the one before.
 */
import { applyCrashState, type CrashState, drawCrashState, plainCrashStates } from '../../fs/store/crash-states.js';
import { below, chance, type Random } from '../../fs/store/random.js';
import { type Moment, Playback } from '../../fs/store/recording.js';
import { SimulatedDisk } from '../../fs/store/simulated-disk.js';
import { run } from '../../fs/suspend.js';
import { checkVolume } from '../../fsck/check.js';
import { type Dump, dump } from '../model/dump.js';
import { bytesOf } from '../model/state.js';
import type { Known } from './knowledge.js';
import { type Machine, type Opened, open } from './machine.js';
import { brokenPromise } from './promise.js';

export interface CrashOptions {
  readonly random: Random;
  /** Most states without torn writes at one barrier; sampled if there are more. */
  readonly plain: number;
  /** States with any writes kept, torn or lost, at one barrier. */
  readonly drawn: number;
  /** Share of the states that are used and checked after they were compared, 0 to 1. */
  readonly used: number;
}

/** What is wrong after one crash. */
export interface Violation {
  readonly moment: Moment;
  readonly step: string;
  /** Which writes were kept. */
  readonly left: string;
  readonly why: readonly string[];
}

export interface Tally {
  states: number;
  readonly violations: Violation[];
}

/** Crash everywhere from `since` on. Stops at the first violation. */
export async function crashEverywhere(machine: Machine, since: Moment, options: CrashOptions): Promise<Tally> {
  const tally: Tally = { states: 0, violations: [] };
  const { recording } = machine.disk;
  const playback = new Playback(recording);
  const moments = recording.barriers.filter((barrier) => barrier > since).map((barrier) => barrier - 1);
  moments.push(recording.now);
  for (const [i, moment] of moments.entries()) {
    playback.advance(moment);
    // That a barrier's writes are all there is tried when they are known to be: none of those after it.
    const fits = (kept: number, all: number): boolean =>
      (kept > 0 || i > 0) && (kept < all || i === moments.length - 1);
    for (const state of statesAt(playback, fits, options)) {
      const contents = playback.durable.copy();
      applyCrashState(contents, state);
      const disk = new SimulatedDisk(contents.size, { contents });
      tally.states++;
      const known = machine.knownAt(moment);
      const thorough = chance(options.random, options.used);
      const why = await judge(disk, machine, known, thorough).catch((error: Error) => [error.stack ?? error.message]);
      if (why.length === 0) continue;
      tally.violations.push({ moment, step: known.step, left: describe(playback, state), why });
      return tally;
    }
  }
  return tally;
}

function statesAt(
  playback: Playback,
  fits: (kept: number, all: number) => boolean,
  { random, plain, drawn }: CrashOptions,
): CrashState[] {
  const pending = playback.pending();
  const states = [...plainCrashStates(pending)].filter((state) => fits(state.length, pending.length));
  // The first is that nothing of this barrier is there: never left out, as it judges the barrier before.
  while (states.length > plain) states.splice(1 + below(random, states.length - 1), 1);
  for (let i = 0; i < drawn && pending.length > 0; i++) states.push(drawCrashState(pending, random));
  return states;
}

function describe(playback: Playback, state: CrashState): string {
  const kept = state.map(({ write, kept: units, unit }) => {
    const part = units ? `, torn: ${[...units].join('')} of ${unit}` : '';
    return `${write.length} at ${write.offset}${part}`;
  });
  return `of ${playback.pending().length} writes these got to the disk: ${kept.join('; ') || 'none'}`;
}

async function judge(disk: SimulatedDisk, machine: Machine, known: Known, thorough: boolean): Promise<string[]> {
  const opened = await open(disk, machine.journal);
  const found = await dump(opened.api);
  const broken = brokenPromise(machine.journal, known, found);
  if (broken.length > 0 || !thorough) {
    await opened.volume.abandon();
    return broken;
  }
  await use(opened, found);
  await opened.volume.commit();
  await opened.volume.abandon();
  return (await checkVolume(new SimulatedDisk(disk.size, { contents: disk.contents() }), { data: true })).map(
    (problem) => JSON.stringify(problem),
  );
}

/** As CrashMonkey does: what was found must be of use. A file is made in each directory, then all is removed. */
async function use({ api, volume }: Opened, found: Dump): Promise<void> {
  const who = { uid: 0, gid: 0, pid: 1 };
  const name = bytesOf('new');
  for (const directory of found.entries.keys()) {
    const { inode } = await run(() => api.mknod(directory, name, 0o100644, 0, 0, who));
    if (found.attributes.has(inode)) throw new Error(`inode ${inode} is in use and was given to a new file`);
    await run(() => api.write(inode, 0, new Uint8Array(5000).fill(9), who));
  }
  await volume.sync();
  // Directories below come after those above: empty them from the end.
  for (const [directory, entries] of [...found.entries].reverse()) {
    for (const entry of entries) {
      if (found.entries.has(entry.inode)) await run(() => api.rmdir(directory, bytesOf(entry.name), who));
      else await run(() => api.unlink(directory, bytesOf(entry.name), who));
    }
    await run(() => api.unlink(directory, name, who));
  }
}
