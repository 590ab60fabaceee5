/** What commands about snapshots and quotas talk to: the server of a mount, or an image that they open themselves. */
import { FsError, VolumeError } from '../errors.js';
import { syncKernel } from '../fuse/unmount.js';
import { openStore } from '../store/open.js';
import { Volume } from '../volume/volume.js';
import type { CommandHandler } from './control.js';
import { ControlConnection } from './control-client.js';
import { refusalOf } from './refusal.js';
import { snapshotCommands } from './snapshot-service.js';
import { mountOf } from './target.js';
import { unlockStore } from './unlock.js';

/** The argument that names it: as commander wants it. */
export type Where = readonly [string, string];

export type Ask = (command: string, given?: Readonly<Record<string, unknown>>) => Promise<unknown>;

interface TargetOptions {
  readonly readOnly?: boolean;
  /** The kernel's dirty pages are to be in it; `tried`: as far as they can be written. */
  readonly sync?: boolean | 'tried';
}

/** What the server of a mount answers, done here with the volume of an image. */
type Commands = (volume: Volume) => Readonly<Record<string, CommandHandler>>;

/** Ask the server of a mount, or open the image for as long as `use` takes. Throws VolumeError. */
export const withSnapshots = <T>(path: string, options: TargetOptions, use: (ask: Ask) => Promise<T>): Promise<T> =>
  withVolume(path, options, snapshotCommands, use);

/** The same for other commands. */
export async function withVolume<T>(
  path: string,
  options: TargetOptions,
  commandsOf: Commands,
  use: (ask: Ask) => Promise<T>,
): Promise<T> {
  const mount = mountOf(path);
  if (mount === undefined) return withImage(path, options, commandsOf, use);
  const server = await ControlConnection.of(mount);
  try {
    if (options.sync) await syncKernel(mount.target).catch((e: unknown) => mustBe(options.sync === 'tried', e));
    return await use((command, given) => server.ask(command, given));
  } finally {
    server.close();
  }
}

function mustBe(tolerated: boolean, error: unknown): void {
  if (!tolerated) throw error;
}

function withImage<T>(
  path: string,
  options: TargetOptions,
  commandsOf: Commands,
  use: (ask: Ask) => Promise<T>,
): Promise<T> {
  return withOpenImage(path, options.readOnly === true, (volume) => {
    const commands = commandsOf(volume);
    return use(async (command, given = {}) => commands[command](given));
  });
}

/** Open an image that nobody serves, for as long as `use` takes. Throws VolumeError. */
export async function withOpenImage<T>(
  path: string,
  readOnly: boolean,
  use: (volume: Volume) => Promise<T>,
): Promise<T> {
  const store = await openStore(path, { readOnly });
  try {
    await unlockStore(store);
    const volume = await Volume.open(store, { readOnly });
    try {
      const result = await use(volume);
      // What deleted snapshots held is given back before the image is: nobody else is there to do it.
      await volume.leaving.idle;
      return result;
    } finally {
      await volume.close();
    }
  } catch (e) {
    if (!(e instanceof FsError) || e.code === 'EUCLEAN') throw e;
    const { error, problem } = refusalOf(e);
    throw new VolumeError(problem, error);
  } finally {
    await store.close();
  }
}
