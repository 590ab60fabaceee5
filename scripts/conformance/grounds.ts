/**
 * The filesystems on which the tables run: Varve in each way of serving it, and ext4 on a loop device, which checks the
 * tables themselves. What a ground goes without, it goes without for a reason that is written here.
 */
import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../trial/command.js';
import type { Workspace } from '../trial/workspace.js';
import type { Feature } from './ground.js';

/** Reads of cached pages never reach a FUSE server; cached writes reach it when write(2) has returned. */
const ofFuse: readonly Feature[] = ['atime-of-cached', 'limits-when-written'];
/** What libfuse 2 has no callback for, or hides. */
const ofLibfuse: readonly Feature[] = [
  'copy',
  // Without default_permissions the kernel asks nobody about a last component that is a dot.
  'dot-searched',
  'fallocate',
  'handles',
  'inode-flags',
  'nanoseconds',
  'one-time',
  'removed-places',
  'rename-flags',
  'seek',
  'tmpfile',
  // The kernel applies the umask before anybody can see a default ACL.
  'umask-apart',
  'whiteout',
];

export interface Place {
  readonly name: string;
  /** Of the mount, where it is one of Varve. */
  readonly options?: string;
  readonly without: readonly Feature[];
  /** Make and mount it; resolves with the directory, and how to check and unmount it. */
  open(workspace: Workspace): Promise<{ readonly directory: string; close(): Promise<void> }>;
}

const varve = (name: string, options: string, without: readonly Feature[]): Place => ({
  name,
  options,
  without,
  async open(workspace) {
    const volume = workspace.volume(name.replaceAll(/\W/g, '-'));
    await volume.format('512M');
    await volume.mount([options]);
    return {
      directory: volume.directory,
      async close() {
        await volume.unmount();
        const { status, stdout } = await volume.fsck('-f');
        if (status !== 0) throw new Error(`fsck after the tables: exit ${status}\n${stdout}`);
      },
    };
  },
});

export const ext4: Place = {
  name: 'ext4',
  // Without another layout ext4 keeps 4 KiB of attributes.
  without: ['large-xattrs'],
  async open(workspace) {
    const [image, directory] = [join(workspace.path, 'ext4.img'), join(workspace.path, 'ext4')];
    writeFileSync(image, '');
    truncateSync(image, 2 ** 29);
    mkdirSync(directory);
    await run('mkfs.ext4', ['-q', '-I', '512', image]);
    await run('mount', ['-o', 'loop', image, directory]);
    return { directory, close: async () => void (await run('umount', [directory])) };
  },
};

/** Varve with a driver. */
export const varveOn = (driver: string): Place =>
  varve(`varve, driver=${driver}`, `driver=${driver}`, driver === 'native' ? [...ofFuse, ...ofLibfuse] : ofFuse);

export const places: readonly Place[] = [
  ext4,
  varve('varve', 'rw', ofFuse),
  varve('varve, journal=data', 'journal=data', ['atime-of-cached']),
  varveOn('native'),
];
