/**
 * A volume in two Maps, for tests of the filesystem layer. It does little and forgives nothing: it suspends at
 * random (twice as often as it answers, if asked to), overwrites views that are no longer valid, holds buffers as
 * long as it likes and looks whether they were touched, and keeps its own account of each page.
 *
 * Broken rules are thrown as BrokenRule, which no operation expects.
 */

import { FsError } from '../../fs/errors.js';
import { checksum } from '../../fs/format/checksum.js';
import { maxItemBytes, type Usage } from '../../fs/format/item.js';
import type { Pieces } from '../../fs/store/pieces.js';
import { below, chance, type Random } from '../../fs/store/random.js';
import { Suspend } from '../../fs/suspend.js';
import { type Batch, maxBytes, maxEntries } from '../../fs/tree/batch.js';
import { pageSize } from '../../fs/units.js';
import type { Flusher, ItemCursor, PageRun, TransformChoice, VolumeApi } from '../../fs/volume/api.js';
import type { Holder } from '../../fs/volume/usage.js';
import { BrokenRule, type Item, MemoryCursor } from './memory-cursor.js';
import { MemoryReads, type StoredPage } from './memory-reads.js';
import { transformsOf } from './memory-transforms.js';
import { usageOfItems } from './usage-of-items.js';

export { BrokenRule };

export interface MemoryVolumeOptions {
  readonly random: Random;
  /** Share of calls that suspend. */
  readonly restless?: number;
  /** Share of reads that are answered later. */
  readonly late?: number;
  /** Pages for data. */
  readonly capacity?: number;
  readonly nameSeed?: number;
  /** Chain for all files, such as `lz4`. */
  readonly compression?: string;
  /** Called after each batch: what a crash there would leave. */
  readonly afterBatch?: (volume: MemoryVolume) => void;
}

const digits = (n: number): string => n.toString(16).padStart(14, '0');
const keyOf = (inode: number, kind: number, offset: number): string => digits(inode) + digits(kind) + digits(offset);

export class MemoryVolume implements VolumeApi {
  readOnly = false;
  failure: string | undefined;
  readonly journal = 'ordered';
  generation = 1;
  readonly transforms: TransformChoice;
  /** So many pages of a unit fit the open segment. */
  unitRoom = 31;
  readonly heldGeneration = 0;
  readonly nameSeed: number;
  readonly mostPages = 256;
  readonly pagesAtOnce = 512;
  inodes = 0;
  flusher: Flusher | undefined;
  /** In key order. */
  items: Item[] = [];
  version = 0;
  readonly pages = new Map<number, StoredPage>();
  reserved = 0;
  promised = 0;
  live = 0;
  suspensions = 0;
  batches = 0;
  commits = 0;
  syncs = 0;
  time = { seconds: 1_700_000_000, nanos: 0 };
  private views: Uint8Array[] = [];
  private readonly broughtIn = new Set<string>();
  private nextInode = 2;
  private nextAddress = 1000;
  private mustNotRest = false;
  private prepared: Set<string> | undefined;
  private readonly random: Random;
  private readonly capacity: number;
  private granted = Number.POSITIVE_INFINITY;
  private readonly reads: MemoryReads;

  constructor(private readonly options: MemoryVolumeOptions) {
    this.random = options.random;
    this.reads = new MemoryReads(this.pages, options.random, options.late ?? 0);
    this.capacity = options.capacity ?? 1 << 20;
    this.nameSeed = options.nameSeed ?? 12345;
    this.transforms = transformsOf(options.compression);
  }

  /** Rules on what must be so while nothing is under way. */
  problems(): string[] {
    const found: string[] = [];
    if (this.reserved < 0) found.push(`${this.reserved} pages reserved`);
    if (this.promised < 0) found.push(`${this.promised} pages promised`);
    return found;
  }

  /** Suspend perhaps; for what depends on a key, once until the next batch: then it has been brought in. */
  mayRest(reason: string, key?: string): void {
    if (this.mustNotRest || !chance(this.random, this.options.restless ?? 0)) return;
    if (key !== undefined) {
      if (this.broughtIn.has(reason + key)) return;
      this.broughtIn.add(reason + key);
    }
    this.suspensions++;
    throw new Suspend(chance(this.random, 0.5) ? Promise.resolve() : turn(), reason);
  }

  /** A copy that is spoilt when the next batch is applied. */
  viewOf(item: Item): Uint8Array {
    const view = item.value.slice();
    this.views.push(view);
    return view;
  }

