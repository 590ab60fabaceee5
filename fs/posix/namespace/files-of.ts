/** The regular files of a directory in the orders in which programs go through them. Serves read-ahead (read-ahead.ts). */
import { itemKind } from '../../format/item.js';
import { run } from '../../suspend.js';
import type { InodeNumber } from '../../units.js';
import type { Context } from '../inode/context.js';
import { fileType, direntType as typeOf } from '../inode/mode.js';
import { direntInode, direntName, direntType } from './dirents.js';

/** Larger directories are left alone: their names would have to be kept and sorted. */
const mostEntries = 32768;
/** Entries between which requests are served. */
const atOnce = 1024;

/** By name (bytes), as listed, by inode number. Undefined: too many. May reject with FsError, CorruptionError. */
export async function filesOf(context: Context, directory: InodeNumber): Promise<readonly Float64Array[] | undefined> {
  const listed: number[] = [];
  const names: string[] = [];
  let from = 0;
  let all = 0;
  const step = (): boolean => {
    const items = context.volume.seek(directory, itemKind.dirent, from);
    for (let i = 0; i < atOnce; i++, items.next()) {
      if (!items.valid || items.inode !== directory || items.kind !== itemKind.dirent) return false;
      const { value, offset } = items;
      if (offset < from) return false;
      from = offset + 1;
      all++;
      if (direntType(value) !== typeOf(fileType.regular)) continue;
      const name = direntName(value);
      listed.push(direntInode(value));
      names.push(Buffer.from(name.buffer, name.byteOffset, name.length).toString('latin1'));
    }
    return true;
  };
  while (await run(step)) {
    if (all > mostEntries) return undefined;
    await context.breathe();
  }
  const places = [...listed.keys()].sort((a, b) => (names[a] < names[b] ? -1 : 1));
  const asListed = Float64Array.from(listed);
  return [Float64Array.from(places, (place) => listed[place]), asListed, asListed.slice().sort()];
}
