/**
 * Read-ahead from file to file: whoever lists a directory and reads its files one after another (tar, rsync, grep, cp, a
 * backup) finds the next ones in the host's memory. The kernel's read-ahead ends with the file, and the host's knows of
 * what follows in the image only: in a volume that has grown old, that is another directory's.
 *
 * It promises nothing and changes nothing: the host is asked to begin reading, and nodes of the tree come to memory on the
 * way. What fails is left to the read that meets it.
 *
 * A directory counts once it was listed to its end. Its files are looked up when the first is read; when the second is,
 * the order is known, and read-ahead begins. Who went through one directory in an order goes through the next in the same:
 * there it begins with the listing.
 */
import { CorruptionError, FsError } from '../../errors.js';
import { run, Suspend } from '../../suspend.js';
import { type Address, type InodeNumber, pageSize } from '../../units.js';
import type { Context } from '../inode/context.js';
import { ExtentCursor } from '../inode/extent-map.js';
import { extentStoredPages } from '../inode/extent-value.js';
import type { Inode } from '../inode/inode.js';
import { allOrders, type Part, type PartSizes, partsOf, usualParts } from './files-of.js';
import { Walk } from './walk.js';

/** Directories that were listed last and whose files may be read. */
const mostDirectories = 16;
/** Of a file; behind that the kernel's own read-ahead is under way. */
const mostPages = 256;
/** Files whose nodes of the tree are fetched at the same time. */
const together = 8;
/** A file of which nothing is in memory yet counts as so many bytes under way. */
const unknownBytes = 1 << 17;

/** Since the mount. */
export interface AskedAhead {
  readonly files: number;
  readonly bytes: number;
}

/** A directory that was listed: nobody has read there yet, its files are looked up, or known. */
interface Listed {
  readonly directory: InodeNumber;
  walk: Walk | undefined;
  /** In each order, behind which entry the next part begins; undefined: there is none, or it is being looked up. */
  ends: Part['last'][];
  loading: boolean;
  asking: boolean;
  /** The file that was read last. */
  last: InodeNumber;
}

export class ReadAhead {
  private readonly directories = new Map<InodeNumber, Listed>();
  /** The order of the reader who was last seen to follow one; -1: none. */
  private habit = -1;
  /** How many files of a directory are looked up at once. */
  sizes: PartSizes = usualParts;
  private readonly working = new Set<Promise<void>>();
  private stopped = false;
  private files = 0;
  private bytes = 0;

  constructor(private readonly context: Context) {}

  get asked(): AskedAhead {
    return { files: this.files, bytes: this.bytes };
  }

  /** A listing of the directory has come to its end. */
  listed(directory: InodeNumber): void {
    if (this.stopped) return;
    const listed: Listed = { directory, walk: undefined, ends: [], loading: false, asking: false, last: 0 };
    this.directories.delete(directory);
    this.directories.set(directory, listed);
    if (this.directories.size > mostDirectories) {
      const [oldest] = this.directories.keys();
      this.directories.delete(oldest);
    }
    if (this.habit >= 0) this.inBackground(this.begin(listed));
  }

  /** The file is read from its beginning. */
  began(inode: Inode): void {
    const directory = inode.foundIn;
    const listed = this.directories.get(directory);
    if (listed === undefined) return;
    if (listed.last === 0) {
      // Where it is read is where the next listing must not push it out.
      this.directories.delete(directory);
      this.directories.set(directory, listed);
    }
    listed.last = inode.number;
    const { walk } = listed;
    if (walk === undefined) this.inBackground(this.begin(listed));
    else if (walk.reached(inode.number)) {
      if (walk.hits > 0) this.habit = walk.order;
      this.inBackground(this.ask(listed, walk));
      if (walk.runsOut && listed.ends[walk.order] !== undefined) this.inBackground(this.goOn(listed, walk));
    } else this.directories.delete(directory);
  }

  /** Nothing is asked for any more; resolves when nothing is under way. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.directories.clear();
    await Promise.all(this.working);
  }

  /** What fails here fails again where it matters. */
  private inBackground(work: Promise<void>): void {
    const ended = work
      .catch(() => undefined)
      .finally(() => {
        this.working.delete(ended);
      });
    this.working.add(ended);
  }

  private async begin(listed: Listed): Promise<void> {
    if (listed.loading) return;
    listed.loading = true;
    const parts = await partsOf(this.context, listed.directory, this.sizes, allOrders);
    if (this.directories.get(listed.directory) !== listed) return;
    if (parts === undefined) {
      this.directories.delete(listed.directory);
      return;
    }
    const walk = new Walk(parts.map(({ files }) => files));
    listed.walk = walk;
    listed.ends = parts.map(({ last }) => last);
    if (this.habit >= 0) walk.assume(this.habit);
    if (listed.last !== 0) walk.reached(listed.last);
    // Who only looks at names and attributes has no habit of reading.
    else if (parts[0].files.length > 0) this.habit = -1;
    await this.ask(listed, walk);
  }

  /** Look up the next part of a large directory, in the order in which somebody goes through it. */
  private async goOn(listed: Listed, walk: Walk): Promise<void> {
    const { order } = walk;
    const after = listed.ends[order];
    listed.ends[order] = undefined;
    const [part] = (await partsOf(this.context, listed.directory, this.sizes, [order], after)) ?? [];
    if (part === undefined || this.directories.get(listed.directory) !== listed || walk.order !== order) return;
    walk.goOn(part.files);
    listed.ends[order] = part.last;
    await this.ask(listed, walk);
  }

  /** Ask for what comes next, until enough is under way. */
  private async ask(listed: Listed, walk: Walk): Promise<void> {
    if (listed.asking) return;
    listed.asking = true;
    try {
      while (!this.stopped && (await this.askSome(walk)));
    } finally {
      listed.asking = false;
    }
  }

  /** False: there is nothing more to ask for. */
  private async askSome(walk: Walk): Promise<boolean> {
    const waits: Promise<unknown>[] = [];
    for (let next = walk.upcoming(); next !== undefined && waits.length < together; next = walk.upcoming()) {
      const file = next;
      try {
        walk.asked(this.expect(file));
      } catch (e) {
        walk.asked(unknownBytes);
        if (e instanceof Suspend) waits.push(e.until.then(() => run(() => this.expect(file))));
        else if (!(e instanceof FsError || e instanceof CorruptionError)) throw e;
      }
    }
    await Promise.allSettled(waits);
    return waits.length > 0;
  }

  /** Have the host begin to read the file; returns of how many bytes. Throws Suspend, FsError, CorruptionError. */
  private expect(file: InodeNumber): number {
    const { volume } = this.context;
    const runs: { readonly address: Address; pages: number }[] = [];
    const cursor = new ExtentCursor(volume, file);
    for (let more = cursor.find(0); more && cursor.first < mostPages; more = cursor.next()) {
      if (cursor.address === 0) continue;
      const pages = cursor.transform === 0 ? cursor.end - cursor.first : extentStoredPages(cursor.value);
      const last = runs.at(-1);
      const goesOn = last !== undefined && cursor.address === last.address + last.pages;
      if (goesOn && cursor.address % volume.mostPages !== 0) last.pages += pages;
      else runs.push({ address: cursor.address, pages });
    }
    let all = 0;
    for (const { address, pages } of runs) {
      volume.expect(address, pages);
      all += pages;
    }
    this.files++;
    this.bytes += all * pageSize;
    return all * pageSize;
  }
}
