/**
 * The machine of a run: a disk and the system that runs on it, which stops, dies or loses its power and starts again. The
 * disk and its cuts draw from the random numbers of the run, so the order of the draws is part of what a seed means.
 */
import type { FileSystemApi } from '../../fs/posix/api.js';
import { below, chance, type Random } from '../../fs/store/random.js';
import { SimulatedDisk } from '../../fs/store/simulated-disk.js';
import type { SparseBytes } from '../../fs/store/sparse-bytes.js';
import type { System, SystemMaker } from '../system/system.js';
import type { Findings } from './findings.js';
import type { Outcome } from './outcome.js';

export interface MachineOptions {
  /** Bytes of the disk. */
  readonly size: number;
  /** Share of the disk's calls that are answered in place. */
  readonly inPlace?: number;
  /** Check the whole image after each stop and cut. */
  readonly check?: boolean;
  /** What the disk holds at first: an image to go on from; a new volume is made if absent. */
  readonly contents?: SparseBytes;
  /** Record what the disk is told. */
  readonly record?: boolean;
}

export class Machine {
  disk: SimulatedDisk;
  /** What the disk held at the last start after a power cut: to look at when it fails. */
  image: SparseBytes | undefined;
  private system: System | undefined;

  constructor(
    private readonly maker: SystemMaker,
    private readonly options: MachineOptions,
    private readonly random: Random,
    private readonly findings: Findings,
  ) {
    this.disk = this.newDisk(options.contents?.copy());
  }

  get running(): System {
    if (!this.system) throw new Error('the system is not running');
    return this.system;
  }

  get api(): FileSystemApi {
    return this.running.api;
  }

  /** Moment of the disk. */
  get now(): number {
    return this.disk.recording.now;
  }

  private newDisk(contents: SparseBytes | undefined): SimulatedDisk {
    const inPlace = this.options.inPlace ?? 0.5;
    return new SimulatedDisk(this.options.size, {
      ...(contents ? { contents } : {}),
      record: this.options.record ?? false,
      slow: { random: this.random, inPlace, turns: 6 },
    });
  }

  /** Start for the first time. */
  async start(): Promise<void> {
    if (!this.options.contents) await this.maker.format(this.disk);
    this.system = await this.maker.open(this.disk);
  }

  /** Stop in peace. */
  async stop(): Promise<void> {
    const system = this.running;
    await system.close();
    this.keepCounters(system);
    this.system = undefined;
  }

  /** Leave everything as it is. */
  async abandon(): Promise<void> {
    const { system } = this;
    if (!system) return;
    this.keepCounters(system);
    await system.abandon();
    this.system = undefined;
  }

  /** Start again after a stop, with what the disk holds. */
  startAgain(): Promise<void> {
    return this.open(this.disk.contents());
  }

  private async open(contents: SparseBytes): Promise<void> {
    this.disk = this.newDisk(contents);
    this.system = await this.maker.open(this.disk);
    this.checkDisk();
  }

  /** Recover from what a stop without warning left; that may itself be cut short, more than once. The generation it began with. */
  async recover(left: SparseBytes): Promise<number> {
    let contents = left;
    const generation = await this.maker.generationOf(this.newDisk(contents));
    while (chance(this.random, 0.15)) contents = await this.cutRecovery(contents);
    this.image = contents.copy();
    await this.open(contents);
    return generation;
  }

  private async cutRecovery(contents: SparseBytes): Promise<SparseBytes> {
    const disk = this.newDisk(contents.copy());
    disk.faults.plan('any', 1 + below(this.random, 60), { what: 'power' });
    try {
      await (await this.maker.open(disk)).abandon();
    } catch (error) {
      if (disk.powered) throw error;
    }
    this.findings.count('cuts during recovery');
    return disk.crash(this.random);
  }

  /** Let the power go at the call with this number from now on, whatever is under way then. */
  planCut(calls: number): void {
    this.findings.note(`the power will go in ${calls} calls`);
    this.disk.faults.plan('any', this.disk.faults.counts.any + calls, { what: 'power' });
  }

  /** The operation failed because the power went. */
  isOff(outcome: Outcome<unknown>): boolean {
    return 'error' in outcome && !this.disk.powered && ['EIO', 'EROFS'].includes(outcome.error.code);
  }

  private keepCounters(system: System): void {
    const { counts } = this.findings;
    for (const [name, value] of Object.entries(system.counters())) {
      counts[name] = name.startsWith('max') ? Math.max(counts[name] ?? 0, value) : (counts[name] ?? 0) + value;
    }
  }

  /** The disk was told nothing that it must refuse. */
  checkDisk(): void {
    if (this.disk.refusals.length > 0) this.findings.disagree('the disk refused', this.disk.refusals);
  }

  /** Check the whole image, if that is wanted; the system does not run meanwhile. */
  async checkImage(): Promise<void> {
    if (!this.options.check) return;
    const problems = await this.maker.check(this.newDisk(this.disk.contents()));
    if (problems.length > 0) this.findings.disagree('the check of the image found', problems);
    this.findings.count('images checked');
  }
}
