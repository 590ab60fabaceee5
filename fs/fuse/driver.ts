/**
 * What a driver is: the one that carries requests of the Linux kernel to a FileSystemApi. The driver in kernel/
 * speaks the protocol of /dev/fuse itself; the one in native/ stands on the fuse-native package. Servers and tests
 * know only this interface.
 *
 * Invariants
 * 1. A driver holds no logic of the filesystem: it translates, counts holds and restarts what suspends.
 * 2. Nothing that runs in the serving thread touches the mount itself: that would wait for its own answer.
 */
import type { Attributes, FileSystemApi } from '../posix/api.js';
import type { InodeNumber } from '../units.js';
import type { KindLatency } from './latencies.js';

export interface MountOptions {
  /** What stands in the first column of /proc/mounts: the path of the image. */
  readonly source: string;
  readonly readOnly: boolean;
  /** Write to the filesystem before write(2) returns, instead of keeping dirty pages in the kernel. */
  readonly writeThrough: boolean;
  /** Other users may use the mount, as far as permissions go. Root's mounts are open to all in any case. */
  readonly allowOther: boolean;
  /** Options of any filesystem: nosuid, nodev, noexec, noatime, ... */
  readonly general: readonly string[];
  /** The kernel checks permissions with ACLs and the filesystem keeps mode and ACL in step. */
  readonly posixAcl: boolean;
  /** One line about something that a person should know. */
  log(line: string): void;
}

/** Where a driver finds what it serves. */
export interface Served {
  /** The filesystem of a root: 0 is the live one. Undefined: there is none with that number (ESTALE). */
  filesystem(rootId: number): FileSystemApi | undefined;
  /** What a name leads to that its directory does not hold (`.snapshots`), if anything. */
  hidden?(rootId: number, parent: InodeNumber, name: Uint8Array): Attributes | undefined;
  /** Space or a quota is nearly used up: opened files shall learn of it at write(2), not at close(2). */
  nearLimit(): boolean;
}

export interface Mounted {
  readonly target: string;
  /** As in /proc/self/mountinfo: `0:45`. */
  readonly device: string;
  /** Counters since the mount, for `varve info` and benchmarks. */
  statistics(): Readonly<Record<string, number>>;
  /** How long requests took since the mount, by kind: `lookup`, `read`, ... */
  latencies(): Readonly<Record<string, KindLatency>>;
  /**
   * How long the server stayed away from the kernel's requests at a time, while it was awake; undefined: other threads
   * than that of Node look for them.
   */
  away(): KindLatency | undefined;
  /** Threads that made the last requests, at most `most` of them, and how many each; 0: the kernel, by itself. */
  recentCallers(most: number): ReadonlyMap<number, number>;
  /**
   * How busy the mount is: requests so far, requests that are not answered yet, ms since the last answer, and
   * whether it has ended.
   */
  traffic(): {
    readonly requests: number;
    readonly waiting: number;
    readonly idleMs: number;
    readonly ended: boolean;
  };
  /** Resolves when the requests that have come so far are answered, or wait for something. */
  gather(): Promise<void>;
  /** Resolves when the kernel can send requests and gets answers: after its first one. */
  ready(): Promise<void>;
  /** Serve until the mount is gone, whoever unmounts it. */
  serve(served: Served): Promise<void>;
  /** Have the kernel send what it holds dirty of files that are open for writing. */
  pull(): Promise<void>;
  /** Ask the kernel to unmount; `lazy`: out of the tree at once, gone when its last user is. EBUSY without it. */
  unmount(lazy: boolean): Promise<void>;
  /** Let go of the kernel's side: whoever still uses the mount gets ENOTCONN. */
  abort(): void;
}

export interface Driver {
  readonly name: string;
  mount(target: string, options: MountOptions): Mounted;
}
