/**
 * One mount through libfuse 2. Its threads read requests and wait, each for the answer to its own; operations arrive
 * in Node's thread, one after another, and are answered when they are done: several can wait at a time.
 *
 * Invariants
 * 1. Each operation is answered once, whatever happens: a thread that is never answered hangs, and so does unmounting.
 * 2. A result is in libfuse's memory before its operation is answered, and nothing is written there after.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { KoffiFunc } from 'koffi';
import { errno, FsError, VolumeError } from '../../errors.js';
import { libc } from '../../host/libc.js';
import { run } from '../../suspend.js';
import { deferred } from '../deferred.js';
import type { Mounted, MountOptions, Served } from '../driver.js';
import { isOrdinaryUser, othersAllowed, othersNotAllowed } from '../fusermount.js';
import { remountKernel } from '../kernel/mount.js';
import { inThread } from '../kernel/system-calls.js';
import { Latencies } from '../latencies.js';
import { mountAt } from '../mount-table.js';
import { RecentCallers } from '../recent-callers.js';
import { unmountKernel } from '../unmount.js';
import { Callers } from './callers.js';
import { Guard } from './guard.js';
import { Handles } from './handles.js';
import { HiddenNames } from './hidden-names.js';
import { type Library, loadLibrary, type NativeHandler } from './library.js';
import { hasMore, libfuseOptions } from './mount-options.js';
import type { Call, Operation, Shared } from './operation.js';
import { operations, permissionOperations } from './operations.js';
import { PathTable } from './path-table.js';
import { mountRecord, mountRecordBytes, ThreadRecord } from './thread-record.js';

/** Kinds of operations, as latencies number them. */
const kinds = [...operations.keys(), ...permissionOperations.keys()];
const kindNumbers = new Map(kinds.map((kind, number) => [kind, number]));

/** How long a name that was hidden waits for a rename to replace it, in ms: both are one system call. */
const leavingMs = 5;
/** The binding's arrays have a place for each of its operations. */
const operationCount = 35;
const nothing = new Uint8Array();
/** The binding's signal of an operation with a result would copy that from us; here it is in place already. */
const silentSignal = 'unlink';

/** Both take the thread that ends when the mount is gone. */
const cancel = libc.func('int pthread_cancel(uintptr_t thread)') as (thread: bigint) => number;
const join = libc.func('int pthread_join(uintptr_t thread, void *result)') as unknown as KoffiFunc<
  (thread: bigint, result: null) => number
>;

export class NativeSession implements Mounted {
  readonly device: string;
  private readonly library: Library;
  private readonly callers: Callers;
  /** The binding's memory: of the mount, and of each thread. */
  private readonly mount = Buffer.alloc(mountRecordBytes);
  private readonly records = new Map<Buffer, ThreadRecord>();
  private readonly perOperation: Record<string, number> = {};
  private readonly counters = { bytesRead: 0, bytesWritten: 0 };
  private readonly perKind = new Latencies(kinds.length);
  private readonly recent = new RecentCallers();
  private shared: Shared | undefined;
  private requests = 0;
  private waiting = 0;
  private faults = 0;
  private lastAnswer = 0;
  private gone = false;
  private tidying = false;
  private readonly started = deferred();
  private readonly aborted = deferred();

  constructor(
    readonly target: string,
    private readonly options: MountOptions,
  ) {
    this.library = loadLibrary();
    this.begin();
    this.callers = new Callers(this.library.libfuse, this.mount);
    const device = mountAt(target)?.device;
    if (device === undefined) throw new VolumeError('io', `the kernel does not list the mount on ${target}`);
    this.device = device;
    if (hasMore(options)) remountKernel(target, options.readOnly, options.general);
  }

  ready(): Promise<void> {
    return this.started.promise;
  }

  async serve(served: Served): Promise<void> {
    const filesystem = served.filesystem(0);
    if (filesystem === undefined) throw new VolumeError('io', 'there is no filesystem to serve');
    const hidden = new HiddenNames(filesystem);
    const { counters } = this;
    this.shared = { filesystem, hidden, handles: new Handles(), counters };
    await Promise.race([this.loopEnds(), this.aborted.promise]);
    this.gone = true;
    await run(() => hidden.removeAll());
  }

  /** libfuse 2 has the kernel send each write before it returns. */
  pull(): Promise<void> {
    return Promise.resolve();
  }

  statistics(): Readonly<Record<string, number>> {
    const { requests, waiting, faults, counters, perOperation } = this;
    return { requests, waiting, faults, ...counters, ...perOperation };
  }

  away(): undefined {}

  latencies(): ReturnType<Mounted['latencies']> {
    return this.perKind.read((kind) => kinds[kind]);
  }

  recentCallers(most: number): Map<number, number> {
    return this.recent.counts(most);
  }

  /** Calls come through the event loop: those that have come are begun when it has gone round. */
  gather(): Promise<void> {
    return new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  }

  traffic(): ReturnType<Mounted['traffic']> {
    const { requests, waiting, lastAnswer, gone } = this;
    return { requests, waiting, idleMs: performance.now() - lastAnswer, ended: gone };
  }

