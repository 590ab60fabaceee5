/**
 * A volume: one ordered map in a log, with checkpoints and a journal. This class joins the parts: it opens and
 * closes them and is what the filesystem layer talks to (see api.ts for each method's promise).
 *
 * Five files tell the rest: tree/tree.ts (the map), log/head.ts (appending), volume/checkpoints.ts (how a generation
 * ends), volume/recovery.ts (what a crash leaves), cleaner/mover.ts (how places become free again).
 */
import { costBenefit } from '../cleaner/policy.js';
import { asDamage, FsError, VolumeError } from '../errors.js';
import { timeOfDay } from '../host/clock.js';
import type { Pieces } from '../store/pieces.js';
import type { Store } from '../store/store.js';
import { run, Suspend } from '../suspend.js';
import type { Batch } from '../tree/batch.js';
import { type Address, endOfInodes, type Generation, type InodeNumber, type PageNumber, pageSize } from '../units.js';
import type { Flusher, ItemCursor, PageRun, VolumeApi } from './api.js';
import { appendData, appendUnit, unitRoom } from './append-data.js';
import { applyChanges, prepareChanges } from './apply.js';
import { assemble, orCorrupt, randomEpoch } from './assemble.js';
import { begin } from './begin.js';
import { newestCheckpoint } from './checkpoint-slots.js';
import { Checkpoints } from './checkpoints.js';
import { Cleaning } from './cleaning.js';
import { type Counted, counted } from './counted.js';
import { GroupSync } from './group-sync.js';
import { HandOver } from './hand-over.js';
import { History } from './history.js';
import type { JournalMode } from './journal-mode.js';
import { loadRoots } from './kept-roots.js';
import { Leaving } from './leaving.js';
import { Lines } from './lines.js';
import { MovedPages } from './moved-pages.js';
import { type Clock, type FormatOptions, timeOf, type VolumeOptions } from './options.js';
import { Pace } from './pace.js';
import { Receptions } from './receptions.js';
import { recover } from './recovery.js';
import { Snapshots } from './snapshots.js';
import { mustWork, nodesDue, type VolumeState } from './state.js';
import { mustBeReadOnly, readSuperblock, writeSuperblock } from './superblock.js';
import { Upkeep } from './upkeep.js';
import { VolumeChains } from './volume-chains.js';

const wallClock: Clock = { now: Date.now, time: timeOfDay };
/** Batches that wait for a record: beyond this many bytes a commit is due. */
const mostWaiting = 8 * 2 ** 20;

/** An open volume: one ordered map of items, and pages in a log. Calls that read may throw Suspend: go through `run`. */
export class Volume implements VolumeApi {
  flusher: Flusher | undefined;
  readonly journal: JournalMode;
  readonly snapshots: Snapshots;
  readonly lines: Lines;
  readonly history: History;
  readonly checkpoints: Checkpoints;
  readonly leaving: Leaving;
  private readonly groups: GroupSync;
  private readonly hands: HandOver;
  readonly cleaning: Cleaning;
  private readonly pace: Pace;
  readonly receptions: Receptions;
  /** Administration of a volume in use: another size, trimming. */
  readonly upkeep: Upkeep;
  readonly movedPages: MovedPages;
  private closed = false;
  /** The last checkpoint. */
  private closing: Promise<void> | undefined;

