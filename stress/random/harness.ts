/**
 * Does the same operations on the model and on the system under test, compares what they answer, and lets the
 * machine stop, lose its power and start again in between.
 */
import type { FileSystemApi } from '../../fs/posix/api.js';
import { below, chance, type Random, seededRandom } from '../../fs/store/random.js';
import type { SparseBytes } from '../../fs/store/sparse-bytes.js';
import { run } from '../../fs/suspend.js';
import type { JournalMode } from '../../fs/volume/journal-mode.js';
import { compareContents, compareEither, compareTrees } from '../model/compare.js';
import { type Dump, dump, readContents } from '../model/dump.js';
import { Model } from '../model/model.js';
import { restore } from '../model/restore.js';
import { Tape } from '../model/tape.js';
import type { SystemMaker } from '../system/system.js';
import { clockOf } from '../system/virtual-time.js';
import { BackgroundSyncs } from './background-syncs.js';
import { Findings } from './findings.js';
import type { HarnessOptions, Recorded } from './harness-options.js';
import { KeptRun } from './kept-run.js';
import { Machine } from './machine.js';
import { attempt, codeOf, isMade, type Outcome, resultOf } from './outcome.js';
import { judgeRecovered, learnInode, unknownInode } from './recovered.js';

const maxEffects = 3000;

export class Harness {
  readonly model: Model;
  readonly findings: Findings;
  /** Snapshots and branches, if they are among the operations. */
  kept: KeptRun | undefined;
  private readonly random: Random;
  private readonly syncs: BackgroundSyncs;
  readonly machine: Machine;

