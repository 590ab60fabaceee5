/**
 * From a request to the handler that serves it, and from the handler's outcome to the reply.
 *
 * A handler runs in one go; one that throws Suspend waits and starts again; one that returns a promise has done
 * its restartable part and is answered when that settles. A WRITE may also be done in portions, and starts again behind
 * each. A change is answered when the filesystem calls it settled:
 * as safe as the mount promises of what it has acknowledged. FsError becomes its errno. Anything else is a fault of
 * ours: EIO for the caller, a line in the log, and the mount lives on.
 */
import { errno, FsError } from '../../errors.js';
import type { Change } from '../../posix/api.js';
import { Suspend } from '../../suspend.js';
import { Latencies } from '../latencies.js';
import { RecentCallers } from '../recent-callers.js';
import { opcode, opcodeName } from './abi.js';
import * as directories from './directories.js';
import { type Connection, Exchange, type Handler, silent, unfinished } from './exchange.js';
import * as files from './files.js';
import * as inodes from './inodes.js';
import { ioctl } from './ioctl.js';
import * as names from './names.js';
import { init } from './negotiation.js';
import { Pool } from './pool.js';
import * as xattrs from './xattrs.js';

/** Answered by ENOSYS once, these are not asked again: less round trips, and nothing of ours hangs on them. */
const notNeeded: Handler = () => -errno.ENOSYS;
const nothingToDo: Handler = () => 0;
/** An operation on a disk goes on: callers do not expect EINTR from it. */
const ignored: Handler = () => silent;

/** No operation has this number or a higher one; a power of two. */
const opcodes = 64;

const handlers: Handler[] = [];
/** What a request changes if it succeeds: it is answered when the filesystem says that this is settled. */
const changes: (Change | undefined)[] = [];
for (const [code, handler, change] of [
  [opcode.LOOKUP, names.lookup],
  [opcode.FORGET, inodes.forget],
  [opcode.GETATTR, inodes.getattr],
  [opcode.SETATTR, inodes.setattr, 'file'],
  [opcode.READLINK, inodes.readlink],
  [opcode.SYMLINK, names.symlink, 'names'],
  [opcode.MKNOD, names.mknod, 'names'],
  [opcode.MKDIR, names.mkdir, 'names'],
  [opcode.UNLINK, names.unlink, 'names'],
  [opcode.RMDIR, names.rmdir, 'names'],
  [opcode.RENAME, names.rename, 'names'],
  [opcode.LINK, names.link, 'names'],
  [opcode.OPEN, files.open],
  [opcode.READ, files.read],
  [opcode.WRITE, files.write, 'file'],
  [opcode.STATFS, inodes.statfs],
  [opcode.RELEASE, files.release],
  [opcode.FSYNC, files.fsync],
  [opcode.SETXATTR, xattrs.setxattr, 'file'],
  [opcode.GETXATTR, xattrs.getxattr],
  [opcode.LISTXATTR, xattrs.listxattr],
  [opcode.REMOVEXATTR, xattrs.removexattr, 'file'],
  [opcode.FLUSH, notNeeded],
  [opcode.INIT, init],
  [opcode.OPENDIR, notNeeded],
  [opcode.READDIR, directories.readdir],
  [opcode.RELEASEDIR, nothingToDo],
  [opcode.FSYNCDIR, files.syncAll],
  [opcode.ACCESS, notNeeded],
  [opcode.CREATE, names.create, 'names'],
  [opcode.INTERRUPT, ignored],
  [opcode.DESTROY, nothingToDo],
  [opcode.IOCTL, ioctl, 'file'],
  [opcode.BATCH_FORGET, inodes.batchForget],
  [opcode.FALLOCATE, files.fallocate, 'file'],
  [opcode.READDIRPLUS, directories.readdirplus],
  [opcode.RENAME2, names.rename2, 'names'],
  [opcode.LSEEK, files.lseek],
  [opcode.COPY_FILE_RANGE, files.copyFileRange, 'file'],
  [opcode.COPY_FILE_RANGE_64, files.copyFileRange, 'file'],
  [opcode.SYNCFS, files.syncAll],
  [opcode.TMPFILE, names.tmpfile, 'file'],
  [opcode.STATX, inodes.statx],
] as readonly (readonly [number, Handler, Change?])[]) {
  handlers[code] = handler;
  changes[code] = change;
}
for (let code = 0; code < opcodes; code++) handlers[code] ??= notNeeded;

/** The reply to an operation that is done, once it may be acknowledged. */
async function afterSettling(x: Exchange, change: Change, length: number): Promise<number> {
  if (length >= 0) await x.filesystem.settled(change);
  return length;
}

/** To these the kernel expects no reply, not even an error. */
const unanswered: readonly number[] = [opcode.FORGET, opcode.BATCH_FORGET, opcode.INTERRUPT];

/** Who carries replies to where the requests came from. */
export interface Outlet {
  /** Send a reply's first `length` bytes; false if nobody wants it any more. `kept`: the request had been held. */
  send(bytes: Uint8Array, length: number, kept: boolean): boolean;
  /** No request waits any more. */
  idle(): void;
}

