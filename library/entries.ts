/** The entries of a directory of an image, without itself and its parent. */
import type { FileSystemApi } from '../fs/posix/api.js';
import { checkName } from '../fs/posix/namespace/names.js';
import { run } from '../fs/suspend.js';
import type { InodeNumber } from '../fs/units.js';

export interface Entry {
  readonly name: Buffer;
  readonly child: InodeNumber;
}

/** Throws FsError and CorruptionError: an image may be of anybody's making, and a name of it lead elsewhere. */
export async function entriesOf(filesystem: FileSystemApi, directory: InodeNumber): Promise<Entry[]> {
  const entries: Entry[] = [];
  for (let cookie = 0, more = true; more; ) {
    more = false;
    await run(() =>
      filesystem.readdir(directory, cookie, (bytes, child, _type, next) => {
        const name = Buffer.from(bytes);
        checkName(name, 'readdir', directory);
        if (!isDots(name)) entries.push({ name, child });
        cookie = next;
        more = true;
        return true;
      }),
    );
  }
  return entries;
}

const isDots = (name: Buffer): boolean => name.length <= 2 && name.every((byte) => byte === 0x2e);
