/**
 * Judges crash states: recovers each, looks at everything, compares that with the promise of the mode, and has fsck
 * check the image that recovery left. Some of the recoveries, and some repairs by fsck, are cut short by another crash,
 * and what that leaves is judged in the same way.
 *
 * Of snapshots, branches and streams see judge-roots.ts.
 *
 * In mode `none`, two crashes that leave the same checkpoint must also leave the same, byte by byte.
 */
import { crc32, crc32c } from '@node-rs/crc32';
import { FsError } from '../../fs/errors.js';
import { slotOffset } from '../../fs/format/geometry.js';
import type { Superblock } from '../../fs/format/superblock.js';
import { FileSystem } from '../../fs/posix/filesystem.js';
import { applyCrashState, drawCrashState } from '../../fs/store/crash-states.js';
import { MemoryStore } from '../../fs/store/memory.js';
import { below, chance, type Random } from '../../fs/store/random.js';
import { Playback } from '../../fs/store/recording.js';
import { SimulatedDisk } from '../../fs/store/simulated-disk.js';
import type { SparseBytes } from '../../fs/store/sparse-bytes.js';
import type { Store } from '../../fs/store/store.js';
import { run } from '../../fs/suspend.js';
import { pageSize, rootInode } from '../../fs/units.js';
import { newestCheckpoint } from '../../fs/volume/checkpoint-slots.js';
import type { JournalMode } from '../../fs/volume/journal-mode.js';
import { Volume } from '../../fs/volume/volume.js';
import { checkVolume } from '../../fsck/check.js';
import { repairVolume } from '../../fsck/repair/repair.js';
import { type Dump, dump } from '../model/dump.js';
import type { History } from '../model/history.js';
import type { KeptThen } from '../model/kept.js';
import { promises } from '../promise/promises.js';
import { ImageIdentity } from './identity.js';
import { liveHistory, RootsJudge } from './judge-roots.js';
import { count, type Tally } from './tally.js';

export interface JudgeOptions {
  readonly journal: JournalMode;
  /** Of all volumes that are judged. */
  readonly superblock: Superblock;
  readonly random: Random;
  readonly tally: Tally;
  /** Milliseconds since 1970, for what recovery writes. */
  readonly now: () => number;
  /** Called with the identity of each state; false: it was seen before and need not be judged. */
  readonly isNew: (identity: number) => boolean;
  /** Share of the recoveries and repairs that are cut short, 0 to 1. */
  readonly interrupted: number;
  /** Share of the states that fsck repairs, with or without torn slots, instead of a mount, 0 to 1. */
  readonly repaired: number;
}

/** What is the same for a state and for those that come of it. */
interface Circumstances {
  readonly history: History;
  readonly generation: number;
  readonly processOnly: boolean;
  readonly kept: KeptThen | undefined;
}

/** States that are taken of a recovery or repair that is cut short. */
const statesOfInterruption = 6;
const mostInterruptions = 2;
/** Share of the states with snapshots of which fsck verifies every page. That none of them is free, it says of all. */
const withData = 0.25;

export class Judge {
  /** Mode `none`: digest of what was found, by generation of the checkpoint. */
  private readonly found = new Map<number, string>();

  constructor(private readonly options: JudgeOptions) {}

  /**
   * What is wrong with a state; nothing if all is well. The contents are changed. `whole`: no write is missing from it.
   * `kept`: which roots there were, if there were any beside the live one.
   */
  async judge(
    contents: SparseBytes,
    history: History,
    { processOnly, whole, kept }: { processOnly: boolean; whole: boolean; kept?: KeptThen | undefined },
  ): Promise<string[]> {
    const disk = new MemoryStore(contents.size, { bytes: contents });
    try {
      const { checkpoint } = await newestCheckpoint(disk, this.options.superblock);
      if (checkpoint.nextSerial > this.options.superblock.places) count(this.options.tally, 'the log wrapped');
      const live = kept === undefined ? history : liveHistory(kept, checkpoint.rootId, history);
      const about = { history: live, generation: checkpoint.generation, processOnly, kept };
      if (chance(this.options.random, this.options.repaired)) return await this.judgeRepair(contents, about, whole);
      return await this.judgeMount(contents, about, 0);
    } catch (error) {
      return [error instanceof Error ? (error.stack ?? error.message) : String(error)];
    }
  }

  private async judgeMount(contents: SparseBytes, about: Circumstances, depth: number): Promise<string[]> {
    const { journal, random, tally, now, interrupted } = this.options;
    const recorder =
      depth < mostInterruptions && chance(random, interrupted)
        ? new SimulatedDisk(contents.size, { contents, record: true })
        : undefined;
    // A disk that remembers nothing is twice as quick.
    const disk = recorder ?? new MemoryStore(contents.size, { bytes: contents });
    const volume = await Volume.open(disk, { journal, commitSeconds: 0, cacheBytes: 1 << 20, clock: { now } });
    const api = new FileSystem(volume, { cacheBytes: 4 << 20, accessTimes: 'noatime' });
    const roots = about.kept && new RootsJudge(volume, about.kept, random, tally);
    await api.recover();
    const found = await dump(api, (inode) => about.history.versions.get(inode)?.at(-1)?.contents);
    const problems = this.compare(found, about);
    if (roots && problems.length === 0) problems.push(...(await roots.check(recorder === undefined)));
    const recovered = recorder?.recording.now ?? 0;
    await volume.abandon();
    if (problems.length === 0)
      problems.push(...(await this.check(disk, about.kept !== undefined && chance(random, withData))));
    if (!recorder || problems.length > 0) return problems;
    return this.interrupt(recorder, recovered, 'recovery interrupted', tally, (left) =>
      this.judgeMount(left, about, depth + 1),
    );
  }

