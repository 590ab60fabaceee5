/**
 * Reading a directory, in the order of the hashes of its names. A cookie is an entry's offset + 3 (1 and 2 are `.`
 * and `..`), so that it stays right while other entries come and go. Restartable: it emits from the cookie again.
 */
import { CorruptionError } from '../../errors.js';
import { itemKind } from '../../format/item.js';
import type { InodeNumber } from '../../units.js';
import { type EmitEntry, firstElsewhere } from '../api.js';
import { accessed } from '../inode/attributes.js';
import type { Context } from '../inode/context.js';
import { fileType, direntType as typeOf } from '../inode/mode.js';
import { direntInode, direntName, direntType } from './dirents.js';
import { directoryOf } from './lookup.js';
import { snapshotsName } from './names.js';

const dot = Uint8Array.of(0x2e);
const dotDot = Uint8Array.of(0x2e, 0x2e);
/** Cookie of the entry at offset 0. */
const firstCookie = 3;
/** Cookie of `.snapshots`, which is in no directory: after all others. */
const lastCookie = 2 ** 54;

/** True: there is no entry behind those that were emitted. */
export function readdir(context: Context, number: InodeNumber, cookie: number, emit: EmitEntry): boolean {
  const directory = directoryOf(context, number, 'readdir');
  const type = typeOf(fileType.directory);
  if (cookie === lastCookie) return true;
  if (cookie < 1 && !emit(dot, number, type, 1)) return false;
  if (cookie < 2 && !emit(dotDot, directory.record.parent, type, 2)) return false;
  if (directory.record.links > 0) {
    const from = cookie < firstCookie ? 0 : cookie - firstCookie + 1;
    const items = context.volume.seek(number, itemKind.dirent, from);
    for (; items.valid && items.inode === number && items.kind === itemKind.dirent; items.next()) {
      const { value } = items;
      // Cookies must grow, or whoever reads on from the last one reads for ever.
      if (!Number.isSafeInteger(items.offset + firstCookie))
        throw new CorruptionError('directory entry', `directory ${number}, offset ${items.offset}`, 'out of range');
      const entry = direntInode(value);
      if (!emit(direntName(value), entry, direntType(value), items.offset + firstCookie)) return false;
      const known = context.inodes.peek(entry);
      if (known !== undefined) known.foundIn = number;
    }
  }
  if (context.listsSnapshots && number === context.root && !emit(snapshotsName, firstElsewhere, type, lastCookie))
    return false;
  accessed(context, directory);
  return true;
}
