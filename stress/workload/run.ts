/**
 * Runs a profile: makes the files that are to be there, lets the workers go round, and says what came of it. With one
 * seed, profile, number of files and of workers, each worker makes the same calls in the same order whatever the
 * filesystem and its speed; only how the workers' calls fall between each other differs.
 */
import { setImmediate } from 'node:timers/promises';
import { type Random, seededRandom } from '../../fs/store/random.js';
import { type FileSet, layOut } from './file-set.js';
import { codeOf, type Files, type SpaceUsage } from './files.js';
import { meanOf } from './gamma.js';
import { Meter, type Watch } from './meter.js';
import { mainSet, type Profile } from './profile.js';
import { Worker, type Wrong } from './worker.js';

export interface RunOptions {
  readonly profile: Profile;
  readonly files: Files;
  readonly seed: number;
  /** Files in the main set; the others in proportion. As the profile says if absent, at most a quarter of the space. */
  readonly count?: number;
  readonly workers?: number;
  /** Calls in all, divided between the workers; each ends with the first step that reaches its share. */
  readonly operations?: number;
  /** Bytes that workers write in all, divided likewise. */
  readonly writes?: number;
  readonly minutes?: number;
  /** Fill the volume to so many per cent, with more files than the profile has. */
  readonly fill?: number;
  /** A person has had enough. */
  readonly stop?: AbortSignal;
  /** Called when all files are there, before the first round. */
  readonly ready?: () => Promise<void>;
  readonly watch?: Watch;
  /** Told now and then: a share of the run, 0 to 1; bytes read and written; what is being done. */
  readonly progress?: (share: number, bytes: number, stage: string) => void;
}

export interface RunResult {
  readonly files: number;
  readonly workers: number;
  readonly seconds: number;
  /** Bytes of the files that were there at the start. */
  readonly prepared: number;
  readonly meter: Meter;
  readonly endedBy: 'operations' | 'writes' | 'time' | 'fill' | 'signal' | 'error';
  readonly wrong: { readonly count: number; readonly first: readonly Wrong[] };
  /** What ended the run, if it was an error. */
  readonly error: unknown;
  readonly space: SpaceUsage;
}

const mostTold = 20;
/** Aging looks how full the volume is once in so many rounds. */
const roundsPerLook = 16;

export async function runProfile(options: RunOptions): Promise<RunResult> {
  const run = new Run(options, await options.files.usage());
  return run.result();
}

class Run {
  private readonly meter: Meter;
  private readonly count: number;
  private readonly workers: number;
  private readonly sets: Readonly<Record<string, FileSet>>;
  private readonly first: Wrong[] = [];
  private wrongs = 0;
  private endedBy: RunResult['endedBy'] | undefined;
  private error: unknown;
  private rounds = 0;
  /** Some worker's share of what is to be written. */
  private hasWritten = false;
  /** What each worker counts, before it is added up. */
  private readonly meters: Meter[] = [];
  /** With `fill`: how full it was when that was looked at. */
  private full = 0;

  constructor(
    private readonly options: RunOptions,
    space: SpaceUsage,
  ) {
    const { profile, files, watch } = options;
    this.meter = new Meter(files, watch);
    this.workers = options.workers ?? profile.concurrency;
    const main = profile.sets[mainSet(profile)];
    this.count = options.count ?? fitting(profile, space.available / 4);
    const sets: Record<string, FileSet> = {};
    for (const [i, [name, set]] of Object.entries(profile.sets).entries()) {
      const scaled = set.fixed ? set.files : Math.max(1, Math.round((set.files * this.count) / main.files));
      const files = set.use === 'own' ? Math.max(scaled, this.workers) : scaled;
      sets[name] = layOut(name, set, files, this.workers, this.random(i - 1000));
    }
    this.sets = sets;
  }

  async result(): Promise<RunResult> {
    const { options } = this;
    const before = new Meter(options.files);
    await this.prepare(before);
    await options.ready?.();
    const began = performance.now();
    await Promise.all(Array.from({ length: this.workers }, (_, number) => this.work(number, began)));
    return {
      files: this.count,
      workers: this.workers,
      seconds: (performance.now() - began) / 1000,
      prepared: before.bytesWritten,
      meter: this.meter,
      endedBy: this.endedBy ?? (this.hasWritten ? 'writes' : 'operations'),
      wrong: { count: this.wrongs, first: this.first },
      error: this.error,
      space: await options.files.usage(),
    };
  }

