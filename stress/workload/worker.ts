/**
 * One worker: repeats the round of a profile, knows what it wrote, and compares all that it reads with that.
 */
import { below, type Random } from '../../fs/store/random.js';
import { contents, firstDifference, keyOf } from './contents.js';
import { type FileSet, type KnownFile, Pool } from './file-set.js';
import { codeOf, type OpenFile } from './files.js';
import { drawSize, type Size } from './gamma.js';
import type { Meter } from './meter.js';
import type { Profile, Step } from './profile.js';

/** Something was not what this worker left there. */
export interface Wrong {
  readonly path: string;
  /** The first byte that differs; undefined where the file as a whole is not as it should be. */
  readonly offset?: number;
  readonly problem: string;
}

export interface WorkerOptions {
  readonly number: number;
  readonly workers: number;
  readonly seed: number;
  readonly random: Random;
  readonly profile: Profile;
  readonly sets: Readonly<Record<string, FileSet>>;
  readonly meter: Meter;
  readonly wrong: (wrong: Wrong) => void;
  /** Asked after each step. */
  readonly enough: () => boolean;
}

/** Bytes asked for at once, as filebench's iosize of 1m. */
const mostRead = 1 << 20;
const filesPerAgedDirectory = 100;

export class Worker {
  private readonly buffer = new Uint8Array(mostRead);
  private readonly open = new Map<string, OpenFile>();
  private readonly aged = new Pool();
  private agedFiles = 0;
  private scratches = 0;

  constructor(private readonly options: WorkerOptions) {}

  /** Each step of the profile as often as it says, on files drawn anew. */
  async round(): Promise<void> {
    const { random, profile, enough } = this.options;
    for (const step of profile.round) {
      const { times = 1 } = step;
      const count = times < 1 ? Number(random() < times) : times;
      for (let i = 0; i < count && !enough(); i++) await this.do(step);
    }
  }

  /** Two more files, and one of those from before less: a volume fills up and what fills it is scattered. */
  async grow(size: Size): Promise<void> {
    const { number, random, meter } = this.options;
    for (let i = 0; i < 2; i++) {
      const folder = `aged/${number}/${Math.floor(this.agedFiles / filesPerAgedDirectory)}`;
      if (this.agedFiles % filesPerAgedDirectory === 0) await meter.mkdir(folder);
      const file: KnownFile = { path: `${folder}/f${this.agedFiles++}`, version: 0, size: 0, pieces: new Map() };
      await this.make(file, drawSize(random, size), false);
      this.aged.present.push(file);
    }
    const old = this.aged.take(random);
    if (old === undefined) return;
    await this.withFile(meter.open(old.path, 'read'), (open) => this.check(open, old));
    await meter.unlink(old.path);
  }

  /** Make a file that is to be there at the start. */
  prepare(file: KnownFile): Promise<void> {
    return this.fill(file.path, file, false);
  }

  /** Close what is still open. */
  async finish(): Promise<void> {
    for (const file of this.open.values()) await file.close();
    this.open.clear();
  }

  private async do(step: Step): Promise<void> {
    const { random, sets, number, meter } = this.options;
    const { definition, pools } = sets[step.set];
    const pool = pools[number];
    if (step.step === 'make') {
      const file = pool.make(random);
      const size = step.upTo === undefined ? drawSize(random, definition.size) : 1 + below(random, step.upTo);
      if (file !== undefined) await this.make(file, size, step.sync ?? false);
    } else if (step.step === 'remove') {
      const file = pool.take(random);
      if (file !== undefined) await meter.unlink(file.path);
    } else if (step.step === 'replace') {
      const file = pool.drawAny(random);
      if (file !== undefined) await this.replace(file, drawSize(random, definition.size), step.sync ?? false);
    } else if (step.step === 'scratch') await this.scratch(drawSize(random, definition.size));
    else {
      const file = pool.draw(random);
      if (file !== undefined) await this.use(step, file, definition.piece ?? 0);
    }
  }

  /** Steps on a file that is there and stays. */
  private async use(step: Step, file: KnownFile, piece: number): Promise<void> {
    const { meter } = this.options;
    if (step.step === 'append') await this.append(file, step);
    else if (step.step === 'read') await this.withFile(meter.open(file.path, 'read'), (open) => this.check(open, file));
    else if (step.step === 'stat') this.sized(file, await meter.stat(file.path));
    else if (step.step === 'miss') await this.miss(`${file.path}.gch`);
    else if (step.step === 'read-piece') await this.readPiece(file, piece);
    else if (step.step === 'write-piece') await this.writePiece(file, piece, step.sync ?? false);
  }

