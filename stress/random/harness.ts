/**
 * Does the same operations on the model and on the system under test, compares what they answer, and lets the
 * machine stop, lose its power and start again in between.
 */
import { FsError } from '../../fs/errors.js';
import type { FileSystemApi, Time } from '../../fs/posix/api.js';
import { below, chance, type Random, seededRandom } from '../../fs/store/random.js';
import type { Moment as DiskMoment, Recording } from '../../fs/store/recording.js';
import { SimulatedDisk } from '../../fs/store/simulated-disk.js';
import type { SparseBytes } from '../../fs/store/sparse-bytes.js';
import { run } from '../../fs/suspend.js';
import type { JournalMode } from '../../fs/volume/journal-mode.js';
import { compareBytes, compareContents, compareTrees, factsOf } from '../model/compare.js';
import { type Dump, dump, readContents } from '../model/dump.js';
import type { Moment } from '../model/history.js';
import { compareHolding } from '../model/holding.js';
import type { Change, KeptLog, Turn } from '../model/kept.js';
import { Model } from '../model/model.js';
import { restore } from '../model/restore.js';
import { Tape } from '../model/tape.js';
import { promises } from '../promise/promises.js';
import type { System, SystemMaker } from '../system/system.js';
import type { VirtualTime } from '../system/virtual-time.js';
import { KeptRun } from './kept-run.js';

export interface HarnessOptions {
  readonly seed: number;
  /** Bytes of the disk. */
  readonly size: number;
  readonly time: VirtualTime;
  /** What the system promises; `ordered` unless told. */
  readonly journal?: JournalMode;
  /** Share of the disk's calls that are answered in place. */
  readonly inPlace?: number;
  /** How many of the last operations the report of a failure lists; 40 unless told. */
  readonly trail?: number;
  /** Check the whole image after each stop and cut. */
  readonly check?: boolean;
  /** What the disk holds at first: an image to go on from; a new volume is made if absent. */
  readonly contents?: SparseBytes;
  /** Snapshots, branches and streams are among the operations. */
  readonly roots?: boolean;
  /** Record what the disk is told, and put the history on tape beside it. Such a run has no stop and no cut. */
  readonly record?: boolean;
  /** Most bytes of one write, copy or allocation; 1 MiB unless told. */
  readonly mostBytes?: number;
}

/** A run that was recorded, from the first operation on. */
export interface Recorded {
  readonly recording: Recording;
  readonly tape: Tape;
  /** Snapshots and branches, if they are among the operations. */
  readonly kept: KeptLog | undefined;
  /** Moment of the disk when the first operation began. */
  readonly since: DiskMoment;
}

/** The model and the system disagree. */
export class Disagreement extends Error {}

/** What an operation came to on one side. */
export type Outcome<T> = { readonly value: T } | { readonly error: FsError };

interface Syncing {
  readonly moment: Moment;
  readonly files: readonly number[] | undefined;
  readonly done: Promise<void>;
}

const maxEffects = 3000;

export class Harness {
  readonly model: Model;
  /** What the harness and, summed over all its lives, the system went through. */
  readonly counts: Record<string, number> = {};
  /** What the disk held at the last start after a power cut: to look at when it fails. */
  image: SparseBytes | undefined;
  /** The last operations, for the report of a failure. */
  readonly trail: string[] = [];
  /** Snapshots and branches, if they are among the operations. */
  kept: KeptRun | undefined;
  private readonly random: Random;
  private readonly syncing = new Set<Syncing>();
  private failedSync: unknown;
  private disk: SimulatedDisk;
  private system: System | undefined;

  constructor(
    private readonly maker: SystemMaker,
    private readonly options: HarnessOptions,
  ) {
    this.random = seededRandom(options.seed);
    this.model = new Model(maker.timeOfChange ?? (() => clockOf(options.time)));
    this.model.history.namesFlush = this.journal !== 'writeback';
    this.disk = this.newDisk(options.contents?.copy());
  }

