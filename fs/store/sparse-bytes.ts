/**
 * Bytes of an image in memory, in blocks of 16 KiB that exist once something was written there; all else
 * reads as zeros. A copy shares its blocks with the original until one of them changes.
 */
const blockShift = 14;
const blockSize = 1 << blockShift;

export class SparseBytes {
  private readonly blocks = new Map<number, Uint8Array>();
  /** Blocks that no copy shares. */
  private readonly owned = new Set<number>();

  constructor(public size: number) {}

  read(offset: number, into: Uint8Array): void {
    let done = 0;
    while (done < into.length) {
      const at = (offset + done) % blockSize;
      const length = Math.min(blockSize - at, into.length - done);
      const block = this.blocks.get(Math.floor((offset + done) / blockSize));
      if (block) into.set(block.subarray(at, at + length), done);
      else into.fill(0, done, done + length);
      done += length;
    }
  }

  write(offset: number, from: Uint8Array): void {
    let done = 0;
    while (done < from.length) {
      const at = (offset + done) % blockSize;
      const length = Math.min(blockSize - at, from.length - done);
      const index = Math.floor((offset + done) / blockSize);
      this.own(index).set(length === from.length ? from : from.subarray(done, done + length), at);
      done += length;
    }
  }

  /** The block, to be changed. */
  private own(index: number): Uint8Array {
    let block = this.blocks.get(index);
    if (block && this.owned.has(index)) return block;
    block = block?.slice() ?? new Uint8Array(blockSize);
    this.blocks.set(index, block);
    this.owned.add(index);
    return block;
  }

  /** Whole blocks in the range go away; the rest of it keeps its bytes. */
  discard(offset: number, length: number): void {
    const end = Math.floor((offset + length) / blockSize);
    for (let i = Math.ceil(offset / blockSize); i < end; i++) this.blocks.delete(i);
  }

  /** Make the range read as zeros. */
  zero(offset: number, length: number): void {
    const first = Math.min(Math.ceil(offset / blockSize) * blockSize, offset + length);
    const last = Math.max(first, Math.floor((offset + length) / blockSize) * blockSize);
    this.discard(first, last - first);
    this.zeroPart(offset, first - offset);
    this.zeroPart(last, offset + length - last);
  }

  /** Zero what lies within one block. */
  private zeroPart(offset: number, length: number): void {
    const at = offset % blockSize;
    const index = Math.floor(offset / blockSize);
    if (length > 0 && this.blocks.has(index)) this.own(index).fill(0, at, at + length);
  }

  copy(): SparseBytes {
    const made = new SparseBytes(this.size);
    for (const [index, block] of this.blocks) made.blocks.set(index, block);
    this.owned.clear();
    return made;
  }

  /** Bytes of memory in use, those included that copies share. */
  get stored(): number {
    return this.blocks.size * blockSize;
  }
}
