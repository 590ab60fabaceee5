/**
 * One run of the scenario of a sweep, with a fault at one call of the store. What must hold, whatever the call:
 *
 * 1. Nothing is thrown but the errors that the product declares, to no one but who asked.
 * 2. Everything ends: after a bounded number of turns of the event loop.
 * 3. After a read that failed, the operation can be done again and all goes on as if nothing had been.
 * 4. After a write or barrier that failed, no change is accepted any more (EIO), and reads go on to answer with what
 *    was accepted before.
 * 5. What the store holds then, and what a power cut leaves of it, recovers to what the mode promises: above all,
 *    whatever an fsync acknowledged is there, every byte of it. fsck finds nothing wrong.
 */
import { FsError, VolumeError } from '../../fs/errors.js';
import { FileSystem } from '../../fs/posix/filesystem.js';
import type { CallKind } from '../../fs/store/faults.js';
import { seededRandom } from '../../fs/store/random.js';
import { SimulatedDisk } from '../../fs/store/simulated-disk.js';
import type { SparseBytes } from '../../fs/store/sparse-bytes.js';
import { run } from '../../fs/suspend.js';
import { newestCheckpoint } from '../../fs/volume/checkpoint-slots.js';
import type { JournalMode } from '../../fs/volume/journal-mode.js';
import type { Clock } from '../../fs/volume/options.js';
import { readSuperblock } from '../../fs/volume/superblock.js';
import { Volume } from '../../fs/volume/volume.js';
import { checkVolume } from '../../fsck/check.js';
import { compareTrees } from '../model/compare.js';
import { type Dump, dump } from '../model/dump.js';
import { Model } from '../model/model.js';
import { isRegular } from '../model/nodes.js';
import { restore } from '../model/restore.js';
import { promises } from '../promise/promises.js';
import { clockOf, type VirtualTime } from '../system/virtual-time.js';
import { imageBytes } from './base.js';
import { drawOperation, type Operation } from './operations.js';

export interface Position {
  readonly kind: Exclude<CallKind, 'any'>;
  readonly code: 'EIO' | 'ENOSPC';
  /** Number of the call of that kind, from 1. */
  readonly call: number;
}

export interface RunOptions {
  readonly seed: number;
  readonly operations: number;
  readonly journal: JournalMode;
  readonly time: VirtualTime;
  /** Share of calls that the disk answers in place. */
  readonly inPlace: number;
}

/** What a run begins with. */
export interface Beginning {
  readonly contents: SparseBytes;
  /** What is on it. */
  readonly dump: Dump;
}

/** What came of something, with the code of the error if it failed. */
interface Answer<T> {
  readonly value: T | undefined;
  readonly code: string | undefined;
}

/** Something that must hold does not. */
export class Violation extends Error {}

/** Turns of the event loop that anything may take. */
const mostTurns = 20_000;
/** So many of the model's files are read after a failure. */
const filesRead = 5;

const root = { uid: 0, gid: 0, pid: 1 };

/** A run of the scenario with one fault. */
export class FaultRun {
  /** The fault was met. */
  reached = false;
  private readonly model: Model;
  private disk: SimulatedDisk;
  private volume: Volume | undefined;
  private api: FileSystem | undefined;
  private readonly trail: string[] = [];
  private readonly clock: Clock;
  private closing = false;
  /** A file of which each page may be as before or as after the operation that failed. */
  private halfDone: number | undefined;

  constructor(
    beginning: Beginning,
    private readonly position: Position | undefined,
    private readonly options: RunOptions,
  ) {
    this.clock = { now: () => options.time.now };
    this.model = new Model(() => clockOf(options.time));
    this.model.history.namesFlush = options.journal !== 'writeback';
    restore(this.model, beginning.dump);
    const { seed, inPlace } = options;
    this.disk = new SimulatedDisk(imageBytes, {
      contents: beginning.contents.copy(),
      slow: { random: seededRandom(seed + 1), inPlace, turns: 3 },
    });
    if (position) this.disk.faults.plan(position.kind, position.call, { what: 'error', code: position.code });
  }

  /** Calls that the whole scenario makes, of a run without a fault. */
  get calls(): Readonly<Record<CallKind, number>> {
    return this.disk.faults.counts;
  }

  /** What the volume went through, in all its mounts. */
  readonly counters: Record<string, number> = {};

  /** Throws Violation. */
  async run(): Promise<void> {
    try {
      if (await this.scenario()) await this.afterSurvival();
      else await this.afterFailure();
    } catch (e) {
      if (!(e instanceof Error)) throw e;
      const where = this.position ? `${this.position.code} at ${this.position.kind} ${this.position.call}` : 'no fault';
      throw new Violation(
        `journal=${this.options.journal}, seed ${this.options.seed}, ${where}: ${e.stack ?? e.message}\nafter:\n  ${this.trail.slice(-8).join('\n  ')}`,
      );
    }
  }

