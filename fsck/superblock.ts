/** Pass 1: both copies of the superblock. */
import { selfChecksum } from '../fs/format/checksum.js';
import { geometryProblem } from '../fs/format/geometry.js';
import { Superblock, superblockMagic } from '../fs/format/superblock.js';
import type { Store } from '../fs/store/store.js';
import { pageSize } from '../fs/units.js';
import { type Problem, problem } from './problem.js';

/** Check the first page, and the copy in the last page of the volume that `superblock` describes. */
export async function* checkSuperblocks(store: Store, superblock: Superblock): AsyncIterable<Problem> {
  const first = new Uint8Array(pageSize);
  await store.read(0, first);
  const wrong = superblockProblem(first, store.size);
  if (wrong)
    yield problem('superblock', `the superblock in the first page ${wrong}; its copy in the last page is good`);
  const last = new Uint8Array(pageSize);
  const offset = (superblock.imagePages - 1) * pageSize;
  await store.read(offset, last);
  const copyWrong = superblockProblem(last, store.size);
  if (copyWrong) yield problem('superblock-copy', `the copy of the superblock at byte ${offset} ${copyWrong}`);
  else if (!wrong && Buffer.compare(first, last) !== 0) {
    yield problem('superblock-copy', `the copy of the superblock at byte ${offset} differs from the first`);
  }
}

/** What is wrong with a superblock page, in words that follow "the superblock", or undefined. */
function superblockProblem(page: Uint8Array, imageBytes: number): string | undefined {
  const found = Superblock.read(new DataView(page.buffer, page.byteOffset, pageSize));
  if (found.magic !== superblockMagic) return 'is not there (wrong magic)';
  if (found.checksum !== selfChecksum(page, Superblock.offsetOf.checksum)) return 'fails its checksum';
  const wrong = geometryProblem(found, imageBytes);
  return wrong === undefined ? undefined : `is not sane: ${wrong}`;
}
