/**
 * `varve umount`: unmounts and returns when the image is released. umount(8) returns earlier: the server then
 * still writes its last checkpoint.
 *
 * A server that died leaves a mount that answers ENOTCONN to everything: `--force` takes it away.
 */
import { lstatSync, realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { errno, FsError, VolumeError } from '../errors.js';
import { type MountEntry, mountAt, mountType } from '../fuse/mount-table.js';
import { syncKernel, unmountKernel } from '../fuse/unmount.js';
import { type AddCommand, withExamples } from './command.js';
import { ControlConnection } from './control-client.js';

export interface UmountOptions {
  /** Take the mount away even if it is in use or its server is dead. */
  readonly force?: boolean;
}

/** Throws VolumeError: nothing is mounted there, it is in use, or the last commit failed. */
export async function umount(directory: string, options: UmountOptions = {}): Promise<void> {
  const mount = varveMountAt(directory);
  const server = await ControlConnection.open(mount.device);
  if (server === undefined && !options.force) {
    throw new VolumeError('io', `no server answers for ${mount.target}; if it died, take the mount away with --force`);
  }
  // Before it is unmounted: then its device's number may be that of another mount, whose server would be asked.
  const aborting = options.force && server !== undefined ? await ControlConnection.open(mount.device) : undefined;
  try {
    const end = server?.ask('umount-wait');
    end?.catch(() => undefined);
    if (options.force && server !== undefined) await syncIfAllowed(mount.target);
    await unmount(mount, options);
    // Whoever still uses it gets ENOTCONN from here on. Without users it may have ended by now.
    await aborting?.ask('abort').catch(() => undefined);
    await end;
    await server?.ended;
  } finally {
    server?.close();
    aborting?.close();
  }
}

/** Into another user's mount even root may not look. Its own dirty pages the kernel writes at the unmount. */
async function syncIfAllowed(target: string): Promise<void> {
  try {
    await syncKernel(target);
  } catch (e) {
    if ((e as NodeJS.ErrnoException).code !== 'EACCES') throw e;
  }
}

async function unmount(mount: MountEntry, { force = false }: UmountOptions): Promise<void> {
  try {
    await unmountKernel(mount.target, force);
  } catch (e) {
    if (e instanceof FsError && e.errno === errno.EBUSY) throw new VolumeError('in-use', `${mount.target} is in use`);
    if (e instanceof FsError && e.errno === errno.EPERM)
      throw new VolumeError('no-permission', 'only root and who mounted it can unmount');
    throw e;
  }
}

/** The mount at a directory, found without asking it: it may be dead. Throws VolumeError. */
export function varveMountAt(directory: string): MountEntry {
  const mount = mountAt(absolute(directory));
  if (mount?.type !== mountType) throw new VolumeError('usage', `no Varve volume is mounted on ${directory}`);
  return mount;
}

/** Like realpath, but what stands last is not looked at unless it is a link. */
function absolute(path: string): string {
  const plain = resolve(path);
  try {
    const whole = join(realpathSync(dirname(plain)), basename(plain));
    if (mountAt(whole) !== undefined || !lstatSync(whole).isSymbolicLink()) return whole;
    return realpathSync(whole);
  } catch (e) {
    if ((e as NodeJS.ErrnoException).code === 'ENOENT') throw new VolumeError('not-found', `${path} does not exist`);
    throw e;
  }
}

export const addUmount: AddCommand = (program) => {
  withExamples(program.command('umount'), [
    ['varve umount /mnt/v', 'return when the image may be copied'],
    ['varve umount --force /mnt/v', 'clear away the mount of a server that died'],
  ])
    .description('unmount a volume and wait until its image is clean and released')
    .argument('<directory>', 'where it is mounted')
    .option('--force', 'also when it is in use (its users get errors) or when its server died')
    .action((directory: string, options: UmountOptions) => umount(directory, options));
};
