/** The server's side of `varve frag`: one report at a time, made in small steps beside the requests. */
import { FsError, VolumeError } from '../errors.js';
import type { FileSystemApi } from '../posix/api.js';
import { fragmentation } from '../report/fragmentation.js';
import { run } from '../suspend.js';
import { type InodeNumber, rootInode } from '../units.js';
import type { Volume } from '../volume/volume.js';
import type { Control } from './control.js';

/** Answer `frag` (`path`: from the root of the volume). What is dirty gets its place first. */
export function answerFrag(control: Control, volume: Volume, filesystem: FileSystemApi): void {
  let running = false;
  control.on('frag', async ({ path }) => {
    if (running) throw new VolumeError('in-use', 'a report is being made already');
    running = true;
    try {
      if (!volume.readOnly && volume.failure === undefined) await volume.commit();
      return await fragmentation(volume, { part: await inodeAt(filesystem, typeof path === 'string' ? path : '/') });
    } catch (e) {
      if (e instanceof FsError && e.code === 'ENOENT')
        throw new VolumeError('not-found', `${path}: no such file or directory`);
      throw e;
    } finally {
      running = false;
    }
  });
}

/** The inode at a path from the root, symbolic links not followed. Throws FsError ENOENT, ENOTDIR. */
export async function inodeAt(
  filesystem: FileSystemApi,
  path: string,
): Promise<{ readonly inode: InodeNumber; readonly path: string }> {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  let inode = rootInode;
  for (const part of parts) inode = (await run(() => filesystem.lookup(inode, Buffer.from(part)))).inode;
  return { inode, path: `/${parts.join('/')}` };
}