  private compare(found: Dump, { history, generation, processOnly }: Circumstances): string[] {
    const verdict = promises[this.options.journal](history, { found, generation, processOnly });
    if (!verdict.kept) return verdict.why;
    if (this.options.journal !== 'none') return [];
    const digest = digestOf(found);
    const before = this.found.get(generation) ?? digest;
    this.found.set(generation, digest);
    return digest === before ? [] : [`checkpoint ${generation} was found with different contents after another crash`];
  }

  /** `data`: with all pages of files, also those that only a snapshot has. */
  private async check(disk: Store, data: boolean): Promise<string[]> {
    return (await checkVolume(disk, { data })).map((problem) => `fsck: ${JSON.stringify(problem)}`);
  }

  /** Crash at moments of what the disk recorded up to `until`. */
  private async interrupt(
    disk: SimulatedDisk,
    until: number,
    name: string,
    tally: Tally,
    judge: (contents: SparseBytes) => Promise<string[]>,
  ): Promise<string[]> {
    const { random, isNew } = this.options;
    const identity: { of?: ImageIdentity } = {};
    const playback = new Playback(disk.recording, (write) => identity.of?.touched(write));
    identity.of = new ImageIdentity(playback.durable);
    const moments = Array.from({ length: statesOfInterruption }, () => 1 + below(random, until)).sort((a, b) => a - b);
    for (const moment of moments) {
      playback.advance(moment);
      const state = drawCrashState(playback.pending(), random);
      const contents = playback.durable.copy();
      applyCrashState(contents, state);
      if (!isNew(identity.of.of(contents, state))) continue;
      count(tally, name);
      count(tally, 'states');
      const problems = await judge(contents);
      if (problems.length > 0) return [`${name} at moment ${moment} of ${until}`, ...problems];
    }
    return [];
  }

  /**
   * fsck -y instead of a mount: what it leaves must keep the promise. With both slots torn it begins with what the log
   * itself tells, perhaps older; then the image must only be sound, and of use. A power cut does not do that: a medium
   * does, so no other write is missing then.
   */
  private async judgeRepair(contents: SparseBytes, about: Circumstances, whole: boolean): Promise<string[]> {
    const { random, tally } = this.options;
    const torn = whole && chance(random, 0.7);
    if (torn) {
      this.tearSlots(contents);
      count(tally, 'both slots torn');
    }
    const disk = new SimulatedDisk(contents.size, { contents, record: true });
    const problems = await this.repair(disk, about, torn);
    if (problems.length > 0) return problems;
    return this.interrupt(disk, disk.recording.now, 'fsck interrupted', tally, (left) =>
      this.repair(new SimulatedDisk(left.size, { contents: left }), about, torn),
    );
  }

  private async repair(disk: SimulatedDisk, about: Circumstances, torn: boolean): Promise<string[]> {
    const { left } = await repairVolume(disk, { now: this.options.now });
    if (left.total > 0) return left.problems.map((problem) => `fsck -y left: ${JSON.stringify(problem)}`);
    const contents = disk.contents();
    if (!torn) return this.judgeMount(contents, about, mostInterruptions);
    return (await this.use(contents)).map((line) => `used after the repair of torn slots: ${line}`);
  }

  /** A file can be made and written, and the image is sound then. */
  private async use(contents: SparseBytes): Promise<string[]> {
    const disk = new MemoryStore(contents.size, { bytes: contents });
    const volume = await Volume.open(disk, { commitSeconds: 0, clock: { now: this.options.now } });
    const api = new FileSystem(volume, { cacheBytes: 4 << 20 });
    await api.recover();
    const who = { uid: 0, gid: 0, pid: 1 };
    try {
      const { inode } = await run(() =>
        api.mknod(rootInode, Buffer.from('made after the repair'), 0o100644, 0, 0, who),
      );
      await run(() => api.write(inode, 0, new Uint8Array(5000), who));
    } catch (error) {
      if (!(error instanceof FsError && error.code === 'ENOSPC')) throw error;
    }
    await api.close();
    await volume.close();
    return this.check(disk, true);
  }

  /** Some sectors of both slots are something else. */
  private tearSlots(contents: SparseBytes): void {
    for (const slot of [0, 1]) {
      const sector = new Uint8Array(512).fill(1 + below(this.options.random, 255));
      contents.write(slotOffset(this.options.superblock, slot) + 512 * below(this.options.random, 2), sector);
    }
  }
}

/** Two checksums of different polynomials of all that was found. */
function digestOf(found: Dump): string {
  const lines: string[] = [];
  for (const [key, value] of found.facts) lines.push(`${key}=${value}`);
  for (const [inode, { mtime, ctime, size }] of found.attributes) {
    lines.push(`${inode}: ${size} ${mtime.seconds}.${mtime.nanos} ${ctime.seconds}.${ctime.nanos}`);
  }
  let [one, other] = [crc32c(''), crc32('')];
  for (const [inode, contents] of found.files) {
    for (const index of [...contents.written()].sort((a, b) => a - b)) {
      if (index * pageSize >= contents.size) continue;
      lines.push(`${inode} ${index}`);
      const page = Buffer.from(contents.page(index).buffer, contents.page(index).byteOffset, pageSize);
      one = crc32c(page, one);
      other = crc32(page, other);
    }
  }
  const text = lines.join('\n');
  return `${crc32c(text, one)} ${crc32(text, other)}`;
}