  constructor(
    private readonly maker: SystemMaker,
    private readonly options: HarnessOptions,
  ) {
    this.random = seededRandom(options.seed);
    this.model = new Model(maker.timeOfChange ?? (() => clockOf(options.time)));
    this.model.history.namesFlush = this.journal !== 'writeback';
    this.syncs = new BackgroundSyncs(this.model.history);
    this.findings = new Findings(options.trail ?? 40);
    this.machine = new Machine(maker, options, this.random, this.findings);
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

  get api(): FileSystemApi {
    return this.machine.api;
  }

  get counts(): Record<string, number> {
    return this.findings.counts;
  }

  /** The last operations, for the report of a failure. */
  get trail(): readonly string[] {
    return this.findings.trail;
  }

  count(name: string, by = 1): void {
    this.findings.count(name, by);
  }

  note(line: string): void {
    this.findings.note(line);
  }

  disagree(what: string, details: readonly string[]): never {
    this.findings.disagree(what, details);
  }

  async start(): Promise<void> {
    await this.machine.start();
    const root = await dump(this.api);
    restore(this.model, root);
    const { history } = this.model;
    const now = (): number => this.machine.now;
    if (this.options.record) history.tape = new Tape(history, now);
    const { roots } = this.machine.running;
    if (this.options.roots && roots) this.kept = await KeptRun.begin(this, roots, now);
    this.machine.checkDisk();
  }

  /** The end of a run that records: closed in peace, or left as it is. */
  async stopRecording(inPeace: boolean): Promise<Recorded> {
    const { tape } = this.model.history;
    if (!tape) throw new Error('the run was not recorded');
    await this.settle();
    this.begin();
    this.forgetHolds();
    if (inPeace) {
      await this.machine.stop();
      this.model.history.durable(this.model.history.now());
    } else {
      await this.machine.abandon();
    }
    this.machine.checkDisk();
    return { recording: this.machine.disk.recording, tape, kept: this.kept?.log, since: tape.since };
  }

  /** Time passes: mostly little, and now and then enough for a commit to come by itself. */
  async tick(): Promise<void> {
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
    const got = await attempt(() => this.acknowledged(() => call(this.api)));
    this.ended(first);
    if (this.machine.isOff(got)) {
      await this.whileUncertain(label, call);
      await this.powerIsBack();
      return false;
    }
    if ('error' in got && got.error.code === 'ENOSPC') {
      this.mayBeFull(label);
      return false;
    }
    if ('value' in got && isMade(got.value)) this.model.nextInode = got.value.inode;
    const expected = await attempt(() => Promise.resolve(call(this.model)));
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
  begin(): number {
    const { tape } = this.model.history;
    if (tape) tape.begun = this.machine.now;
    return this.machine.running.generation();
  }

  /** It has ended: what the model does next is the same operation. */
  ended(first: number): void {
    this.model.history.generations = { first, last: this.machine.running.generation() };
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
    const outcome = await attempt(() => run(() => call(this.api)));
    if (!this.machine.isOff(outcome)) return outcome;
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
    const outcomes = await Promise.all(calls.map(({ call }) => attempt(() => this.acknowledged(() => call(this.api)))));
    this.ended(first);
    const off = outcomes.some((outcome) => this.machine.isOff(outcome));
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

  /** The power went while the operation was under way: the model does it, as it may or may not have happened. */
  private async whileUncertain<T>(label: string, call: (api: FileSystemApi) => T | Promise<T>): Promise<void> {
    this.count('cuts during an operation');
    this.model.nextInode = unknownInode;
    await attempt(() => Promise.resolve(call(this.model)));
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
    const files = inode === undefined ? undefined : [inode];
    this.syncs.begin(this.machine.disk, files, () =>
      run(() => (inode === undefined ? this.api.sync() : this.api.fsync(inode, chance(this.random, 0.5)))),
    );
  }

  get waiting(): number {
    return this.syncs.size;
  }

  async settle(): Promise<void> {
    await this.kept?.settled();
    await this.syncs.settled();
    if (!this.machine.disk.powered) await this.powerIsBack();
  }

  async sync(inode?: number): Promise<void> {
    this.syncInBackground(inode);
    await this.settle();
  }

  async commit(): Promise<void> {
    this.note('commit');
    await this.settle();
    const moment = this.model.history.now();
    if (await this.unlessOff(() => this.machine.running.commit())) this.model.history.durable(moment);
  }

  /** What the cleaner moved is laid anew, beside the fsyncs that are under way. */
  async resettle(): Promise<void> {
    this.note('resettle');
    await this.unlessOff(async () => this.machine.running.resettle?.());
  }

  /** Do what makes another line live. */
  turn(act: () => Promise<unknown>): Promise<void> {
    return this.machine.running.turn?.(act) ?? Promise.resolve();
  }

  /** Nothing is under way, and no file is open: another line may be made live. */
  async rest(): Promise<void> {
    await this.tick();
    await this.settle();
    this.begin();
    this.forgetHolds();
  }

  /** What it came to; undefined if the power went meanwhile: it is back then. Throws what else it failed with. */
  private async unlessOff<T>(work: () => Promise<T>): Promise<{ readonly value: T } | undefined> {
    const outcome = await attempt(work);
    if (this.machine.isOff(outcome)) await this.powerIsBack();
    else if ('error' in outcome) throw outcome.error;
    else return outcome;
    return undefined;
  }

  /** Compare everything. */
  async compare(): Promise<void> {
    await this.settle();
    this.note('compare everything');
    const outcome = await attempt(() => compareTrees(this.model, this.api));
    if (!this.machine.disk.powered) return this.powerIsBack();
    if ('error' in outcome) throw outcome.error;
    if (outcome.value.length > 0) this.disagree('the trees differ', outcome.value);
    this.count('comparisons');
  }

  /** Compare the contents of one file. */
  async compareFile(inode: number): Promise<void> {
    if (!this.model.nodes.has(inode)) return;
    const expected = this.model.contents(inode);
    const found = await this.unlessOff(() => readContents(this.api, inode, expected.size));
    if (!found) return;
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
    const attributes = await attempt(() => run(() => this.api.getattr(inode)));
    const found = await this.unlessOff(async () => readContents(this.api, inode, resultOf(attributes).size));
    if (!found) return;
    const problems = compareEither(inode, before, after, found.value);
    if (problems.length > 0) this.disagree(`contents of inode ${inode} after ENOSPC`, problems);
    this.model.adopt(resultOf(attributes), found.value);
    this.model.history.acknowledge();
  }

  /** Stop in peace and start again. */
  async remount(): Promise<void> {
    await this.settle();
    this.note('remount');
    this.forgetHolds();
    if (!(await this.unlessOff(() => this.machine.stop()))) return;
    await this.machine.checkImage();
    await this.machine.startAgain();
    this.model.history.durable(this.model.history.now());
    const problems = await compareTrees(this.model, this.api);
    if (problems.length > 0) this.disagree('the trees differ after a remount', problems);
    this.count('remounts');
  }

  async finish(): Promise<void> {
    await this.remount();
    await this.machine.stop();
    await this.machine.checkImage();
    this.machine.checkDisk();
  }

  private forgetHolds(): void {
    for (const node of [...this.model.nodes.values()]) if (node.holds > 0) this.model.letGo(node.inode, node.holds);
  }

  async cut(): Promise<void> {
    this.note('power cut');
    await this.powerIsBack();
  }

  /** The process dies; the host and its disk go on. */
  async kill(): Promise<void> {
    this.note('the process is killed');
    this.count('kills');
    await this.restartFrom(this.machine.disk.kill(this.random), true);
  }

  /** The power went (or goes now): recover, check the promise, and go on from what was found. */
  private async powerIsBack(): Promise<void> {
    this.count('power cuts');
    const { disk } = this.machine;
    const contents = disk.crash(this.random);
    this.note(`  ${disk.unsettled} writes were unsettled`);
    await this.restartFrom(contents, false);
  }

  private async restartFrom(left: SparseBytes, processOnly: boolean): Promise<void> {
    await this.machine.abandon();
    await this.syncs.ended();
    this.machine.checkDisk();
    const generation = await this.machine.recover(left);
    await this.adopt(generation, processOnly);
  }

  private async adopt(generation: number, processOnly: boolean): Promise<void> {
    const found = await this.find();
    judgeRecovered(this.model, this.findings, this.journal, { found, generation, processOnly });
    restore(this.model, found);
    if (this.options.check && chance(this.random, 0.2)) await this.remount();
  }

  /** All that the system holds. */
  async find(): Promise<Dump> {
    const found = await dump(this.api);
    learnInode(this.model, found);
    return found;
  }
}
