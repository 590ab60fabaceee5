/**
 * A volume in an image, opened by this process. It is locked while it is open: a mount, or another program that wants
 * to write, hears that it is in use.
 */

import { parseSize } from '../fs/cli/size.js';
import { unlockStore } from '../fs/cli/unlock.js';
import { VolumeError } from '../fs/errors.js';
import { FileSystem } from '../fs/posix/filesystem.js';
import { openImageFile } from '../fs/store/image-file.js';
import type { Store } from '../fs/store/store.js';
import { type PathDifference, pathDifferences } from '../fs/transfer/path-difference.js';
import { Registry } from '../fs/transform/registry.js';
import type { Transform } from '../fs/transform/transform.js';
import type { VolumeApi } from '../fs/volume/api.js';
import { SnapshotView } from '../fs/volume/snapshot-view.js';
import { Volume } from '../fs/volume/volume.js';
import { mkfs } from '../mkfs/main.js';
import { readOptions } from '../mkfs/options.js';
import { Files } from './files.js';

/** How an image is opened. */
export interface ImageOptions {
  /** Nothing is written, not even the journal of a crash: it is replayed in memory. */
  readonly readOnly?: boolean;
  /** The files of a snapshot instead of the live ones; goes with `readOnly`. */
  readonly snapshot?: string;
  /** Modules that are not built in, for units that they made. */
  readonly transforms?: readonly Transform[];
  /** Opens an encrypted volume; without it a credential of systemd does, or a person at the terminal is asked. */
  readonly keyFile?: string;
  /** Memory for pages and nodes, in bytes. */
  readonly cacheBytes?: number;
}

/** What a new volume has. */
export interface FormatOptions {
  readonly label?: string;
  /** As `lz4` or `zstd:3`. */
  readonly compress?: string;
  /** Over whatever the file holds. */
  readonly force?: boolean;
}

/** A volume in an image file or on a block device, open and locked. */
export class Image {
  /** Its files, by path. */
  readonly files: Files;

  private constructor(
    private readonly store: Store,
    /** The layer below the files: items by key, snapshots, space. */
    readonly volume: Volume,
    /** The layer below the paths: files by inode; its calls go through `run`. */
    readonly filesystem: FileSystem,
  ) {
    this.files = new Files(filesystem);
  }

  /** Throws VolumeError: what is there is no volume, is damaged, in use, not ours to read, or has no such snapshot. */
  static async open(path: string, options: ImageOptions = {}): Promise<Image> {
    const { readOnly = false, snapshot, keyFile, cacheBytes } = options;
    if (snapshot !== undefined && !readOnly) throw new VolumeError('usage', 'a snapshot is opened with readOnly');
    const store = await openImageFile(path, { readOnly });
    let opened: Volume | undefined;
    try {
      await (keyFile === undefined ? unlockStore(store) : unlockStore(store, { keyFile }));
      const volume = await Volume.open(store, {
        readOnly,
        registry: new Registry(options.transforms ?? []),
        ...(cacheBytes === undefined ? {} : { cacheBytes: cacheBytes / 2 }),
      });
      opened = volume;
      const filesystem = new FileSystem(shown(volume, snapshot), {
        ...(cacheBytes === undefined ? {} : { cacheBytes: cacheBytes / 2 }),
      });
      await filesystem.recover();
      return new Image(store, volume, filesystem);
    } catch (e) {
      // It works by itself: after the store it would write to whatever has its descriptor then.
      await opened?.abandon().catch(() => undefined);
      await store.close();
      throw e;
    }
  }

  /** Make a volume, as mkfs.varve does. `size`: in bytes, or as `1G`. Throws VolumeError. */
  static async format(path: string, size: number | string, options: FormatOptions = {}): Promise<void> {
    const bytes = typeof size === 'string' ? parseSize(size) : size;
    await mkfs(path, await readOptions({ ...options, size: String(bytes) }));
  }

  /** Make all that was written durable. */
  sync(): Promise<void> {
    return this.filesystem.sync();
  }

  /** Keep the files as they are now under a name, read-only. */
  async snapshot(name: string): Promise<void> {
    await this.volume.snapshots.create(name);
  }

  /** What differs between two snapshots, by path, as `varve diff` tells it. Throws VolumeError 'not-found'. */
  async diff(from: string, to: string): Promise<PathDifference[]> {
    const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
    return pathDifferences(snapshotOf(this.volume, from), snapshotOf(this.volume, to), nextTurn);
  }

  /** Write what is left, leave the image clean, and release it: also when it rejects, as what is left could not be written. */
  async close(): Promise<void> {
    try {
      await this.filesystem.close();
    } finally {
      try {
        await this.volume.close();
      } finally {
        await this.store.close();
      }
    }
  }

  /** Close it at the end of `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

const shown = (volume: Volume, snapshot: string | undefined): VolumeApi =>
  snapshot === undefined ? volume : snapshotOf(volume, snapshot);

function snapshotOf(volume: Volume, name: string): SnapshotView {
  const root = volume.snapshots.find(name);
  if (root === undefined) throw new VolumeError('not-found', `there is no snapshot '${name}'`);
  return new SnapshotView(volume, root);
}
