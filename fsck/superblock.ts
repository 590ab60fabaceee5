/** Pass 1: both copies of the superblock. */
import { FsError } from '../fs/errors.js';
import { selfChecksum } from '../fs/format/checksum.js';
import { geometryProblem } from '../fs/format/geometry.js';
import { Superblock, superblockMagic } from '../fs/format/superblock.js';
import type { Store } from '../fs/store/store.js';
import { type ImageOffset, pageSize } from '../fs/units.js';
import { type Problem, problem } from './problem.js';

/** Check the first page, and the copy in the last page of the volume that `superblock` describes. */
export async function* checkSuperblocks(store: Store, superblock: Superblock): AsyncIterable<Problem> {
  const first = new Uint8Array(pageSize);
  const wrong = await problemAt(store, 0, first);
  if (wrong)
    yield problem('superblock', `the superblock in the first page ${wrong}; its copy in the last page is good`);
  const last = new Uint8Array(pageSize);
  const offset = (superblock.imagePages - 1) * pageSize;
  const copyWrong = await problemAt(store, offset, last);
  if (copyWrong) yield problem('superblock-copy', `the copy of the superblock at byte ${offset} ${copyWrong}`);
  else if (!wrong && Buffer.compare(first, last) !== 0) {
    yield problem('superblock-copy', `the copy of the superblock at byte ${offset} differs from the first`);
  }
}

async function problemAt(store: Store, offset: ImageOffset, page: Uint8Array): Promise<string | undefined> {
  try {
    await store.read(offset, page);
  } catch (e) {
    if (e instanceof FsError && e.code === 'EIO') return 'cannot be read';
    throw e;
  }
  return superblockProblem(page, store.size);
}

/** What is wrong with a superblock page, in words that follow "the superblock", or undefined. */
function superblockProblem(page: Uint8Array, imageBytes: number): string | undefined {
  const found = Superblock.read(new DataView(page.buffer, page.byteOffset, pageSize));
  if (found.magic !== superblockMagic) return 'is not there (wrong magic)';
  if (found.checksum !== selfChecksum(page, Superblock.offsetOf.checksum)) return 'fails its checksum';
  const wrong = geometryProblem(found, imageBytes);
  return wrong === undefined ? undefined : `is not sane: ${wrong}`;
}
