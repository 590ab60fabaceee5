/**
 * Files that are open and have lost their name. libfuse 2 needs a path for each operation, so it renames such a file
 * to `.fuse_hidden` and 16 digits in its directory, and removes that when the last handle is closed. Here these names
 * are known to nobody but this table: the file has really lost its name, as POSIX has it, and is gone after a crash.
 *
 * When a rename is about to replace an open file, libfuse hides that first. Doing so at once would leave a moment, and
 * after a crash a state, with neither. So a name that was hidden is only out of sight: it leaves the filesystem with
 * the next operation of the same thread, where a rename to it replaces it in one step, and otherwise a moment later.
 *
 * Invariants
 * 1. Each hidden name holds its inode.
 * 2. What is out of sight is gone before anything is made durable, and before another gets the name.
 */
import { FsError } from '../../errors.js';
import type { Credentials, FileSystemApi } from '../../posix/api.js';
import type { InodeNumber } from '../../units.js';

/** A name in a directory. */
export interface Place {
  readonly directory: InodeNumber;
  readonly name: Uint8Array;
}

/** A name that is out of sight and not yet removed; whose thread hid it. */
interface Leaving extends Place {
  readonly who: Credentials;
  /** What libfuse calls it now. */
  readonly hidden: string;
}

/** How long the kernel believes a name, in ms, and some more: `entry_timeout` of libfuse. */
const believedMs = 2000;

const pattern = /^\.fuse_hidden[0-9a-f]{16}$/;

const keyOf = ({ directory, name }: Place): string => `${directory}/${Buffer.from(name).toString('latin1')}`;

/** Whether libfuse could have made the name. */
export const isHiddenName = (name: Uint8Array): boolean =>
  name.length === 28 && pattern.test(Buffer.from(name).toString('latin1'));

export class HiddenNames {
  private readonly inodes = new Map<string, InodeNumber>();
  private readonly leaving = new Map<object, Leaving>();
  /**
   * Hidden names that libfuse has done with, of files that kept their own, as the rename was refused; until when the
   * kernel may still come by them.
   */
  private readonly former = new Map<string, { readonly inode: InodeNumber; readonly until: number }>();
  private readonly kept = new Set<string>();

  constructor(private readonly filesystem: FileSystemApi) {}

  /** `place` becomes `hidden`, which only libfuse knows. `thread` may replace it in its next operation. */
  hide(thread: object, place: Place, hidden: Place, inode: InodeNumber, who: Credentials): void {
    this.remove(thread);
    this.filesystem.hold(inode);
    this.inodes.set(keyOf(hidden), inode);
    this.leaving.set(thread, { ...place, who, hidden: keyOf(hidden) });
  }

  find(place: Place): InodeNumber | undefined {
    if (this.inodes.size === 0 && this.former.size === 0) return undefined;
    const key = keyOf(place);
    return this.inodes.get(key) ?? this.former.get(key)?.inode;
  }

  /** libfuse has done with a hidden name. False: it is none. */
  drop(place: Place): boolean {
    const key = keyOf(place);
    const inode = this.inodes.get(key);
    if (inode === undefined) return false;
    this.inodes.delete(key);
    const now = performance.now();
    for (const [name, { until }] of this.former) if (until < now) this.former.delete(name);
    if (this.kept.delete(key)) this.former.set(key, { inode, until: now + believedMs });
    this.filesystem.letGo(inode, 1);
    return true;
  }

  isOutOfSight(place: Place): boolean {
    if (this.leaving.size === 0) return false;
    const key = keyOf(place);
    for (const other of this.leaving.values()) if (keyOf(other) === key) return true;
    return false;
  }

  /** Whether names are out of sight and not removed yet. */
  get hasLeaving(): boolean {
    return this.leaving.size > 0;
  }

  /** Whether files that libfuse can only find by their path are left in the directory. */
  isInUse(directory: InodeNumber): boolean {
    for (const key of this.inodes.keys()) if (key.startsWith(`${directory}/`)) return true;
    return false;
  }

  /** A rename of the thread has taken the `place` where it hid something, or was `refused`: nothing is to be removed. */
  renamed(thread: object, place: Place, refused: boolean): void {
    const own = this.leaving.get(thread);
    if (own === undefined || keyOf(own) !== keyOf(place)) return;
    this.leaving.delete(thread);
    if (refused) this.kept.add(own.hidden);
  }

  /**
   * Before a thread changes something at `changed`: what is out of sight there goes, and what the thread itself hid,
   * unless that is at `replaced`, where its rename will take its place.
   */
  beforeChange(thread: object, changed: Place, replaced?: Place): void {
    if (this.leaving.size === 0) return;
    const keys = [keyOf(changed), replaced === undefined ? undefined : keyOf(replaced)];
    for (const [other, place] of this.leaving) {
      const key = keyOf(place);
      const own = other === thread;
      if (own ? key !== keys[1] : keys.includes(key)) this.remove(other);
    }
  }

  /** Restartable: what was removed already is not there any more. */
  removeAll(): void {
    for (const thread of this.leaving.keys()) this.remove(thread);
  }

  private remove(thread: object): void {
    const place = this.leaving.get(thread);
    if (place === undefined) return;
    try {
      this.filesystem.unlink(place.directory, place.name, place.who);
    } catch (e) {
      if (!(e instanceof FsError) || e.code !== 'ENOENT') throw e;
    }
    this.leaving.delete(thread);
  }
}
