/**
 * Views: a snapshot, a moment of the history or another branch, mounted read-only at a place of its own while the volume
 * is in use. They are served by the server of the volume, as one process at a time may have an image: a second
 * mount.varve asks it over the control socket, and the server opens /dev/fuse once more. All sessions share one event
 * loop, one volume and one cache of nodes.
 *
 * The server lives until the last of its mounts is gone, whichever that is.
 */
import { VolumeError } from '../errors.js';
import type { Mounted } from '../fuse/driver.js';
import { kernelDriver } from '../fuse/kernel/driver.js';
import { mounts, mountType } from '../fuse/mount-table.js';
import { FileSystem } from '../posix/filesystem.js';
import type { KeptRoot } from '../volume/kept-roots.js';
import { SnapshotView } from '../volume/snapshot-view.js';
import type { Volume } from '../volume/volume.js';
import { Control } from './control.js';
import { ControlConnection } from './control-client.js';
import { ownControlPath } from './control-path.js';
import type { Place } from './mount.js';
import { type MountArguments, type MountChoices, parseMountOptions } from './mount-options.js';

/** Memory for pages of files, a view. */
const cacheBytes = 16 * 2 ** 20;

export interface ViewHost {
  readonly image: string;
  readonly volume: Volume;
  /** Settles when the image is released. */
  readonly released: Promise<void>;
  log(line: string): void;
  /** Answer on the control socket of a view what does not depend on which mount is asked. */
  answer(control: Control, mounted: Mounted): void;
}

/** The kept root that options name; undefined: they name the live one. Throws VolumeError. */
export function namedRoot(
  volume: Volume,
  choices: Pick<MountChoices, 'snapshot' | 'at' | 'branch'>,
): KeptRoot | undefined {
  const { snapshots, lines, history } = volume;
  const { snapshot, at, branch = '' } = choices;
  if (at !== undefined) {
    const past = history.at(at);
    if (past === undefined) throw new VolumeError('not-found', history.unknown(at));
    return past;
  }
  if (snapshot === undefined && branch === lines.live) return undefined;
  const root = snapshot === undefined ? lines.find(branch) : snapshots.find(snapshot);
  if (root !== undefined) return root;
  const kind = snapshot === undefined ? 'branch' : 'snapshot';
  throw new VolumeError('not-found', `there is no ${kind} '${snapshot ?? branch}'`);
}

export class Views {
  private readonly mounted = new Map<Mounted, Promise<void>>();
  private ended = false;
  private liveIsGone = false;
  /** Of the mount that went last. */
  private last: Control | undefined;

  constructor(private readonly host: ViewHost) {}

  /** From now on whoever unmounts the last view waits for the image. */
  liveHasGone(): void {
    this.liveIsGone = true;
  }

  /** Resolves when no view is mounted; from then on none is: the volume is about to be closed. */
  async gone(): Promise<void> {
    while (this.mounted.size > 0) await Promise.all(this.mounted.values());
    this.ended = true;
  }

  /** The image is released: lets who waited for that be told. */
  async end(): Promise<void> {
    await this.last?.end();
  }

  get any(): boolean {
    return this.mounted.size > 0;
  }

  /** All that are mounted now. */
  list(): Mounted[] {
    return [...this.mounted.keys()];
  }

  /** Answer `mount-view` (`target`; `options` as after -o): its device number, or null if another process may serve it. */
  answer(control: Control): void {
    control.on('mount-view', ({ target, options }) => {
      if (typeof target !== 'string' || !Array.isArray(options))
        throw new VolumeError('usage', 'mount-view: what where?');
      return this.mount(target, parseMountOptions(options.map(String)));
    });
  }

  private async mount(target: string, choices: MountChoices): Promise<string | undefined> {
    const { image, volume, log } = this.host;
    if (volume.readOnly || this.ended) return undefined;
    if (choices.driver !== 'kernel') throw new VolumeError('usage', 'driver=native serves one mount of an image');
    const root = namedRoot(volume, choices);
    if (root === undefined) throw new VolumeError('in-use', `${image} is mounted already`);
    // To look for it there, the kernel would ask this very thread while it waits for the kernel.
    if (this.serves(target)) throw new VolumeError('usage', `${target} lies on a mount of the same volume`);
    const filesystem = new FileSystem(new SnapshotView(volume, root), {
      accessTimes: 'noatime',
      cacheBytes: choices.cacheBytes ?? cacheBytes,
      onCorruption: (error) => log(error.message),
    });
    const mounted = kernelDriver.mount(target, {
      source: image,
      readOnly: true,
      writeThrough: true,
      general: [...choices.general],
      allowOther: choices.allowOther,
      posixAcl: choices.acl,
      log,
    });
    volume.history.watch(root.id);
    const served = mounted.serve({
      filesystem: (rootId) => (rootId === 0 ? filesystem : undefined),
      nearLimit: () => false,
    });
    const control = new Control(ownControlPath(mounted.device));
    const ended = served.then(async () => {
      volume.history.unwatch(root.id);
      this.mounted.delete(mounted);
      if (this.liveIsGone && this.mounted.size === 0) this.last = control;
      else await control.end();
    });
    this.mounted.set(mounted, ended);
    this.host.answer(control, mounted);
    control.on('umount-wait', async () => {
      await served;
      if (this.last === control) await this.host.released;
    });
    try {
      await mounted.ready();
      await control.listen();
    } catch (e) {
      await mounted.unmount(true);
      await ended;
      throw e;
    }
    return mounted.device;
  }

  private serves(target: string): boolean {
    return mounts().some(
      (entry) =>
        entry.type === mountType && entry.source === this.host.image && `${target}/`.startsWith(`${entry.target}/`),
    );
  }
}

/**
 * Ask a running server of the image for what the arguments name. Resolves with the device number of the new mount;
 * undefined: nobody serves the image, or read-only itself, so that another process may do it. Throws VolumeError.
 */
export async function askForView({ choices, options }: MountArguments, place: Place): Promise<string | undefined> {
  const { snapshot, at, branch } = choices;
  if (!choices.readOnly) return undefined;
  const all = mounts().filter((entry) => entry.type === mountType && entry.source === place.image);
  const served = all.find(({ readOnly }) => !readOnly) ?? all.at(0);
  if (served === undefined) return undefined;
  if ((snapshot ?? at ?? branch) === undefined) {
    if (served.readOnly) return undefined;
    throw new VolumeError('in-use', `${place.image} is mounted on ${served.target}`);
  }
  const server = await ControlConnection.open(served.device);
  if (server === undefined)
    throw new VolumeError('in-use', `${place.image} is mounted on ${served.target}: no server answers`);
  try {
    return ((await server.ask('mount-view', { target: place.target, options })) as string | null) ?? undefined;
  } finally {
    server.close();
  }
}

/** Until a view that another process serves is unmounted. */
export async function waitForEnd(device: string): Promise<void> {
  const server = await ControlConnection.open(device);
  await server?.ask('umount-wait');
  server?.close();
}