  unmount(lazy: boolean): Promise<void> {
    return unmountKernel(this.target, lazy);
  }

  /** The descriptor is libfuse's: the kernel hears of it when the process ends. */
  abort(): void {
    this.gone = true;
    this.aborted.resolve();
  }

  private begin(): void {
    const { binding } = this.library;
    const handlers: NativeHandler[] = Array.from({ length: operationCount }, () => () => undefined);
    const implemented = new Uint32Array(operationCount);
    const add = (name: string, handler: NativeHandler): void => {
      handlers[binding[`op_${name}`]] = handler;
      implemented[binding[`op_${name}`]] = 1;
    };
    add('init', (record) => this.initialize(record));
    const asked = this.options.posixAcl ? [...operations, ...permissionOperations] : operations;
    for (const [name, operation] of asked) {
      add(name, (record, _, ...given) => void this.perform(name, operation, record, given));
    }
    try {
      binding.fuse_native_mount(
        this.target,
        libfuseOptions(this.options),
        this.mount,
        this,
        (bytes) => this.allocate(bytes),
        handlers,
        implemented,
      );
    } catch (e) {
      if (e instanceof VolumeError) throw e;
      // libfuse has fusermount keep quiet.
      if (this.options.allowOther && isOrdinaryUser() && !othersAllowed()) throw othersNotAllowed();
      throw new VolumeError('io', `libfuse can't mount on ${this.target}`);
    }
  }

  /** The record of a new thread, which waits for it. */
  private allocate(bytes: number): Buffer {
    const record = Buffer.alloc(bytes);
    this.records.set(record, new ThreadRecord(record));
    try {
      this.callers.meet(record);
    } catch (e) {
      this.options.log(`driver=native can't tell who asks: ${(e as Error).message}`);
      this.started.reject(new VolumeError('io', `driver=native can't work here: ${(e as Error).message}`));
    }
    return record;
  }

  private initialize(record: Buffer): void {
    this.started.resolve();
    this.library.binding.fuse_native_signal_init(record, 0);
  }

  /** Resolves when libfuse has ended its threads, because the mount is gone. */
  private async loopEnds(): Promise<void> {
    const thread = this.mount.readBigUInt64LE(mountRecord.thread);
    // The process can't end while one of its threads waits for this one.
    const stopWaiting = (): void => void cancel(thread);
    process.once('exit', stopWaiting);
    await inThread((done) => join.async(thread, null, done));
    process.off('exit', stopWaiting);
    this.library.binding.fuse_native_unmount(this.target, this.mount);
  }

  private async perform(name: string, operation: Operation, record: Buffer, given: readonly unknown[]): Promise<void> {
    const began = performance.now();
    this.requests++;
    this.perOperation[name] = (this.perOperation[name] ?? 0) + 1;
    this.waiting++;
    const lent = operation.lent === undefined ? nothing : (given[operation.lent] as Uint8Array);
    let result: number;
    let opened = 0;
    try {
      const call = this.call(record, lent);
      this.recent.note(call.who.pid);
      result = await run(() => operation.act(call));
      if (operation.change !== undefined) await call.filesystem.settled(operation.change);
      opened = call.opened;
    } catch (e) {
      result = -this.errnoOf(name, e);
    }
    this.waiting--;
    this.lastAnswer = performance.now();
    this.perKind.record(kindNumbers.get(name) ?? 0, this.lastAnswer - began);
    // The thread goes on.
    const { rest } = operation;
    const signal = rest === undefined ? silentSignal : name;
    this.library.binding[`fuse_native_signal_${signal}`](record, result, ...(rest?.(lent, opened) ?? []));
    this.tidy();
  }

  private call(record: Buffer, lent: Uint8Array): Call {
    const thread = this.records.get(record);
    if (this.gone || this.shared === undefined || thread === undefined) throw new FsError('ENOTCONN', 'native');
    const who = this.callers.of(record);
    const { filesystem, hidden } = this.shared;
    const guard = this.options.posixAcl ? new Guard(filesystem, who) : undefined;
    const paths = new PathTable(filesystem, hidden, guard);
    return { ...this.shared, record: thread, who, guard, paths, lent, opened: 0 };
  }

  /** Names that were hidden, and that no rename has replaced, leave the filesystem. */
  private tidy(): void {
    const { shared } = this;
    if (shared === undefined || this.tidying || !shared.hidden.hasLeaving) return;
    this.tidying = true;
    sleep(leavingMs)
      .then(() => run(() => shared.hidden.removeAll()))
      .catch((e: unknown) => this.options.log(`a name that was hidden can't be removed: ${String(e)}`))
      .finally(() => {
        this.tidying = false;
        this.tidy();
      });
  }

  private errnoOf(name: string, e: unknown): number {
    if (e instanceof FsError && e.code !== 'EUCLEAN' && e.code !== 'EIO') return e.errno;
    this.faults++;
    this.options.log(`${name} failed: ${e instanceof Error ? (e.stack ?? e.message) : String(e)}`);
    return e instanceof FsError ? e.errno : errno.EIO;
  }
}