  private async make(file: KnownFile, size: number, sync: boolean): Promise<void> {
    file.version++;
    file.size = size;
    file.pieces.clear();
    await this.fill(file.path, file, sync);
  }

  /** A new file at `path` with what `file` is to hold. */
  private async fill(path: string, file: KnownFile, sync: boolean): Promise<void> {
    await this.withFile(this.options.meter.create(path), async (open) => {
      const key = this.key(file);
      for (let at = 0; at < file.size; at += mostRead) {
        await open.write(at, contents(key, at, Math.min(mostRead, file.size - at)));
      }
      if (sync) await open.sync();
    });
  }

  private async replace(file: KnownFile, size: number, sync: boolean): Promise<void> {
    file.version++;
    file.size = size;
    await this.fill(`${file.path}.new`, file, sync);
    await this.options.meter.rename(`${file.path}.new`, file.path);
  }

  private async scratch(size: number): Promise<void> {
    const { number, meter } = this.options;
    const path = `tmp/${number}-${this.scratches++}`;
    const file: KnownFile = { path, version: 1, size, pieces: new Map() };
    await this.fill(path, file, false);
    await this.withFile(meter.open(path, 'read'), (open) => this.check(open, file));
    await meter.unlink(path);
  }

  private async append(file: KnownFile, step: Step & { step: 'append' }): Promise<void> {
    const length = 1 + below(this.options.random, step.upTo);
    await this.withFile(this.options.meter.open(file.path, 'write'), async (open) => {
      if (step.read) await this.check(open, file);
      await open.write(file.size, contents(this.key(file), file.size, length));
      file.size += length;
      if (step.sync) await open.sync();
    });
  }

  /** Read to the end and compare. */
  private async check(open: OpenFile, file: KnownFile): Promise<void> {
    const key = this.key(file);
    for (let at = 0; ; at += mostRead) {
      const read = await open.read(at, this.buffer);
      this.compare(file, key, at, Math.min(read, Math.max(0, file.size - at)));
      if (read < mostRead) return this.sized(file, at + read);
    }
  }

  private sized(file: KnownFile, size: number): void {
    if (size === file.size) return;
    this.options.wrong({ path: file.path, problem: `has ${size} bytes instead of ${file.size}` });
  }

  private async miss(path: string): Promise<void> {
    try {
      await this.options.meter.stat(path);
    } catch (e) {
      if (codeOf(e) === 'ENOENT') return;
      throw e;
    }
    this.options.wrong({ path, problem: 'is there, but was never made' });
  }

  private async readPiece(file: KnownFile, piece: number): Promise<void> {
    const index = this.ownPiece(file, piece);
    const open = await this.kept(file, 'read');
    const read = await open.read(index * piece, this.buffer.subarray(0, piece));
    if (read !== piece) this.options.wrong({ path: file.path, offset: index * piece, problem: `${read} bytes read` });
    else this.compare(file, this.pieceKey(file, index), index * piece, piece);
  }

  private async writePiece(file: KnownFile, piece: number, sync: boolean): Promise<void> {
    const index = this.ownPiece(file, piece);
    const open = await this.kept(file, sync ? 'synced' : 'write');
    file.pieces.set(index, (file.pieces.get(index) ?? 0) + 1);
    await open.write(index * piece, contents(this.pieceKey(file, index), index * piece, piece));
  }

  private ownPiece(file: KnownFile, piece: number): number {
    const { workers, number, random } = this.options;
    return below(random, Math.floor(file.size / piece / workers)) * workers + number;
  }

  /** Databases keep their files open. */
  private async kept(file: KnownFile, how: 'read' | 'write' | 'synced'): Promise<OpenFile> {
    const name = `${how} ${file.path}`;
    const open = this.open.get(name) ?? (await this.options.meter.open(file.path, how));
    this.open.set(name, open);
    return open;
  }

  private key(file: KnownFile): number {
    return keyOf(this.options.seed, file.path, file.version);
  }

  private pieceKey(file: KnownFile, index: number): number {
    const version = file.pieces.get(index);
    return version === undefined ? this.key(file) : keyOf(this.options.seed, `${file.path} ${index}`, version);
  }

  private compare(file: KnownFile, key: number, at: number, length: number): void {
    const differs = firstDifference(key, at, this.buffer.subarray(0, length));
    if (differs >= 0) {
      this.options.wrong({ path: file.path, offset: differs, problem: 'holds other bytes than written' });
    }
  }

  private async withFile(opening: Promise<OpenFile>, use: (open: OpenFile) => Promise<void>): Promise<void> {
    const open = await opening;
    try {
      await use(open);
    } catch (e) {
      // The first failure is the one to tell.
      await open.close().catch(() => undefined);
      throw e;
    }
    await open.close();
  }
}