  /** A kernel stands between, which does not let everything through. */
  get kernel(): boolean {
    return this.maker.kernel === true;
  }

  get mostBytes(): number {
    return this.options.mostBytes ?? 1 << 20;
  }

  get journal(): JournalMode {
    return this.options.journal ?? 'ordered';
  }

  /** What the disk holds now. */
  get contents(): SparseBytes {
    return this.disk.contents();
  }

  get api(): FileSystemApi {
    if (!this.system) throw new Error('the system is not running');
    return this.system.api;
  }

  private newDisk(contents: SparseBytes | undefined): SimulatedDisk {
    const inPlace = this.options.inPlace ?? 0.5;
    return new SimulatedDisk(this.options.size, {
      ...(contents ? { contents } : {}),
      record: this.options.record ?? false,
      slow: { random: this.random, inPlace, turns: 6 },
    });
  }

  count(name: string, by = 1): void {
    this.counts[name] = (this.counts[name] ?? 0) + by;
  }

  note(line: string): void {
    this.trail.push(line);
    const keep = this.options.trail ?? 40;
    if (this.trail.length > keep * 2) this.trail.splice(0, keep);
  }

  disagree(what: string, details: readonly string[]): never {
    throw new Disagreement(
      `${what}\n  ${details.join('\n  ')}\nafter:\n  ${this.trail.slice(-(this.options.trail ?? 40)).join('\n  ')}`,
    );
  }

  async start(): Promise<void> {
    if (!this.options.contents) await this.maker.format(this.disk);
    this.system = await this.maker.open(this.disk);
    const root = await dump(this.api);
    restore(this.model, root);
    const { history } = this.model;
    if (this.options.record) history.tape = new Tape(history, () => this.disk.recording.now);
    const { roots } = this.system;
    if (this.options.roots && roots) this.kept = await KeptRun.begin(this, roots, () => this.disk.recording.now);
    this.checkDisk();
  }

  /** The end of a run that records: closed in peace, or left as it is. */
  async stopRecording(inPeace: boolean): Promise<Recorded> {
    const { tape } = this.model.history;
    if (!tape) throw new Error('the run was not recorded');
    await this.settle();
    this.begin();
    this.forgetHolds();
    if (inPeace) {
      await this.stop();
      this.model.history.durable(this.model.history.now());
    } else {
      this.keepCounters(this.running());
      await this.running().abandon();
      this.system = undefined;
    }
    this.checkDisk();
    return { recording: this.disk.recording, tape, kept: this.kept?.log, since: tape.since };
  }