  /** True: all of it was done; false: the volume has failed. */
  private async scenario(): Promise<boolean> {
    const random = seededRandom(this.options.seed);
    if (!(await this.open())) return false;
    for (let i = 0; i < this.options.operations; i++) {
      const operation = drawOperation(this.model, random);
      this.trail.push(`${i}: ${operation.label}`);
      this.options.time.advance(1 + (i % 7) * 30);
      if (!(await this.perform(operation))) return false;
    }
    return this.close();
  }

  /** Whether the planned call was made. */
  private get met(): boolean {
    const { position } = this;
    this.reached ||= position !== undefined && this.disk.faults.counts[position.kind] >= position.call;
    return this.reached;
  }

  private get fatal(): boolean {
    return this.position?.kind !== 'read';
  }

  /** False: a fault prevented it, and the volume that is there must do without. A read is tried again. */
  private async perform(operation: Operation): Promise<boolean> {
    switch (operation.what) {
      case 'call':
        return this.both(operation);
      case 'pause':
        this.options.time.advance(6000);
        return true;
      case 'remount':
        return (await this.close()) && (await this.open());
      default:
        return this.makeDurable(operation);
    }
  }

  private async both({ call, changes, inSteps }: Extract<Operation, { what: 'call' }>): Promise<boolean> {
    const { model } = this;
    const first = this.generation;
    const got = await this.insist(() => run(() => call(this.running)));
    model.history.generations = { first, last: this.generation };
    if (this.isFault(got)) {
      // In mode `data` the store may refuse the very pages of the operation: what it did by then is in memory.
      if (changes === undefined || !(inSteps || this.options.journal === 'data')) return false;
      this.halfDone = changes;
      await this.attempt(() => call(model));
      return false;
    }
    const { value } = got;
    if (typeof value === 'object' && value !== null && 'inode' in value) model.nextInode = Number(value.inode);
    const expected = await this.attempt(async () => call(model));
    if (got.code !== expected.code)
      throw new Error(`expected ${expected.code ?? 'success'}, found ${got.code ?? 'success'}`);
    if (typeof value === 'string' && value !== expected.value) throw new Error('other bytes were read');
    // It is done; whether it is acknowledged as well is another question.
    const settled = await this.insist(async () => this.running.settled('file'));
    if (this.isFault(settled)) return false;
    if (settled.code !== undefined) throw new Error(`it is not acknowledged: ${settled.code}`);
    model.history.acknowledge();
    return true;
  }

  /** Once more if a read fails. */
  private async insist<T>(work: () => Promise<T> | T): Promise<Answer<T>> {
    const got = await this.attempt(work);
    return this.isFault(got) && !this.fatal ? this.attempt(work) : got;
  }

  private get generation(): number {
    return this.volume?.generation ?? 0;
  }

  private async makeDurable(operation: Operation): Promise<boolean> {
    const { history } = this.model;
    const moment = history.now();
    const work = (): Promise<void> => {
      if (operation.what === 'file') return run(() => this.running.fsync(operation.inode, false));
      if (operation.what === 'all') return this.running.sync();
      return (this.volume as Volume).commit();
    };
    const got = await this.insist(work);
    if (this.isFault(got)) return false;
    if (got.code !== undefined) throw new Error(`it failed with ${got.code}`);
    history.durable(moment, operation.what === 'file' ? [operation.inode] : undefined);
    return true;
  }

  private get running(): FileSystem {
    if (this.api === undefined) throw new Error('the volume is not open');
    return this.api;
  }

  private async open(): Promise<boolean> {
    const work = async (): Promise<void> => {
      const { journal } = this.options;
      this.volume = await Volume.open(this.disk, { journal, clock: this.clock, cacheBytes: 1 << 20 });
      this.api = new FileSystem(this.volume, { cacheBytes: 4 << 20 });
      await this.api.recover();
    };
    let got = await this.attempt(work);
    if (this.isFault(got) && !this.fatal) {
      await this.volume?.abandon();
      got = await this.attempt(work);
    }
    if (this.isFault(got)) return false;
    if (got.code !== undefined) throw new Error(`it does not open: ${got.code}`);
    return true;
  }

  private async close(): Promise<boolean> {
    this.closing = true;
    const got = await this.attempt(async () => {
      await this.running.close();
      await (this.volume as Volume).close();
    });
    if (this.isFault(got)) return false;
    if (got.code !== undefined) throw new Error(`it does not close: ${got.code}`);
    this.model.history.durable(this.model.history.now());
    for (const [name, count] of Object.entries(this.volume?.counters ?? {}))
      this.counters[name] = (this.counters[name] ?? 0) + count;
    this.api = undefined;
    this.closing = false;
    return true;
  }

