/** One mount, served: requests come by /dev/fuse (request-loop.ts), and what the kernel has to be told goes there. */
import { closeSync } from 'node:fs';
import { errno, FsError } from '../../errors.js';
import type { InodeNumber } from '../../units.js';
import { deferred } from '../deferred.js';
import type { Mounted, MountOptions, Served } from '../driver.js';
import type { KindLatency } from '../latencies.js';
import { mountAt } from '../mount-table.js';
import { unmountKernel } from '../unmount.js';
import { opcode, opcodeName } from './abi.js';
import { BackgroundLimit } from './background-limit.js';
import { Wakeup } from './event-loop.js';
import { mostOpen } from './held-writes.js';
import type { KernelMount } from './mount.js';
import { Notifier } from './notify.js';
import { Channel, RequestLoop, type Waits } from './request-loop.js';
import { read, write } from './system-calls.js';

export class Session implements Mounted {
  readonly device: string;
  readonly notifier: Notifier;
  private readonly fd: number;
  private wakeup: Wakeup | undefined;
  /** From `serve` on. */
  private loop: RequestLoop | undefined;
  private closed = false;
  private readonly writers = new Map<InodeNumber, number>();
  private readonly counters = { bytesRead: 0, bytesWritten: 0 };
  private readonly started = deferred();

  constructor(
    readonly target: string,
    kernel: KernelMount,
    private readonly options: MountOptions,
    private readonly waits: Waits = {},
  ) {
    this.fd = kernel.fd;
    this.device = kernel.device;
    this.notifier = new Notifier(kernel.fd);
  }

  ready(): Promise<void> {
    return this.started.promise;
  }

  serve(served: Served): Promise<void> {
    const channel = new Channel(
      (into, most) => read(this.fd, into, most),
      (from, length) => write(this.fd, from, length),
      (failure) => this.over(failure),
    );
    const connection = {
      options: this.options,
      served,
      counters: this.counters,
      writers: this.writers,
      pull: (rootId: number, inode: InodeNumber) => this.notifier.pull(rootId, inode),
      initialized: () => this.started.resolve(),
    };
    this.loop = new RequestLoop(channel, connection, new BackgroundLimit(this.device, mostOpen), this.waits);
    this.wakeup = new Wakeup(this.fd);
    return this.loop.serve();
  }

  statistics(): Readonly<Record<string, number>> {
    const { requests, turns, sleeps, dispatch } = this.serving;
    const { waiting, suspended, faults, perOpcode } = dispatch;
    const statistics: Record<string, number> = {
      requests,
      turns,
      sleeps,
      waiting,
      suspended,
      faults,
      ...this.counters,
    };
    for (const code of Object.values(opcode)) {
      if (perOpcode[code] > 0) statistics[opcodeName(code)] = perOpcode[code];
    }
    return statistics;
  }

  latencies(): ReturnType<Mounted['latencies']> {
    return this.serving.dispatch.latencies.read((code) => opcodeName(code).toLowerCase());
  }

  away(): KindLatency {
    return this.serving.stretches.read();
  }

  recentCallers(most: number): Map<number, number> {
    return this.serving.dispatch.callers.counts(most);
  }

  traffic(): ReturnType<Mounted['traffic']> {
    const { requests, dispatch, lastAnswer, gone: ended } = this.serving;
    return { requests, waiting: dispatch.waiting, idleMs: performance.now() - lastAnswer, ended };
  }

  gather(): Promise<void> {
    return this.serving.gather();
  }

  async pull(): Promise<void> {
    await Promise.all([...this.writers.keys()].map((inode) => this.notifier.pull(0, inode)));
  }

  /** Where it was, or over it, something else may be mounted by now: that stays. */
  async unmount(lazy: boolean): Promise<void> {
    if (this.closed) return;
    const seen = mountAt(this.target);
    if (seen !== undefined && seen.device !== this.device) throw new FsError('EBUSY', `unmount of ${this.target}`);
    await unmountKernel(this.target, lazy);
  }

  abort(): void {
    if (this.loop === undefined) this.over(undefined);
    else this.loop.leave(errno.ENODEV);
  }

  private get serving(): RequestLoop {
    if (this.loop === undefined) throw new Error('the mount is not served yet');
    return this.loop;
  }

  private over(failure: number | undefined): void {
    if (this.closed) return;
    this.closed = true;
    if (failure !== undefined) this.options.log(`reading requests of ${this.target} failed: errno ${failure}`);
    this.wakeup?.close();
    this.notifier.close();
    closeSync(this.fd);
    this.started.reject(new FsError('ENOTCONN', `mount of ${this.target}`));
  }
}
