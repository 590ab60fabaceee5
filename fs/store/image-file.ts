/**
 * An image in a regular file or on a block device: the store that volumes live on.
 *
 * Reads take what the host has in memory in place, and the rest through a thread, so that cold reads overlap.
 * Writes go to the host's memory in place while that is quick. A barrier is fdatasync: in place while the disk
 * answers quickly, on a thread when it doesn't.
 *
 * Invariants, besides those of store.ts and image-descriptor.ts
 * 1. A barrier is issued to the host only after all writes issued before it have returned.
 * 2. A write waits for a discard that is under way and overlaps it.
 * 3. After a failed write or barrier every later write and barrier fails: the host may have dropped the pages.
 */
import fs from 'node:fs';
import { FsError, VolumeError } from '../errors.js';
import {
  deviceSize,
  giveBack,
  maxVector,
  readCached,
  readWaiting,
  startReading,
  startWriting,
  syncData,
  writeBuffers,
} from '../host/files.js';
import type { ImageOffset } from '../units.js';
import { DirectReader } from './direct-reader.js';
import { hostFailure, openFailure } from './host-errors.js';
import { type OpenOptions, openLocked, sizeOf } from './image-descriptor.js';
import { Neighbours } from './neighbours.js';
import { Pace } from './pace.js';
import type { Pieces } from './pieces.js';
import { ReadPace } from './read-pace.js';
import { type Rest, ScatteredReads } from './scattered-read.js';
import type { Store } from './store.js';

export interface ImageOptions extends OpenOptions {
  /** Largest write in bytes made in place; larger ones go through a thread. */
  readonly inPlaceBytes?: number;
}

interface Range {
  readonly start: number;
  readonly end: number;
}

/** Largest read in bytes that is waited for in place. */
const mostInPlace = 1 << 15;
/** A read that takes longer, in ms, had to wait for the disk. */
const slowestHit = 0.015;
/** With more bytes written since the last one, a barrier is long whatever the disk's pace. */
const mostSyncedInPlace = 1 << 20;
const eagain = -11;
const eopnotsupp = -95;
/** Writes of this many bytes count as parts of a long run, which goes to the disk in pieces of `hastenBytes`. */
const hastenLeast = 1 << 17;
const hastenBytes = 1 << 22;

class ImageFile implements Store {
  private readonly barrierPace = new Pace(0.3);
  private readonly readPace = new ReadPace();
  /** Reads on threads. */
  private reading = 0;
  private readonly scattered: ScatteredReads;
  private readonly writePace = new Pace(2);
  readonly medium: DirectReader;
  private readonly writing = new Set<Promise<void>>();
  private readonly discarding = new Set<Range & { readonly done: Promise<void> }>();
  private lastDiscard: Promise<void> = Promise.resolve();
  private failure: FsError | undefined;
  /** Bytes written since the last barrier. */
  private unsynced = 0;
  /** Start and end of what was written in one go, and not yet asked to be brought to the disk. */
  private readonly run = new Float64Array(2);
  private noWait = true;
  private canDiscard = true;

  constructor(
    readonly name: string,
    private readonly fd: number,
    private readonly device: boolean,
    public size: number,
    readonly readOnly: boolean,
    private readonly inPlaceBytes: number,
  ) {
    const ask = this.expect.bind(this);
    this.scattered = new ScatteredReads(fd, name, new Neighbours(ask), ask);
    this.medium = new DirectReader(fd, this);
  }

  read(offset: ImageOffset, into: Uint8Array): Promise<void> | undefined {
    if (into.length <= mostInPlace && this.reading === 0 && this.readPace.quick) {
      this.readInPlace(offset, into);
      return undefined;
    }
    let got = 0;
    if (this.noWait) {
      got = readCached(this.fd, into, 0, offset);
      if (got === into.length) return undefined;
      if (got === eopnotsupp) this.noWait = false;
      if (got < 0 && got !== eagain && got !== eopnotsupp) throw hostFailure(-got, 'read', this.name);
      if (got < 0) got = 0;
    }
    return this.readSlowly(offset, into, got);
  }

  /** Whether the host had it in memory shows in the time. */
  private readInPlace(offset: number, into: Uint8Array): void {
    const start = performance.now();
    this.readNow(offset, into, 0);
    const took = performance.now() - start;
    if (took > slowestHit) this.readPace.took(took);
  }