  /** The volume has met the fault, and says so. */
  private isFault({ code }: Answer<unknown>): boolean {
    return code !== undefined && this.met && ['EIO', 'io', this.position?.code].includes(code);
  }

  private async attempt<T>(work: () => Promise<T> | T): Promise<Answer<T>> {
    try {
      return { value: await within(Promise.resolve().then(work)), code: undefined };
    } catch (error) {
      if (error instanceof FsError) return { value: undefined, code: error.code };
      if (error instanceof VolumeError) return { value: undefined, code: error.problem };
      throw error;
    }
  }

  private async afterSurvival(): Promise<void> {
    if (this.met && this.fatal) throw new Error('a failed write or barrier went unnoticed');
    await this.reopened(this.disk.contents(), 'after the end', (api) => compareTrees(this.model, api));
  }

  private async afterFailure(): Promise<void> {
    // One that is being closed is closed in any case.
    if (!this.fatal && !this.closing) throw new Error('a read failed once, and the volume does not work any more');
    if (this.api !== undefined && !this.closing) await this.probe();
    await this.attempt(async () => this.api?.close());
    await this.attempt(async () => this.volume?.close());
    await this.volume?.abandon();
    await this.recovered(this.disk.contents(), true);
    await this.recovered(this.disk.crash(seededRandom(this.options.seed + 2)), false);
  }

  /** The failed volume takes no changes, promises nothing, and still answers. */
  private async probe(): Promise<void> {
    const { running: api, model } = this;
    const changes: (readonly [string, () => unknown])[] = [
      ['mknod', () => api.mknod(1, Buffer.from('probe'), 0o100644, 0, 0, root)],
      ['write', () => api.write(firstFile(model), 0, Buffer.from('probe'), root)],
      ['sync', () => api.sync()],
      ['fsync', () => api.fsync(firstFile(model), false)],
      ['commit', () => (this.volume as Volume).commit()],
    ];
    for (const [name, work] of changes) {
      const { code } = await this.attempt(() => run(work));
      if (code !== 'EIO' && code !== this.position?.code)
        throw new Error(`${name} on the failed volume: ${code ?? 'success'}`);
    }
    const files = [...model.nodes.values()].filter((node) => isRegular(node) && node.inode !== this.halfDone);
    for (const { inode, contents } of files.slice(0, filesRead)) {
      const into = new Uint8Array(contents?.size ?? 0);
      const { value, code } = await this.attempt(() => run(() => api.read(inode, 0, into)));
      if (code !== undefined) throw new Error(`reading inode ${inode} on the failed volume: ${code}`);
      const expected = contents?.read(0, into.length) ?? into;
      if (value !== into.length || Buffer.compare(into, expected) !== 0)
        throw new Error(`inode ${inode} reads as something else on the failed volume`);
    }
  }

  /** What the store holds now, or holds after a power cut, keeps the promise of the mode. */
  private async recovered(contents: SparseBytes, processOnly: boolean): Promise<void> {
    const disk = new SimulatedDisk(imageBytes, { contents });
    const { generation } = (await newestCheckpoint(disk, await readSuperblock(disk))).checkpoint;
    await this.reopened(contents, processOnly ? 'as the store was left' : 'after a power cut', async (api) => {
      const found = await dump(api);
      const verdict = promises[this.options.journal](this.model.history, { found, generation, processOnly });
      return verdict.kept ? [] : verdict.why;
    });
  }

  /** Recover what is there, without faults, and look at it. */
  private async reopened(
    contents: SparseBytes,
    when: string,
    differences: (api: FileSystem) => Promise<string[]>,
  ): Promise<void> {
    const disk = new SimulatedDisk(imageBytes, { contents });
    const volume = await within(Volume.open(disk, { commitSeconds: 0, clock: this.clock }));
    const api = new FileSystem(volume, { cacheBytes: 4 << 20 });
    await within(api.recover());
    const different = await within(differences(api));
    if (different.length > 0) throw new Error(`${when}: ${different.join('; ')}`);
    await within(api.close());
    await within(volume.close());
    const problems = await checkVolume(new SimulatedDisk(imageBytes, { contents: disk.contents() }), { data: true });
    if (problems.length > 0) throw new Error(`${when}, fsck: ${problems.map(({ message }) => message).join('; ')}`);
  }
}

const firstFile = (model: Model): number => [...model.nodes.values()].find(isRegular)?.inode ?? 1;

/** What the promise comes to, unless that takes too many turns. */
async function within<T>(promise: Promise<T>): Promise<T> {
  let settled = false;
  const forget = (): void => {
    settled = true;
  };
  promise.then(forget, forget);
  for (let turns = 0; !settled; turns++) {
    if (turns > mostTurns) throw new Violation('it does not end');
    await new Promise((resolve) => setImmediate(resolve));
  }
  return promise;
}
