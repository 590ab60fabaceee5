/**
 * Rolling back a mounted volume: it is unmounted, rolled back and mounted again with the options it had, as zfs(8) does it.
 * While programs have files open there it is refused, and `force` takes the mount away from them: what they still hold
 * then answers ENOTCONN, and never another file's bytes. To exchange the root below open files would leave programs
 * with half of what they know of the one and half of the other.
 *
 * If it can't be rolled back, it is mounted again as it was.
 */
import { execFile } from 'node:child_process';
import { realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { VolumeError } from '../errors.js';
import type { MountEntry } from '../fuse/mount-table.js';
import { ControlConnection } from './control-client.js';
import type { SnapshotFacts } from './snapshot-service.js';
import { type Ask, withSnapshots } from './snapshot-target.js';
import { mountOf } from './target.js';
import { umount } from './umount.js';

/** What the server tells of the mount. */
export interface MountedHow {
  /** As after -o. */
  readonly options: readonly string[];
  /** Snapshots and the like that are mounted beside it. */
  readonly views: number;
}

export interface RollbackChoices {
  readonly name: string;
  /** Name of a snapshot of the state before; null: none. */
  readonly keep: string | null;
  readonly force: boolean;
}

/** Throws VolumeError. */
export async function rollback(path: string, { name, keep, force }: RollbackChoices): Promise<void> {
  const roll = (image: string): Promise<unknown> =>
    withSnapshots(image, {}, (ask) => ask('snapshot-rollback', { name, keep }));
  const mount = mountOf(path);
  if (mount === undefined) {
    await roll(path);
    return;
  }
  // Its options name modules and files that this process would read.
  if ((mount.owner ?? 0) !== process.geteuid?.())
    throw new VolumeError('no-permission', `${mount.target} was mounted by somebody else: unmount it first`);
  const image = mount.source;
  const { options, views } = await asked(mount, async (ask) => {
    const list = (await ask('snapshot-list')) as SnapshotFacts[];
    const has = (one: string | null): boolean => list.some((snapshot) => snapshot.name === one);
    if (!has(name)) throw new VolumeError('not-found', `there is no snapshot ${name}`);
    if (has(keep)) throw new VolumeError('usage', `there is a snapshot ${keep} already`);
    return (await ask('mounted-how')) as MountedHow;
  });
  if (views > 0) throw new VolumeError('in-use', `snapshots of ${image} are mounted: unmount them first`);
  await umount(mount.target, { force });
  try {
    await roll(image);
  } finally {
    await promisify(execFile)(join(dirname(realpathSync(process.argv[1])), 'mount.varve'), [
      image,
      mount.target,
      ...(options.length === 0 ? [] : ['-o', options.join(',')]),
    ]);
  }
}

async function asked<T>(mount: MountEntry, use: (ask: Ask) => Promise<T>): Promise<T> {
  const server = await ControlConnection.of(mount);
  try {
    return await use((command, given) => server.ask(command, given));
  } finally {
    server.close();
  }
}