/** After so many attempts a request starts again from the event loop, so that others get their turn. */
const attemptsInARow = 50;

export class Dispatch {
  /** Requests that wait for something. */
  waiting = 0;
  /** Requests that waited, and attempts that were abandoned, since the mount. */
  suspended = 0;
  faults = 0;
  readonly perOpcode = new Float64Array(opcodes);
  /** Of requests that were answered, by opcode. */
  readonly latencies = new Latencies(opcodes);
  readonly callers = new RecentCallers();
  private readonly exchanges: Pool<Exchange>;

  constructor(
    private readonly connection: Connection,
    private readonly outlet: Outlet,
  ) {
    this.exchanges = new Pool(() => new Exchange(connection), 8);
  }

  /** An exchange whose buffer is large enough for any request. */
  take(): Exchange {
    const x = this.exchanges.take();
    x.request.refresh();
    return x;
  }

  give(x: Exchange): void {
    this.exchanges.give(x);
  }

  /**
   * Serve a new request. True if it is done and the exchange is free again, or if a portion is done (then `written` is
   * above 0); else it comes back by itself.
   */
  serve(x: Exchange): boolean {
    this.perOpcode[x.request.opcode & (opcodes - 1)]++;
    this.callers.note(x.request.pid);
    x.began = this.connection.clock.ms;
    const filesystem = this.connection.served.filesystem(x.request.rootId);
    if (filesystem === undefined) {
      this.finish(x, unanswered.includes(x.request.opcode) ? silent : -errno.ESTALE);
      return true;
    }
    x.filesystem = filesystem;
    return this.attempt(x);
  }

  /** The next portion of one of which `serve` did the first: `written` says how far it has come. */
  goOn(x: Exchange): boolean {
    return this.attempt(x);
  }

  private attempt(x: Exchange): boolean {
    const code = x.request.opcode;
    let result: number | Promise<number>;
    try {
      result = code < handlers.length ? handlers[code](x) : -errno.ENOSYS;
    } catch (e) {
      return this.failed(x, e);
    }
    const change = changes[code];
    if (typeof result !== 'number') {
      this.await(x, change === undefined ? result : result.then((length) => afterSettling(x, change, length)));
      return false;
    }
    if (result === unfinished) return true;
    if (change !== undefined && result >= 0) {
      let settling: Promise<void> | undefined;
      try {
        settling = x.filesystem.settled(change);
      } catch (e) {
        return this.failed(x, e);
      }
      if (settling !== undefined) {
        this.await(
          x,
          settling.then(() => result),
        );
        return false;
      }
    }
    this.finish(x, result);
    return true;
  }

  private await(x: Exchange, result: Promise<number>): void {
    this.waiting++;
    x.request.settle();
    result.then(
      (length) => {
        this.waiting--;
        this.finishLate(x, length);
      },
      (e) => {
        this.waiting--;
        if (this.failed(x, e)) this.recycle(x);
      },
    );
  }

  private failed(x: Exchange, e: unknown): boolean {
    if (e instanceof Suspend) {
      this.park(x, e);
      return false;
    }
    const error = -this.errnoOf(x, e);
    this.finish(x, unanswered.includes(x.request.opcode) ? silent : error);
    return true;
  }

  private park(x: Exchange, missing: Suspend): void {
    this.waiting++;
    this.suspended++;
    x.restart();
    x.request.settle();
    missing.until.then(
      () => (x.attempts % attemptsInARow === 0 ? void setImmediate(() => this.again(x)) : this.again(x)),
      (e) => {
        this.waiting--;
        if (this.failed(x, e)) this.recycle(x);
      },
    );
  }

  private again(x: Exchange): void {
    this.waiting--;
    if (this.attempt(x)) this.recycle(x);
  }

  private finishLate(x: Exchange, length: number): void {
    this.finish(x, length);
    this.recycle(x);
  }

  private recycle(x: Exchange): void {
    this.exchanges.give(x);
    if (this.waiting === 0) this.outlet.idle();
  }

  /** Reply, and count what the kernel now refers to. */
  private finish(x: Exchange, result: number): void {
    if (result !== silent) {
      const error = result < 0 ? -result : 0;
      const length = x.reply.finish(error === 0 ? result : 0, error, x.request.words);
      const delivered = this.outlet.send(x.reply.bytes, length, x.kept);
      this.latencies.record(x.request.opcode & (opcodes - 1), this.connection.clock.ms - x.began);
      if (error === 0) x.delivered(delivered);
    }
    x.reset();
  }

  private errnoOf(x: Exchange, e: unknown): number {
    if (e instanceof FsError && e.code !== 'EUCLEAN' && e.code !== 'EIO') return e.errno;
    this.faults++;
    const r = x.request;
    const what = `${opcodeName(r.opcode)} ${r.words[2]} of inode ${r.inode} in root ${r.rootId} by process ${r.pid}`;
    this.connection.options.log(`${what} failed: ${e instanceof Error ? (e.stack ?? e.message) : String(e)}`);
    return e instanceof FsError ? e.errno : errno.EIO;
  }
}