  readPieces(pieces: Pieces): Promise<void> | undefined {
    const start = performance.now();
    const missing = this.scattered.begin(pieces);
    if (missing === undefined) return undefined;
    if (this.reading > 0 || pieces.total > mostInPlace || !this.readPace.quick) {
      if (pieces.total <= mostInPlace) this.readPace.passed();
      return this.readRest(missing);
    }
    this.scattered.waitHere(missing);
    this.readPace.took(performance.now() - start);
    return undefined;
  }

  expect(offset: ImageOffset, length: number): void {
    startReading(this.fd, offset, Math.min(length, this.size - offset));
  }

  private async readRest(missing: readonly Rest[]): Promise<void> {
    this.reading++;
    try {
      await this.scattered.wait(missing);
    } finally {
      this.reading--;
    }
  }

  private readNow(offset: number, into: Uint8Array, done: number): void {
    while (done < into.length) {
      const got = readWaiting(this.fd, into, done, offset + done);
      if (got < 0) throw hostFailure(-got, 'read', this.name);
      if (got === 0) throw this.ended(offset + done);
      done += got;
    }
  }

  private async readSlowly(offset: number, into: Uint8Array, done: number): Promise<void> {
    this.reading++;
    if (into.length - done <= mostInPlace) this.readPace.passed();
    try {
      await this.readOnThread(offset, into, done);
    } finally {
      this.reading--;
    }
  }

  private async readOnThread(offset: number, into: Uint8Array, done: number): Promise<void> {
    while (done < into.length) {
      const at = done;
      const got = await new Promise<number>((resolve, reject) => {
        fs.read(this.fd, into, at, into.length - at, offset + at, (error, count) => {
          if (error) reject(hostFailure(-(error.errno ?? 0), 'read', this.name));
          else resolve(count);
        });
      });
      if (got === 0) throw this.ended(offset + done);
      done += got;
    }
  }

  private ended(at: number): FsError {
    return new FsError('EIO', 'read', undefined, `${this.name} ends at byte ${at}`);
  }

  write(offset: ImageOffset, buffers: readonly Uint8Array[]): Promise<void> | undefined {
    if (this.readOnly) throw new FsError('EROFS', 'write', undefined, this.name);
    if (this.failure) throw this.failure;
    let length = 0;
    for (let i = 0; i < buffers.length; i++) length += buffers[i].length;
    if (offset + length > this.size) throw new FsError('EIO', 'write', undefined, `past the end of ${this.name}`);
    if (length === 0) return undefined;
    this.unsynced += length;
    const discard = this.discarding.size === 0 ? undefined : this.discardOver(offset, offset + length);
    if (discard) return this.track(discard.then(() => this.writeSlowly(offset, buffers)));
    if (length > this.inPlaceBytes || !this.writePace.quick) return this.track(this.writeSlowly(offset, buffers));
    const start = performance.now();
    this.writeNow(offset, buffers);
    this.writePace.took(performance.now() - start, false);
    this.hasten(offset, length);
    return undefined;
  }

  /** Long runs of writes: let the disk begin with them, so that the next barrier waits for less. */
  private hasten(offset: number, length: number): void {
    if (this.device || length < hastenLeast) return;
    const { run } = this;
    if (offset !== run[1]) run[0] = offset;
    run[1] = offset + length;
    if (run[1] - run[0] < hastenBytes) return;
    startWriting(this.fd, run[0], run[1] - run[0]);
    run[0] = run[1];
  }

  private writeNow(offset: number, buffers: readonly Uint8Array[]): void {
    let first = 0;
    let skip = 0;
    let at = offset;
    while (first < buffers.length) {
      const count = Math.min(maxVector, buffers.length - first);
      let put = writeBuffers(this.fd, buffers, first, count, skip, at);
      if (put < 0) throw this.fail(hostFailure(-put, 'write', this.name));
      if (put === 0) throw this.fail(new FsError('EIO', 'write', undefined, `${this.name} takes no bytes`));
      at += put;
      put += skip;
      while (first < buffers.length && put >= buffers[first].length) put -= buffers[first++].length;
      skip = put;
    }
  }

