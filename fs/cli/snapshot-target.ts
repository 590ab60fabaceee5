/** What a command about snapshots talks to: the server of a mount, or an image that it opens itself. */
import { FsError, VolumeError } from '../errors.js';
import { syncKernel } from '../fuse/unmount.js';
import { openStore } from '../store/open.js';
import { Volume } from '../volume/volume.js';
import { ControlConnection } from './control-client.js';
import { snapshotCommands } from './snapshot-service.js';
import { mountOf } from './target.js';
import { unlockStore } from './unlock.js';

/** The argument that names it: as commander wants it. */
export type Where = readonly [string, string];

export type Ask = (command: string, given?: Readonly<Record<string, unknown>>) => Promise<unknown>;

interface TargetOptions {
  readonly readOnly?: boolean;
  /** The kernel's dirty pages are to be in it. */
  readonly sync?: boolean;
}

/** Ask the server of a mount, or open the image for as long as `use` takes. Throws VolumeError. */
export async function withSnapshots<T>(
  path: string,
  options: TargetOptions,
  use: (ask: Ask) => Promise<T>,
): Promise<T> {
  const mount = mountOf(path);
  if (mount === undefined) return withImage(path, options, use);
  const server = await ControlConnection.open(mount.device);
  if (server === undefined) throw new VolumeError('io', `no server answers for ${mount.target}`);
  try {
    if (options.sync) await syncKernel(mount.target);
    return await use((command, given) => server.ask(command, given));
  } finally {
    server.close();
  }
}

async function withImage<T>(path: string, options: TargetOptions, use: (ask: Ask) => Promise<T>): Promise<T> {
  const readOnly = options.readOnly === true;
  const store = await openStore(path, { readOnly });
  try {
    await unlockStore(store);
    const volume = await Volume.open(store, { readOnly });
    const commands = snapshotCommands(volume);
    try {
      const result = await use(async (command, given = {}) => commands[command](given));
      // What deleted snapshots held is given back before the image is: nobody else is there to do it.
      await volume.leaving.idle;
      return result;
    } finally {
      await volume.close();
    }
  } catch (e) {
    if (e instanceof FsError && e.code !== 'EUCLEAN') throw new VolumeError('io', e.message);
    throw e;
  } finally {
    await store.close();
  }
}
