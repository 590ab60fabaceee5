/**
 * A store as one looks at what is left of a volume: a page that can't be read is zeros, which verify as nothing. So a bad
 * sector is met, and repaired, as a page that has rotted. Who must tell the two apart reads the `medium`.
 *
 * Only checks and repairs look so. A mount or a replay that went on without a page that it can't read would forget what
 * was acknowledged, without a word.
 */
import { FsError } from '../fs/errors.js';
import type { Store } from '../fs/store/store.js';
import { pageSize } from '../fs/units.js';

/** A medium with more of them does not answer at all, perhaps for want of a cable: that is nothing to repair. */
const mostLost = 256;

export function withoutBadSectors(store: Store): Store {
  const lost = new Set<number>();
  const pageByPage = async (offset: number, into: Uint8Array): Promise<void> => {
    for (let at = 0; at < into.length; at += pageSize) {
      const page = into.subarray(at, at + pageSize);
      try {
        await store.read(offset + at, page);
      } catch (e) {
        if (!isUnreadable(e) || lost.add(offset + at).size > mostLost) throw e;
        page.fill(0);
      }
    }
  };
  const lookAgain = (e: unknown, offset: number, into: Uint8Array): Promise<void> => {
    if (!isUnreadable(e)) throw e;
    return pageByPage(offset, into);
  };
  return {
    name: store.name,
    size: store.size,
    readOnly: store.readOnly,
    medium: store.medium ?? store,
    read: (offset, into) => {
      try {
        return store.read(offset, into)?.catch((e: unknown) => lookAgain(e, offset, into));
      } catch (e) {
        return lookAgain(e, offset, into);
      }
    },
    write: (offset, buffers) => store.write(offset, buffers),
    barrier: () => store.barrier(),
    discard: (offset, length) => store.discard(offset, length),
    close: () => store.close(),
  };
}

const isUnreadable = (e: unknown): boolean => e instanceof FsError && e.code === 'EIO';