  private async writeSlowly(offset: number, buffers: readonly Uint8Array[]): Promise<void> {
    const start = performance.now();
    let [rest, at] = [buffers.slice(), offset];
    while (rest.length > 0) {
      const put = await new Promise<number>((resolve, reject) => {
        fs.writev(this.fd, rest.slice(0, maxVector), at, (error, count) => {
          if (error) reject(this.fail(hostFailure(-(error.errno ?? 0), 'write', this.name)));
          else resolve(count);
        });
      });
      at += put;
      let [left, first] = [put, 0];
      while (first < rest.length && left >= rest[first].length) left -= rest[first++].length;
      rest = rest.slice(first);
      if (left > 0) rest[0] = rest[0].subarray(left);
    }
    this.writePace.took(performance.now() - start, true);
    this.hasten(offset, at - offset);
  }

  private track(work: Promise<void>): Promise<void> {
    this.writing.add(work);
    const forget = (): void => {
      this.writing.delete(work);
    };
    work.then(forget, forget);
    return work;
  }

  barrier(): Promise<void> | undefined {
    if (this.failure) throw this.failure;
    if (this.writing.size > 0) return Promise.all(this.writing).then(() => this.barrierSlowly());
    if (this.unsynced > mostSyncedInPlace || !this.barrierPace.quick) return this.barrierSlowly();
    this.unsynced = 0;
    const start = performance.now();
    const result = syncData(this.fd);
    if (result < 0) throw this.fail(hostFailure(-result, 'barrier', this.name));
    this.barrierPace.took(performance.now() - start, false);
    return undefined;
  }

  private barrierSlowly(): Promise<void> {
    const start = performance.now();
    const small = this.unsynced <= mostSyncedInPlace;
    this.unsynced = 0;
    return new Promise((resolve, reject) => {
      fs.fdatasync(this.fd, (error) => {
        if (small) this.barrierPace.took(performance.now() - start, true);
        if (error) reject(this.fail(hostFailure(-(error.errno ?? 0), 'barrier', this.name)));
        else if (this.failure) reject(this.failure);
        else resolve();
      });
    });
  }

  /** One at a time, on a thread; best effort. */
  discard(offset: ImageOffset, length: number): Promise<void> | undefined {
    if (this.readOnly) throw new FsError('EROFS', 'discard', undefined, this.name);
    if (!this.canDiscard) return undefined;
    const before = this.writing.size > 0 ? [this.lastDiscard, ...this.writing] : [this.lastDiscard];
    const done = Promise.allSettled(before).then(async () => {
      if (!(await giveBack(this.fd, this.device, offset, length))) this.canDiscard = false;
      this.discarding.delete(entry);
    });
    const entry = { start: offset, end: offset + length, done };
    this.discarding.add(entry);
    this.lastDiscard = done;
    return done;
  }

  private discardOver(start: number, end: number): Promise<unknown> | undefined {
    const over = [...this.discarding].filter((range) => range.start < end && start < range.end);
    return over.length === 0 ? undefined : Promise.all(over.map((range) => range.done));
  }

  /** A file is cut, or made longer with a hole at its end; a device must have grown by itself. */
  async resize(size: number): Promise<void> {
    if (this.readOnly) throw new FsError('EROFS', 'resize', undefined, this.name);
    if (this.device) {
      const now = deviceSize(this.fd);
      if (now < size) throw new VolumeError('usage', `${this.name} has ${now} bytes, not ${size}`);
      this.size = now;
      return;
    }
    try {
      fs.ftruncateSync(this.fd, size);
    } catch (e) {
      throw hostFailure(-((e as NodeJS.ErrnoException).errno ?? 0), 'resize', this.name);
    }
    this.size = size;
  }

  private fail(error: FsError): FsError {
    this.failure ??= error;
    return error;
  }

  async close(): Promise<void> {
    await Promise.allSettled([...this.writing, this.lastDiscard]);
    this.medium.close();
    await new Promise<void>((resolve) => fs.close(this.fd, () => resolve()));
  }
}

/**
 * Open an image and lock it. Throws VolumeError: `not-found`, `no-permission`, `in-use` (locked, or a device
 * that is mounted), `usage` (not a file or block device), `io`.
 */
export async function openImageFile(path: string, options: ImageOptions = {}): Promise<Store> {
  const { fd, device } = await openLocked(path, options);
  try {
    const size = sizeOf(path, fd, device, options);
    return new ImageFile(path, fd, device, size, options.readOnly ?? false, options.inPlaceBytes ?? 1 << 20);
  } catch (error) {
    fs.closeSync(fd);
    throw error instanceof VolumeError ? error : openFailure(error, path);
  }
}
