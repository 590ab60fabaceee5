/**
 * All that a mount of a volume shows, by a number for each root: 0 is the live one, the highest is `.snapshots`, those
 * between are snapshots, which get theirs when they are first entered. Serves the drivers.
 *
 * Invariants
 * 1. A number means the same snapshot as long as that is there, and is then not given to another one soon: numbers
 *    follow the ids of snapshots, which only grow.
 * 2. The filesystem of a snapshot that was deleted is gone: whoever still refers to it gets ESTALE.
 */
import { type CorruptionError, FsError } from '../../errors.js';
import { type InodeNumber, rootInode } from '../../units.js';
import type { KeptRoot } from '../../volume/kept-roots.js';
import { SnapshotView } from '../../volume/snapshot-view.js';
import type { Volume } from '../../volume/volume.js';
import type { Attributes, FileSystemApi, VolumeStatistics } from '../api.js';
import { FileSystem } from '../filesystem.js';
import { isSnapshotsName } from '../namespace/names.js';
import { SnapshotDirectory, type SnapshotKeeper } from './snapshot-directory.js';

/** Numbers of roots have 16 bits. */
const directoryNumber = 0xffff;
const mostSnapshots = directoryNumber - 1;
/** Filesystems of snapshots that are kept although nobody refers to them. */
const mostIdle = 64;

export interface RootsOptions {
  readonly owner: { readonly uid: number; readonly gid: number };
  readonly onCorruption?: (error: CorruptionError) => void;
  /** Bring in what others hold for the volume (the kernel's dirty pages), before a snapshot is made. */
  pull?(): Promise<void>;
}

interface Entered {
  readonly root: KeptRoot;
  filesystem: FileSystem | undefined;
}

export class Roots implements SnapshotKeeper {
  private readonly directory: SnapshotDirectory;
  private readonly entered = new Map<number, Entered>();
  private readonly numbers = new Map<number, number>();

  constructor(
    private readonly volume: Volume,
    private readonly live: FileSystem,
    private readonly options: RootsOptions,
  ) {
    this.directory = new SnapshotDirectory(this, options.owner, directoryNumber, volume.now());
  }

  /** The filesystem of a root; undefined: there is none with that number. */
  filesystem(number: number): FileSystemApi | undefined {
    if (number === 0) return this.live;
    if (number === directoryNumber) return this.directory;
    const entered = this.entered.get(number);
    if (entered === undefined) return undefined;
    if (!this.volume.snapshots.has(entered.root.id)) {
      this.forget(number, entered);
      return undefined;
    }
    entered.filesystem ??= this.open(entered.root);
    return entered.filesystem;
  }

  /** What a name leads to that no directory holds: `.snapshots` in the live root directory. */
  hidden(number: number, parent: InodeNumber, name: Uint8Array): Attributes | undefined {
    if (number !== 0 || parent !== rootInode || !isSnapshotsName(name)) return undefined;
    return this.directory.getattr(rootInode);
  }

  list(): readonly KeptRoot[] {
    return this.volume.snapshots.list();
  }
  find(name: string): KeptRoot | undefined {
    return this.volume.snapshots.find(name);
  }
  async create(name: string): Promise<KeptRoot> {
    this.volume.mustBeWritable('snapshot');
    await this.options.pull?.();
    const made = await this.volume.snapshots.create(name);
    this.directory.changed(this.volume.now());
    return made;
  }
  async keep(name: string, seconds: number): Promise<KeptRoot> {
    const kept = await this.volume.snapshots.keep(name, seconds);
    this.directory.changed(this.volume.now());
    return kept;
  }
  async remove(name: string): Promise<void> {
    await this.volume.snapshots.remove(name);
    this.directory.changed(this.volume.now());
  }
  async rename(name: string, newName: string): Promise<void> {
    await this.volume.snapshots.rename(name, newName);
    this.directory.changed(this.volume.now());
  }
  statfs(): VolumeStatistics {
    return this.live.statfs();
  }

  enter(root: KeptRoot): Attributes {
    const number = this.numberOf(root);
    const filesystem = this.filesystem(number) as FileSystem;
    return { ...filesystem.getattr(rootInode), root: number };
  }

  private numberOf(root: KeptRoot): number {
    const known = this.numbers.get(root.id);
    if (known !== undefined) return known;
    if (this.entered.size === mostSnapshots) throw new FsError('ENOSPC', 'lookup', undefined, 'too many snapshots');
    let number = 1 + (root.id % mostSnapshots);
    while (this.entered.has(number)) number = 1 + (number % mostSnapshots);
    this.numbers.set(root.id, number);
    this.entered.set(number, { root, filesystem: undefined });
    this.forgetIdle();
    return number;
  }

  private open(root: KeptRoot): FileSystem {
    const { onCorruption } = this.options;
    return new FileSystem(new SnapshotView(this.volume, root), {
      accessTimes: 'noatime',
      cacheBytes: 1,
      cachedInodes: 1024,
      ...(onCorruption === undefined ? {} : { onCorruption }),
    });
  }

  /** Now and then: filesystems that nobody uses, and numbers of snapshots that are gone. */
  private forgetIdle(): void {
    if (this.entered.size % mostIdle !== 0) return;
    for (const [number, entered] of this.entered) {
      if (!this.volume.snapshots.has(entered.root.id)) this.forget(number, entered);
      else if (entered.filesystem?.unused) entered.filesystem = undefined;
    }
  }

  private forget(number: number, { root }: Entered): void {
    this.entered.delete(number);
    this.numbers.delete(root.id);
  }
}
