/**
 * The step that makes the two superblocks one again: the good one is written over the bad one, the first over a copy
 * that differs.
 *
 * Crash safety: only the bad one is written; a write that is torn leaves it bad, and the other as it was.
 */
import type { Superblock } from '../../fs/format/superblock.js';
import type { Store } from '../../fs/store/store.js';
import { pageSize } from '../../fs/units.js';
import { checkSuperblocks } from '../superblock.js';
import type { Ledger } from './ledger.js';

/** `superblock`: the good one. */
export async function mendSuperblocks(store: Store, superblock: Superblock, ledger: Ledger): Promise<void> {
  const last = (superblock.imagePages - 1) * pageSize;
  for await (const { code } of checkSuperblocks(store, superblock)) {
    const first = code === 'superblock';
    // Byte for byte: fields may hold what has no meaning here.
    const page = new Uint8Array(pageSize);
    await store.read(first ? last : 0, page);
    await store.write(first ? 0 : last, [page]);
    ledger.did(code, first ? 'the superblock was written from its copy' : 'the copy of the superblock was written');
  }
  await store.barrier();
}