  private constructor(
    readonly state: VolumeState,
    readonly transforms: VolumeChains,
    readonly readOnly: boolean,
    private readonly options: VolumeOptions,
    private readonly clock: Clock,
  ) {
    this.journal = options.journal ?? 'ordered';
    this.checkpoints = new Checkpoints(state, () => Math.floor(clock.now() / 1000), options.discard ?? true);
    transforms.persist = (persist) => this.checkpoints.switchTo({ freeze: () => undefined, persist });
    this.groups = new GroupSync(state, this.checkpoints);
    this.hands = new HandOver(state, this.checkpoints);
    this.cleaning = new Cleaning(state, this.checkpoints, () => this.groups.waiting, options.policy ?? costBenefit);
    this.upkeep = new Upkeep(this, this.checkpoints, this.cleaning);
    this.movedPages = new MovedPages(
      state,
      () => this.mustWrite(true),
      () => this.pace.touched(),
    );
    this.pace = new Pace(
      {
        commit: () => (this.state.changed || this.flusher !== undefined ? this.commit() : Promise.resolve()),
        clean: () => this.cleaning.step(),
        tidy: () => this.movedPages.step(),
        failed: () => this.state.failure !== undefined,
      },
      (options.commitSeconds ?? 5) * 1000,
    );
    this.leaving = new Leaving(state, this.checkpoints, () => this.pace.touched());
    this.snapshots = new Snapshots(this);
    this.lines = new Lines(this);
    this.history = new History(this, readOnly ? undefined : options.historySeconds);
    this.receptions = new Receptions(this);
  }

  /**
   * Open a volume, replaying its journal after a crash. A volume opened read-only is never written: the replay
   * stays in memory. Throws VolumeError (JournalDamage where what was durable is missing); the store stays open and the caller's to close.
   */
  static async open(store: Store, options: VolumeOptions = {}): Promise<Volume> {
    const superblock = await readSuperblock(store);
    const readOnly = options.readOnly === true || store.readOnly;
    if (!readOnly && mustBeReadOnly(superblock)) {
      throw new VolumeError(
        'unknown-feature',
        `${store.name}: uses features that this program can only read; mount it with -o ro`,
      );
    }
    const { compression: asked, registry, degraded, filesUntouched } = options;
    const chains = await VolumeChains.open(store, superblock, { readOnly, degraded, filesUntouched, asked, registry });
    const found = await newestCheckpoint(store, superblock);
    const state = await orCorrupt(store, () =>
      assemble(store, superblock, found, {
        cacheBytes: options.cacheBytes,
        epoch: randomEpoch(),
        onFailure: options.onFailure,
      }),
    );
    const left = await recover(state, found.checkpoint, options.cutJournal === true || (readOnly && degraded === true));
    state.roots = await orCorrupt(store, () => loadRoots(state.system));
    const volume = new Volume(state, chains, readOnly, options, options.clock ?? wallClock);
    if (readOnly) return volume;
    const crash = found.checkpoint.clean === 1 ? undefined : { left, dataHead: found.checkpoint.dataHead };
    await orCorrupt(store, () => begin(volume, crash));
    if (options.branch !== undefined) await volume.lines.begin(options.branch);
    await volume.receptions.recover();
    volume.leaving.start();
    volume.history.start();
    return volume;
  }

  /** Make a volume in a store and leave it clean. Throws VolumeError or the store's errors. */
  static async format(store: Store, options: FormatOptions): Promise<void> {
    const { superblock } = options;
    // A half-made volume must not look like one: the old superblocks go first.
    await store.write(0, [new Uint8Array(pageSize)]);
    await store.write((superblock.imagePages - 1) * pageSize, [new Uint8Array(pageSize)]);
    const slots = new Uint8Array(2 * superblock.checkpointPages * pageSize);
    await store.write(superblock.checkpointStart * pageSize, [slots]);
    await store.barrier();
    const state = await assemble(store, superblock, undefined, { epoch: randomEpoch() });
    const chains = await VolumeChains.open(store, superblock, { readOnly: true, degraded: true });
    const volume = new Volume(state, chains, false, { commitSeconds: 0 }, options.clock ?? wallClock);
    await run(() => volume.apply(options.initial));
    await volume.checkpoints.close();
    await writeSuperblock(store, superblock);
    await store.barrier();
  }

  /** Why the volume takes no more changes; undefined while it does. */
  get failure(): string | undefined {
    const { failure } = this.state;
    return failure instanceof Error ? failure.message : (failure as string | undefined);
  }

  mustBeWritable(operation: string): void {
    mustWork(this.state, operation);
    if (this.readOnly) throw new FsError('EROFS', operation);
  }