  /** Time passes: mostly little, and now and then enough for a commit to come by itself. */
  private async tick(): Promise<void> {
    const { random } = this;
    const p = random();
    this.options.time.advance(1 + below(random, p < 0.85 ? 20 : p < 0.98 ? 300 : 3000));
    // Turns of the event loop, for what goes on in the background.
    for (let turns = chance(random, 0.5) ? 0 : below(random, 6); turns > 0; turns--) {
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /**
   * Do `call` on both sides and compare. `compare` gets both values; errors must have the same code, or one of
   * `alike`. True if it succeeded on both.
   */
  async both<T>(
    label: string,
    call: (api: FileSystemApi) => T | Promise<T>,
    compare: (expected: T, found: T) => string[],
    alike: readonly string[] = [],
  ): Promise<boolean> {
    await this.tick();
    this.note(label);
    const first = this.begin();
    const got = await this.attempt(() => this.acknowledged(() => call(this.api)));
    this.ended(first);
    if (this.isOff(got)) {
      await this.whileUncertain(label, call);
      await this.powerIsBack();
      return false;
    }
    if ('error' in got && got.error.code === 'ENOSPC') {
      this.mayBeFull(label);
      return false;
    }
    if ('value' in got && isMade(got.value)) this.model.nextInode = got.value.inode;
    const expected = await this.attempt(() => Promise.resolve(call(this.model)));
    if ('error' in got || 'error' in expected) {
      const [a, b] = [codeOf(expected), codeOf(got)];
      if (a !== b && !(alike.includes(a) && alike.includes(b))) this.disagree(label, [`expected ${a}, found ${b}`]);
      return false;
    }
    this.model.history.acknowledge();
    const problems = compare(expected.value, got.value);
    if (problems.length > 0) this.disagree(label, problems);
    if (this.model.history.effects.length > maxEffects) await this.sync();
    return true;
  }

  /** An operation begins: the generation that is open now. */
  private begin(): number {
    const { tape } = this.model.history;
    if (tape) tape.begun = this.disk.recording.now;
    return this.running().generation();
  }

  /** It has ended: what the model does next is the same operation. */
  private ended(first: number): void {
    this.model.history.generations = { first, last: this.running().generation() };
  }

  /** Do it as a driver would: it is answered when it is as safe as the mode promises of acknowledged operations. */
  private async acknowledged<T>(call: () => T | Promise<T>): Promise<T> {
    const value = await run(call);
    await this.api.settled('file');
    return value;
  }

  /** Ask the system alone; 'off' if the power went meanwhile: it is back then. */
  async ask<T>(label: string, call: (api: FileSystemApi) => T | Promise<T>): Promise<Outcome<T> | 'off'> {
    this.note(label);
    const outcome = await this.attempt(() => run(() => call(this.api)));
    if (!this.isOff(outcome)) return outcome;
    await this.powerIsBack();
    return 'off';
  }

  /** Do operations on different files at the same time. ENOSPC is the only failure that any of them may have. */
  async together(
    calls: readonly { label: string; call: (api: FileSystemApi) => unknown; check: () => string[] }[],
  ): Promise<void> {
    await this.tick();
    this.note(`together: ${calls.map(({ label }) => label).join(' | ')}`);
    const first = this.begin();
    const outcomes = await Promise.all(
      calls.map(({ call }) => this.attempt(() => this.acknowledged(() => call(this.api)))),
    );
    this.ended(first);
    const off = outcomes.some((outcome) => this.isOff(outcome));
    for (const [i, outcome] of outcomes.entries()) {
      const { label, call, check } = calls[i];
      if ('error' in outcome && !off) {
        if (outcome.error.code !== 'ENOSPC') this.disagree(label, [`found ${outcome.error.message}`]);
        this.mayBeFull(label);
        continue;
      }
      await call(this.model);
      const problems = off ? [] : check();
      if (problems.length > 0) this.disagree(label, problems);
    }
    if (!off) this.model.history.acknowledge();
    if (off) await this.powerIsBack();
  }

  private async attempt<T>(work: () => Promise<T>): Promise<Outcome<T>> {
    try {
      return { value: await work() };
    } catch (error) {
      if (error instanceof FsError) return { error };
      throw error;
    }
  }

  private isOff(outcome: Outcome<unknown>): boolean {
    return 'error' in outcome && !this.disk.powered && ['EIO', 'EROFS'].includes(outcome.error.code);
  }

  /** The power went while the operation was under way: the model does it, as it may or may not have happened. */
  private async whileUncertain<T>(label: string, call: (api: FileSystemApi) => T | Promise<T>): Promise<void> {
    this.count('cuts during an operation');
    this.model.nextInode = unknownInode;
    await this.attempt(() => Promise.resolve(call(this.model)));
    this.note(`the power went during: ${label}`);
  }

  /** ENOSPC, or less done than was asked for: is the volume full indeed? */
  mayBeFull(label: string): void {
    this.count('ENOSPC');
    const { pages, availablePages } = this.api.statfs();
    this.note(`  ENOSPC with ${availablePages} of ${pages} pages available`);
    if (availablePages > pages / 8) {
      this.disagree(label, [`ENOSPC, yet ${availablePages} of ${pages} pages are available`]);
    }
  }

  /** Begin to sync the file (or everything) and go on; `settle` waits for it. */
  syncInBackground(inode?: number): void {
    this.note(inode === undefined ? 'sync begins' : `fsync of inode ${inode} begins`);
    const moment = this.model.history.now();
    const files = inode === undefined ? undefined : [inode];
    const started = run(() =>
      inode === undefined ? this.api.sync() : this.api.fsync(inode, chance(this.random, 0.5)),
    );
    const { disk } = this;
    const syncing: Syncing = {
      moment,
      files,
      done: started.then(
        () => {
          this.syncing.delete(syncing);
          this.model.history.durable(moment, files);
        },
        (error: unknown) => {
          this.syncing.delete(syncing);
          if (disk.powered) this.failedSync ??= error;
        },
      ),
    };
    this.syncing.add(syncing);
  }

  get waiting(): number {
    return this.syncing.size;
  }

  async settle(): Promise<void> {
    await this.kept?.settled();
    await Promise.all([...this.syncing].map(({ done }) => done));
    if (this.failedSync) throw this.failedSync;
    if (!this.disk.powered) await this.powerIsBack();
  }

  async sync(inode?: number): Promise<void> {
    this.syncInBackground(inode);
    await this.settle();
  }

  async commit(): Promise<void> {
    this.note('commit');
    await this.settle();
    const moment = this.model.history.now();
    const outcome = await this.attempt(() => this.running().commit());
    if (this.isOff(outcome)) return this.powerIsBack();
    if ('error' in outcome) throw outcome.error;
    this.model.history.durable(moment);
  }

  /**
   * Change which roots there are. `data`: what is dirty is durable with it, as all metadata are. False: there was no room.
   */
  async changeRoots(change: Change, act: () => Promise<unknown>, data = false): Promise<boolean> {
    await this.tick();
    const first = this.begin();
    const moment = this.model.history.now();
    const done = await this.noted(change, act);
    this.ended(first);
    if (done) this.model.history.durable(moment, data ? undefined : []);
    return done;
  }

  /** Make another line live: what the model knows of the old one counts no more. False: there was no room. */
  async turn(change: Turn, act: () => Promise<unknown>): Promise<boolean> {
    const system = this.running();
    const first = this.begin();
    const done = await this.noted(change, () => system.turn?.(act) ?? Promise.resolve());
    this.ended(first);
    if (!done) return false;
    const found = await this.find();
    const problems = compareHolding('the line that is live now', change.live.holding, found);
    if (problems.length > 0) this.disagree(change.label, problems);
    restore(this.model, found);
    return true;
  }

  private async noted(change: Change, act: () => Promise<unknown>): Promise<boolean> {
    this.note(change.label);
    const log = this.kept?.log;
    log?.begin(change);
    const outcome = await this.attempt(act);
    log?.end(change, 'value' in outcome, this.running().roots?.line ?? 0);
    if ('value' in outcome) return true;
    if (outcome.error.code !== 'ENOSPC') this.disagree(change.label, [`found ${outcome.error.message}`]);
    this.count('roots without room');
    return false;
  }

  /** Nothing is under way, and no file is open: another line may be made live. */
  async rest(): Promise<void> {
    await this.tick();
    await this.settle();
    this.begin();
    this.forgetHolds();
  }

  private running(): System {
    if (!this.system) throw new Error('the system is not running');
    return this.system;
  }

  /** Compare everything. */
  async compare(): Promise<void> {
    await this.settle();
    this.note('compare everything');
    const outcome = await this.attempt(() => compareTrees(this.model, this.api));
    if (!this.disk.powered) return this.powerIsBack();
    if ('error' in outcome) throw outcome.error;
    if (outcome.value.length > 0) this.disagree('the trees differ', outcome.value);
    this.count('comparisons');
  }

  /** Compare the contents of one file. */
  async compareFile(inode: number): Promise<void> {
    if (!this.model.nodes.has(inode)) return;
    const expected = this.model.contents(inode);
    const found = await this.attempt(() => readContents(this.api, inode, expected.size));
    if (this.isOff(found)) return this.powerIsBack();
    if ('error' in found) throw found.error;
    const problems = compareContents(inode, expected, found.value);
    if (problems.length > 0) this.disagree(`contents of inode ${inode}`, problems);
  }

  /**
   * An operation on the file failed for want of space and may have done part of its work: each byte must be as it was
   * or as `whole` would have made it. The model takes over what is found.
   */
  async adoptPart(inode: number, whole: () => void): Promise<void> {
    if (!this.model.nodes.has(inode)) return;
    const before = this.model.contents(inode);
    whole();
    const after = this.model.contents(inode);
    const attributes = await this.attempt(() => run(() => this.api.getattr(inode)));
    const found = await this.attempt(async () => readContents(this.api, inode, (await this.valueOf(attributes)).size));
    if (this.isOff(found)) return this.powerIsBack();
    if ('error' in found) throw found.error;
    const problems = [...found.value.written(), ...after.written(), ...before.written()].flatMap((page) => {
      const bytes = found.value.page(page);
      const [a, b] = [before.page(page), after.page(page)];
      return bytes.every((byte, i) => byte === a[i] || byte === b[i])
        ? []
        : compareBytes(`inode ${inode}, page ${page}`, a, bytes);
    });
    if (problems.length > 0) this.disagree(`contents of inode ${inode} after ENOSPC`, problems.slice(0, 5));
    this.model.adopt(await this.valueOf(attributes), found.value);
    this.model.history.acknowledge();
  }

  private async valueOf<T>(outcome: Outcome<T>): Promise<T> {
    if ('error' in outcome) throw outcome.error;
    return outcome.value;
  }

  /** Stop in peace and start again. */
  async remount(): Promise<void> {
    await this.settle();
    this.note('remount');
    this.forgetHolds();
    const outcome = await this.attempt(() => this.stop());
    if (this.isOff(outcome)) return this.powerIsBack();
    if ('error' in outcome) throw outcome.error;
    await this.checkImage();
    this.disk = this.newDisk(this.disk.contents());
    this.system = await this.maker.open(this.disk);
    this.checkDisk();
    this.model.history.durable(this.model.history.now());
    const problems = await compareTrees(this.model, this.api);
    if (problems.length > 0) this.disagree('the trees differ after a remount', problems);
    this.count('remounts');
  }

  private async stop(): Promise<void> {
    const system = this.running();
    await system.close();
    this.keepCounters(system);
    this.system = undefined;
  }

  async finish(): Promise<void> {
    await this.remount();
    await this.stop();
    await this.checkImage();
    this.checkDisk();
  }

  private keepCounters(system: System): void {
    for (const [name, value] of Object.entries(system.counters())) {
      this.counts[name] = name.startsWith('max')
        ? Math.max(this.counts[name] ?? 0, value)
        : (this.counts[name] ?? 0) + value;
    }
  }

  private forgetHolds(): void {
    for (const node of [...this.model.nodes.values()]) if (node.holds > 0) this.model.letGo(node.inode, node.holds);
  }

  /** Let the power go at the call with this number from now on, whatever is under way then. */
  planCut(calls: number): void {
    this.note(`the power will go in ${calls} calls`);
    this.disk.faults.plan('any', this.disk.faults.counts.any + calls, { what: 'power' });
  }

  async cut(): Promise<void> {
    this.note('power cut');
    await this.powerIsBack();
  }

  /** The process dies; the host and its disk go on. */
  async kill(): Promise<void> {
    this.note('the process is killed');
    this.count('kills');
    await this.restartFrom(this.disk.kill(this.random), true);
  }

  /** The power went (or goes now): recover, check the promise, and go on from what was found. */
  private async powerIsBack(): Promise<void> {
    this.count('power cuts');
    const contents = this.disk.crash(this.random);
    this.note(`  ${this.disk.unsettled} writes were unsettled`);
    await this.restartFrom(contents, false);
  }

  private async restartFrom(left: SparseBytes, processOnly: boolean): Promise<void> {
    const old = this.system;
    let contents = left;
    if (old) {
      this.keepCounters(old);
      await old.abandon();
    }
    await Promise.all([...this.syncing].map(({ done }) => done));
    this.checkDisk();
    // Recovery may itself be cut short, more than once.
    const generation = await this.maker.generationOf(this.newDisk(contents));
    while (chance(this.random, 0.15)) contents = await this.cutRecovery(contents);
    this.image = contents.copy();
    this.disk = this.newDisk(contents);
    this.system = await this.maker.open(this.disk);
    this.checkDisk();
    await this.adopt(generation, processOnly);
  }

  private async cutRecovery(contents: SparseBytes): Promise<SparseBytes> {
    const disk = this.newDisk(contents.copy());
    disk.faults.plan('any', 1 + below(this.random, 60), { what: 'power' });
    try {
      await (await this.maker.open(disk)).abandon();
    } catch (error) {
      if (disk.powered) throw error;
    }
    this.count('cuts during recovery');
    return disk.crash(this.random);
  }

  private async adopt(generation: number, processOnly: boolean): Promise<void> {
    const found = await this.find();
    const verdict = promises[this.journal](this.model.history, { found, generation, processOnly });
    if (!verdict.kept) this.disagree(processOnly ? 'after the death of the process' : 'after a power cut', verdict.why);
    const lost = this.model.history.effects.length - verdict.effects;
    this.count('operations lost', lost);
    this.note(`  recovered; ${lost} of ${this.model.history.effects.length} metadata operations are lost`);
    restore(this.model, found);
    if (this.options.check && chance(this.random, 0.2)) await this.remount();
  }

  private async find(): Promise<Dump> {
    const found = await dump(this.api);
    this.learnInode(found);
    return found;
  }

  /** The number of the inode that was being made when the power went is known only now. */
  private learnInode(found: Dump): void {
    const last = this.model.history.effects.at(-1);
    if (!last?.changes.has(`i ${unknownInode}`)) return;
    const entry = [...last.changes].find(([key, value]) => key.startsWith('d ') && value === String(unknownInode));
    const inode = entry ? found.facts.get(entry[0]) : undefined;
    if (inode === undefined || this.model.history.base.has(`i ${inode}`) || this.model.nodes.has(Number(inode))) return;
    const changes = new Map<string, string | undefined>();
    for (const [key, value] of last.changes) {
      if (key === `i ${unknownInode}`) changes.set(`i ${inode}`, value);
      else changes.set(key, value === String(unknownInode) ? inode : value);
    }
    this.model.history.effects[this.model.history.effects.length - 1] = { ...last, changes };
    const versions = this.model.history.versions.get(unknownInode);
    if (versions) this.model.history.versions.set(Number(inode), versions);
  }

  private checkDisk(): void {
    if (this.disk.refusals.length > 0) this.disagree('the disk refused', this.disk.refusals);
  }

  private async checkImage(): Promise<void> {
    if (!this.options.check) return;
    const problems = await this.maker.check(this.newDisk(this.disk.contents()));
    if (problems.length > 0) this.disagree('the check of the image found', problems);
    this.count('images checked');
  }

  /** Facts of the model: for the tests of the harness itself. */
  facts(): ReturnType<typeof factsOf> {
    return factsOf(this.model);
  }
}

/** The moment in the form that files have. */
export function clockOf(time: VirtualTime): Time {
  const seconds = Math.floor(time.now / 1000);
  return { seconds, nanos: (time.now - seconds * 1000) * 1e6 };
}

/** Stands for the number of an inode whose making was not answered. */
export const unknownInode = -1;

const codeOf = (outcome: Outcome<unknown>): string => ('error' in outcome ? outcome.error.code : 'success');

/** Attributes of something that an operation may have made. */
function isMade(value: unknown): value is { inode: number } {
  return typeof value === 'object' && value !== null && 'inode' in value && typeof value.inode === 'number';
}
