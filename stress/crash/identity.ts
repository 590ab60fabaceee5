/**
 * Which image it is: a number of 53 bits that follows from all its bytes, so that different crash states can be counted.
 * Each page gives a mix of its number and two checksums of different polynomials, a page of zeros nothing; they are
 * joined by exclusive or, so that a crash state costs only the pages that its writes touch. Among 10^6 images two
 * different ones meet in one number with a probability of 6 in 10^5.
 */
import { crc32, crc32c } from '@node-rs/crc32';
import type { CrashState, PendingWrite } from '../../fs/store/crash-states.js';
import type { SparseBytes } from '../../fs/store/sparse-bytes.js';
import { pageSize } from '../../fs/units.js';

/** Two halves of 32 bits. */
type Halves = readonly [number, number];

const nothing: Halves = [0, 0];
const zeros = new Uint8Array(pageSize);
const page = new Uint8Array(pageSize);

/** The finalizer of MurmurHash3. */
function mixed(value: number): number {
  let h = value | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

function halvesOf(contents: SparseBytes, index: number): Halves {
  contents.read(index * pageSize, page);
  if (Buffer.compare(page, zeros) === 0) return nothing;
  const number = mixed(index + 1);
  return [mixed(crc32c(page) ^ number), mixed(crc32(page) + number)];
}

function* pagesOf({ offset, length }: PendingWrite): Iterable<number> {
  for (let index = Math.floor(offset / pageSize); index * pageSize < offset + length; index++) yield index;
}

/** The identity of contents to which writes are done, and of those to which a crash state is done besides. */
export class ImageIdentity {
  private readonly known: Halves[] = [];
  private readonly stale = new Set<number>();
  private all: [number, number] = [0, 0];

  constructor(private readonly contents: SparseBytes) {
    for (let index = 0; index * pageSize < contents.size; index++) this.stale.add(index);
  }

  /** The write is being done to the contents. */
  touched(write: PendingWrite): void {
    for (const index of pagesOf(write)) this.stale.add(index);
  }

  /** Identity of `changed`: the contents with the state done to them. */
  of(changed: SparseBytes, state: CrashState): number {
    this.refresh();
    let [high, low] = this.all;
    const seen = new Set<number>();
    for (const { write } of state) for (const index of pagesOf(write)) seen.add(index);
    for (const index of seen) {
      const [before, after] = [this.known[index] ?? nothing, halvesOf(changed, index)];
      high ^= before[0] ^ after[0];
      low ^= before[1] ^ after[1];
    }
    return (high & 0x1fffff) * 2 ** 32 + (low >>> 0);
  }

  private refresh(): void {
    for (const index of this.stale) {
      const [before, after] = [this.known[index] ?? nothing, halvesOf(this.contents, index)];
      this.known[index] = after;
      this.all[0] ^= before[0] ^ after[0];
      this.all[1] ^= before[1] ^ after[1];
    }
    this.stale.clear();
  }
}