  get generation(): Generation {
    return this.state.log.generation;
  }
  get heldGeneration(): Generation {
    return this.state.newestSnapshot;
  }
  get nameSeed(): number {
    return this.state.superblock.nameSeed;
  }
  get mostPages(): number {
    return this.state.log.perSegment;
  }
  get pagesAtOnce(): number {
    const { log, table } = this.state;
    const spare = Math.max(0, table.reusablePlaces - this.cleaning.placesFor(0));
    return Math.max(log.perSegment, log.data.room + spare * (log.perSegment - 2));
  }
  get inodes(): number {
    return this.state.inodes;
  }
  get counters(): Counted {
    return counted(this.state);
  }

  get(inode: InodeNumber, kind: number, offset: number): Uint8Array | undefined {
    return this.state.main.get(inode, kind, offset);
  }
  seek(inode: InodeNumber, kind: number, offset: number): ItemCursor {
    return this.state.main.seek(inode, kind, offset);
  }
  floor(inode: InodeNumber, kind: number, offset: number): ItemCursor {
    return this.state.main.floor(inode, kind, offset);
  }

  prepare(keys: readonly { inode: InodeNumber; kind: number; offset: number }[], pages: number, frees: boolean): void {
    this.mustWrite(frees || pages > 0);
    for (const key of keys) this.state.main.require(key.inode, key.kind, key.offset);
    if (pages > 0) this.mustHavePlaces(pages);
  }

  /** Throws Suspend while there are too few places for an append of that many pages. */
  mustHavePlaces(pages: number): void {
    const { log, table } = this.state;
    const beyond = Math.max(0, pages - log.data.room);
    const segments = Math.ceil(beyond / (log.perSegment - 2));
    const least = this.cleaning.placesFor(segments);
    if (segments > 0 && table.reusablePlaces < least) throw new Suspend(this.cleaning.makeRoom(least), 'place');
  }

  /**
   * Throws what speaks against a change: EROFS, EIO, Suspend while a commit or the cleaner must come first, ENOSPC
   * unless it is `paid`: it gives space back, or space was reserved for it.
   */
  mustWrite(paid: boolean): void {
    const { state } = this;
    this.mustBeWritable('write');
    const { space, journal, table } = state;
    if (nodesDue(state) >= space.mostDirtyNodes || journal.waitingBytes >= mostWaiting) {
      throw new Suspend(this.checkpoints.checkpoint(), 'commit');
    }
    if (table.reusablePlaces < space.commitPlaces)
      throw new Suspend(this.cleaning.makeRoom(space.commitPlaces), 'place');
    if (!paid && !space.mayGrow) {
      this.noRoom();
      throw new FsError('ENOSPC', 'write');
    }
  }

  apply(batch: Batch): void {
    const { state } = this;
    this.mustWrite(batch.frees || batch.claims.length > 0);
    prepareChanges(state, batch.items);
    try {
      applyChanges(state, batch);
    } catch (e) {
      // An assertion failed half way: what is in memory now must never reach the disk.
      const failure = asDamage(e, 'batch');
      state.fail(failure);
      throw failure;
    }
    state.inodes += batch.inodes;
    if (!this.closed && this.journal !== 'none') state.journal.add(batch, state.log.generation, state.rootId);
    this.pace.touched();
  }

  appendData(inode: InodeNumber, firstPage: PageNumber, buffers: readonly Uint8Array[], done: () => void): PageRun[] {
    for (const { length } of buffers) this.state.counters.filePages += length / pageSize;
    return appendData(this.state.log, inode, firstPage, buffers, done);
  }

  get unitRoom(): number {
    return unitRoom(this.state.log);
  }

  appendUnit(inode: InodeNumber, firstPage: PageNumber, pages: Uint8Array, done: () => void): Address {
    this.state.counters.filePages += pages.length / pageSize;
    return appendUnit(this.state.log, inode, firstPage, pages, done);
  }

  endUnits(): void {
    this.state.log.data.flush();
  }