  private lowerBound(key: string): number {
    let low = 0;
    let high = this.items.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.items[middle].key < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  get(inode: number, kind: number, offset: number): Uint8Array | undefined {
    this.mayRest('get', keyOf(inode, kind, offset));
    const key = keyOf(inode, kind, offset);
    const item = this.items[this.lowerBound(key)];
    return item?.key === key ? this.viewOf(item) : undefined;
  }

  seek(inode: number, kind: number, offset: number): ItemCursor {
    this.mayRest('seek', keyOf(inode, kind, offset));
    return new MemoryCursor(this, this.lowerBound(keyOf(inode, kind, offset)), this.version);
  }

  floor(inode: number, kind: number, offset: number): ItemCursor {
    this.mayRest('floor', keyOf(inode, kind, offset));
    const key = keyOf(inode, kind, offset);
    const at = this.lowerBound(key);
    return new MemoryCursor(this, this.items[at]?.key === key ? at : at - 1, this.version);
  }

  prepare(keys: readonly { inode: number; kind: number; offset: number }[], pages: number, _frees: boolean): void {
    if (pages < 1) throw new BrokenRule('prepare for no pages');
    this.mayRest('prepare');
    this.prepared = new Set(keys.map((key) => keyOf(key.inode, key.kind, key.offset)));
    this.mustNotRest = true;
    queueMicrotask(() => {
      this.mustNotRest = false;
      this.prepared = undefined;
    });
  }

  appendData(_inode: number, _firstPage: number, buffers: readonly Uint8Array[], done: () => void): PageRun[] {
    if (this.prepared === undefined) throw new BrokenRule('append without prepare');
    const runs: PageRun[] = [];
    for (const buffer of buffers) {
      if (buffer.length === 0 || buffer.length % pageSize !== 0) throw new BrokenRule('append of a part of a page');
      for (let at = 0; at < buffer.length; at += pageSize) {
        if (chance(this.random, 0.02)) this.nextAddress += 1 + below(this.random, 5);
        const address = this.nextAddress++;
        this.pages.set(address, { bytes: buffer.slice(at, at + pageSize), birth: this.generation, live: false });
        const last = runs.at(-1);
        if (last !== undefined && last.address + last.pages === address) {
          runs[runs.length - 1] = { address: last.address, pages: last.pages + 1 };
        } else runs.push({ address, pages: 1 });
      }
    }
    this.landLater(buffers, done);
    return runs;
  }

  /** The buffers are written at once, soon or later. */
  private landLater(buffers: readonly Uint8Array[], done: () => void): void {
    const sums = buffers.map((buffer) => checksum(buffer));
    const land = (): void => {
      buffers.forEach((buffer, i) => {
        if (checksum(buffer) !== sums[i]) throw new BrokenRule('a buffer was touched before it was done');
      });
      done();
    };
    const dice = this.random();
    if (dice < 0.3) land();
    else if (dice < 0.6) queueMicrotask(land);
    else void turn().then(land);
  }

  appendUnit(_inode: number, _firstPage: number, pages: Uint8Array, done: () => void): number {
    if (this.prepared === undefined) throw new BrokenRule('append without prepare');
    const count = pages.length / pageSize;
    if (count > this.unitRoom) throw new BrokenRule(`a unit of ${count} pages where ${this.unitRoom} fit`);
    this.unitRoom = this.unitRoom === count ? 31 : this.unitRoom - count;
    if (this.unitRoom < 31 && chance(this.random, 0.5)) this.unitRoom = 1 + below(this.random, 31);
    const address = this.nextAddress;
    this.nextAddress += count;
    for (let i = 0; i < count; i++) {
      const bytes = pages.slice(i * pageSize, (i + 1) * pageSize);
      this.pages.set(address + i, { bytes, birth: this.generation, live: false });
    }
    this.landLater([pages], done);
    return address;
  }

  endUnits(): void {}

  apply(batch: Batch): void {
    this.mayRest('apply');
    this.check(batch);
    this.prepared = undefined;
    this.mustNotRest = false;
    for (const view of this.views) view.fill(0xdb);
    this.views = [];
    this.broughtIn.clear();
    this.version++;
    this.batches++;
    for (const item of batch.items) {
      const key = keyOf(item.inode, item.kind, item.offset);
      const at = this.lowerBound(key);
      const there = this.items[at]?.key === key;
      if (item.type === 'delete') {
        if (!there)
          throw new BrokenRule(`delete of an item that is not there: ${item.inode} ${item.kind} ${item.offset}`);
        this.items.splice(at, 1);
      } else if (there) this.items[at].value = item.value.slice();
      else
        this.items.splice(at, 0, {
          key,
          inode: item.inode,
          kind: item.kind,
          offset: item.offset,
          value: item.value.slice(),
        });
    }
    for (const claim of batch.claims) this.claim(claim.address, claim.pages, claim.birth, claim.checksum);
    for (const release of batch.releases) this.release(release.address, release.pages, release.birth);
    this.inodes += batch.inodes;
    this.options.afterBatch?.(this);
  }

  private check(batch: Batch): void {
    this.mustBeWritable('apply');
    if (this.prepared !== undefined)
      for (const item of batch.items) this.checkPrepared(keyOf(item.inode, item.kind, item.offset));
    if (batch.entries > maxEntries) throw new BrokenRule(`a batch of ${batch.entries} entries`);
    if (batch.bytes > maxBytes) throw new BrokenRule(`a batch of ${batch.bytes} bytes`);
    const keys = new Set<string>();
    for (const item of batch.items) {
      const key = keyOf(item.inode, item.kind, item.offset);
      if (keys.has(key)) throw new BrokenRule(`two changes of one item: ${item.inode} ${item.kind} ${item.offset}`);
      keys.add(key);
      if (item.type === 'put' && item.value.length > maxItemBytes) throw new BrokenRule('an item is too long');
    }
    if (batch.frees) return;
    const { available } = this.statistics();
    const growth = batch.claims.reduce((sum, claim) => sum + (claim.address === 0 ? claim.pages : 0), 0);
    if (growth > 0 && growth > available) throw new FsError('ENOSPC', 'apply');
    // The map of a full volume may grow only by what was reserved.
    if (batch.claims.length === 0 && available === 0) throw new FsError('ENOSPC', 'apply');
  }

  /** A key is brought in if it was named, or lies between two that were with no item of the map between them and it. */
  private checkPrepared(key: string): void {
    if (this.prepared === undefined || this.prepared.has(key)) return;
    const at = this.lowerBound(key);
    for (const prepared of this.prepared) {
      const other = this.lowerBound(prepared);
      if (other === at) return;
      if (this.items[other]?.key === prepared && (other === at - 1 || other === at)) return;
    }
    throw new BrokenRule(`not prepared: ${key}`);
  }

  private claim(address: number, pages: number, birth: number, sum: number): void {
    if (birth !== this.generation) throw new BrokenRule('claim in another generation');
    if (address === 0) {
      this.promised += pages;
      return;
    }
    const sums = new Uint32Array(pages);
    for (let i = 0; i < pages; i++) {
      const page = this.pages.get(address + i);
      if (page === undefined || page.live) throw new BrokenRule(`claim of page ${address + i}`);
      page.live = true;
      sums[i] = checksum(page.bytes);
    }
    if (checksum(new Uint8Array(sums.buffer)) !== sum) throw new BrokenRule(`checksum of the claim at ${address}`);
    this.live += pages;
  }

  private release(address: number, pages: number, birth: number): void {
    if (address === 0) {
      this.promised -= pages;
      return;
    }
    for (let i = 0; i < pages; i++) {
      const page = this.pages.get(address + i);
      if (page === undefined || !page.live) throw new BrokenRule(`release of page ${address + i}`);
      if (page.birth !== birth) throw new BrokenRule(`page ${address + i} was born in ${page.birth}, not ${birth}`);
      page.live = false;
    }
    this.live -= pages;
  }

  readPages(address: number, pages: number, into: Uint8Array): Promise<void> | undefined {
    this.mayRest('read', String(address));
    return this.reads.fetch(address, pages, into);
  }

  locate(address: number, pages: number, buffer: Uint8Array, at: number, pieces: Pieces): number {
    this.mayRest('locate', String(address));
    pieces.add(address * pageSize, pages * pageSize, buffer, at);
    return this.where(address);
  }

  readPieces(pieces: Pieces): Promise<void> | undefined {
    return this.reads.fetchAll(pieces);
  }

  /** Told of runs of pages that will probably be read soon. */
  onExpected: (address: number, pages: number) => void = () => undefined;

  expect(address: number, pages: number): void {
    this.mayRest('expect', String(address));
    this.onExpected(address, pages);
  }

  where(address: number): number {
    return this.reads.where(address);
  }

  /** So many reservations are granted from now on; those after them find a full volume. */
  grantReservations(count: number): void {
    this.granted = count;
  }

  reserve(pages: number, replaces = 0): void {
    this.mayRest('reserve');
    if (this.granted === 0) throw new FsError('ENOSPC', 'reserve');
    if (pages - replaces > this.statistics().available) throw new FsError('ENOSPC', 'reserve');
    this.reserved += pages;
    this.granted--;
  }

  unreserve(pages: number): void {
    this.reserved -= pages;
    if (this.reserved < 0) throw new BrokenRule('more pages given back than reserved');
  }

  usageOf(holder: Holder, id: number): Usage {
    this.mayRest('usage', `${holder} ${id}`);
    return usageOfItems(this.items, holder, id);
  }

  allocateInode(): number {
    return this.nextInode++;
  }

  now(): { seconds: number; nanos: number } {
    this.time = { seconds: this.time.seconds + 1, nanos: (this.time.nanos + 1) % 1_000_000_000 };
    return this.time;
  }

  readonly mustBeWritable = (operation: string): void => {
    if (this.readOnly) throw new FsError('EROFS', operation);
  };

  readonly handOver = (): undefined => undefined;

  async sync(): Promise<void> {
    this.syncs++;
    await turn();
  }

  async commit(): Promise<void> {
    this.commits++;
    await this.flusher?.flushAll();
    this.generation++;
    await turn();
  }

  touched(): void {}

  statistics(): { capacity: number; live: number; reserved: number; available: number } {
    const { capacity, live } = this;
    const reserved = this.reserved + this.promised;
    return { capacity, live, reserved, available: Math.max(0, capacity - live - reserved) };
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