  /** Each worker makes some of the files. These calls are not measured. */
  private async prepare(meter: Meter): Promise<void> {
    await meter.mkdir('tmp');
    await meter.mkdir('aged');
    for (let i = 0; i < this.workers; i++) await meter.mkdir(`aged/${i}`);
    const start = Object.values(this.sets).flatMap((set) => set.start);
    for (const set of Object.values(this.sets)) for (const path of set.directories) await meter.mkdir(path);
    let next = 0;
    let failed = false;
    const make = async (number: number): Promise<void> => {
      const worker = this.worker(number, meter, () => false);
      try {
        while (next < start.length && !failed && !this.options.stop?.aborted) {
          await worker.prepare(start[next++]);
          this.options.progress?.(next / start.length, meter.bytesWritten, 'making files');
        }
      } catch (e) {
        failed = true;
        throw e;
      }
    };
    // All have ended before a failure is told: whoever cleans up then meets no one who still writes.
    const ends = Array.from({ length: this.workers }, (_, number) => make(number));
    await Promise.allSettled(ends);
    await Promise.all(ends);
  }

  private async work(number: number, began: number): Promise<void> {
    const { options } = this;
    const meter = new Meter(options.files, options.watch);
    this.meters.push(meter);
    const share = Math.ceil((options.operations ?? Number.POSITIVE_INFINITY) / this.workers);
    const bytes = Math.ceil((options.writes ?? Number.POSITIVE_INFINITY) / this.workers);
    const until = began + (options.minutes ?? Number.POSITIVE_INFINITY) * 60_000;
    const enough = (): boolean => {
      if (options.stop?.aborted) this.endedBy ??= 'signal';
      else if (performance.now() >= until) this.endedBy ??= 'time';
      if (meter.bytesWritten >= bytes) this.hasWritten = true;
      return this.endedBy !== undefined || meter.operations >= share || meter.bytesWritten >= bytes;
    };
    const worker = this.worker(number, meter, enough);
    try {
      while (!enough()) {
        await worker.round();
        if (options.fill !== undefined && !enough()) await this.age(worker, options.fill);
        this.tell(began);
        // A filesystem in this process may answer everything at once: timers and signals have their turn here.
        await setImmediate();
      }
      await worker.finish();
    } catch (e) {
      this.failed(e);
      await worker.finish().catch(() => undefined);
    } finally {
      this.meter.merge(meter);
    }
  }

  /** How far the run is, by whichever of its ends is the nearest. */
  private tell(began: number): void {
    const { operations, writes, minutes, fill, progress, profile } = this.options;
    if (progress === undefined) return;
    const sum = (of: (meter: Meter) => number): number => this.meters.reduce((all, one) => all + of(one), 0);
    const shares = [
      operations === undefined ? 0 : sum((meter) => meter.operations) / operations,
      writes === undefined ? 0 : sum((meter) => meter.bytesWritten) / writes,
      minutes === undefined ? 0 : (performance.now() - began) / (minutes * 60_000),
      fill === undefined ? 0 : this.full / fill,
    ];
    const bytes = sum(({ bytesRead, bytesWritten }) => bytesRead + bytesWritten);
    progress(Math.max(...shares), bytes, profile.name);
  }

  private async age(worker: Worker, fill: number): Promise<void> {
    const { profile, files } = this.options;
    await worker.grow(profile.sets[mainSet(profile)].size);
    if (this.rounds++ % roundsPerLook !== 0) return;
    const { size, used } = await files.usage();
    this.full = (100 * used) / size;
    if (used * 100 >= fill * size) this.endedBy ??= 'fill';
  }

  private failed(error: unknown): void {
    // Aging may find the volume full before it was looked at again.
    const full = codeOf(error) === 'ENOSPC' && this.options.fill !== undefined;
    if (!full) this.error ??= error;
    this.endedBy ??= full ? 'fill' : 'error';
  }

  private worker(number: number, meter: Meter, enough: () => boolean): Worker {
    const { profile, seed } = this.options;
    const { workers, sets } = this;
    const wrong = (found: Wrong): void => {
      this.wrongs++;
      if (this.first.length < mostTold) this.first.push(found);
    };
    return new Worker({ number, workers, seed, random: this.random(number), profile, sets, meter, wrong, enough });
  }

  private random(stream: number): Random {
    return seededRandom(Math.imul(this.options.seed, 0x9e3779b1) + Math.imul(stream + 1, 0x85ebca6b));
  }
}

/** Files of the main set such that all sets together take at most `bytes`, and no more than the profile says. */
function fitting(profile: Profile, bytes: number): number {
  const all = Object.values(profile.sets).reduce((sum, set) => sum + set.files * meanOf(set.size), 0);
  const main = profile.sets[mainSet(profile)].files;
  return Math.max(1, Math.min(main, Math.floor((main * bytes) / all)));
}