  readPages(address: Address, pages: number, into: Uint8Array): Promise<void> | undefined {
    return this.state.log.read(address, pages, into);
  }

  locate(address: Address, pages: number, buffer: Uint8Array, at: number, pieces: Pieces): number {
    return this.state.log.locate(address, pages, buffer, at, pieces);
  }
  readPieces(pieces: Pieces): Promise<void> | undefined {
    return this.state.log.readPieces(pieces);
  }
  expect(address: Address, pages: number): void {
    this.state.log.expect(address, pages);
  }
  where(address: Address): number {
    return this.state.log.where(address);
  }

  reserve(pages: number, replaces = 0): void {
    const { state } = this;
    this.mustBeWritable('write');
    try {
      if (!state.space.reserve(pages, replaces)) throw new Suspend(this.commit(), 'space');
    } catch (e) {
      if (e instanceof FsError) {
        this.noRoom();
      }
      throw e;
    }
  }

  /**
   * Deleted snapshots may be about to make room: whether there is space must not depend on how far that has come. Nor on
   * the history. So ENOSPC is thrown only when this returns.
   */
  private noRoom(): void {
    const room = this.leaving.idle ?? this.history.giveWay();
    if (room !== undefined) throw new Suspend(room, 'snapshots that leave');
    this.state.counters.noSpace++;
    this.options.onNoSpace?.();
  }

  unreserve(pages: number): void {
    this.state.space.unreserve(pages);
  }

  readonly usageOf: VolumeApi['usageOf'] = (holder, id) => this.state.usage.of(this.state.main, holder, id);

  allocateInode(): InodeNumber {
    if (this.state.nextInode >= endOfInodes)
      throw new FsError('ENOSPC', 'create', undefined, 'no inode number is left');
    return this.state.nextInode++;
  }

  now(): { seconds: number; nanos: number } {
    return timeOf(this.clock);
  }

  /** How a sync can let in those who are about to ask for one too: see GroupSync. */
  set gather(gather: () => Promise<void>) {
    this.groups.gather = gather;
  }

  sync(): Promise<void> {
    if (this.readOnly) return Promise.resolve();
    if (this.closing !== undefined) return this.closing;
    return this.journal === 'none' ? this.checkpoints.cover() : this.groups.sync();
  }

  handOver(): Promise<void> | undefined {
    return this.journal === 'data' && !this.readOnly ? (this.closing ?? this.hands.handOver()) : undefined;
  }

  async commit(): Promise<void> {
    if (this.readOnly) return;
    mustWork(this.state, 'commit');
    try {
      await this.flusher?.flushAll();
    } finally {
      // A file that can't be flushed keeps nothing else from being durable. Nothing may follow the last checkpoint.
      await (this.closing ?? this.checkpoints.checkpoint());
    }
  }

  touched(): void {
    this.pace.touched();
  }

  statistics(): { capacity: number; live: number; reserved: number; available: number } {
    const { space, table, cache } = this.state;
    return {
      capacity: space.capacity,
      live: table.livePages - space.deferred + cache.dirty * space.perNode,
      reserved: space.reserved + space.promised,
      available: Math.max(0, space.available),
    };
  }

  /**
   * Commit everything and leave the image clean. The store stays open and is the caller's to close. Rejects if the
   * last commit failed; the volume is closed all the same.
   */
  async close(): Promise<void> {
    if (this.closed) return;
    await this.history.stop();
    await this.leaving.stop();
    await this.pace.stop();
    if (this.readOnly) {
      this.closed = true;
      return;
    }
    try {
      await this.flusher?.flushAll();
    } finally {
      await this.cleaning.quiet();
      await this.groups.quiet();
      this.closed = true;
      this.closing = this.checkpoints.close();
      await this.closing;
    }
  }

  /** Stop without writing anything more, as a crash would: for tests and for a volume that has failed. */
  async abandon(): Promise<void> {
    this.closed = true;
    this.state.fail(new Error('the volume was abandoned'));
    await this.history.stop();
    await this.leaving.stop();
    await this.pace.stop();
  }
}
