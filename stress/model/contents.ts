/**
 * Bytes of a file in the model: immutable, sparse, page by page, so that keeping every version of a file since
 * the last sync costs little. Pages that are absent are zeros.
 */
import { pageSize } from '../../fs/units.js';

const zeros = new Uint8Array(pageSize);

/** Nothing but zeros? */
export function isZeros(bytes: Uint8Array): boolean {
  for (let at = 0; at < bytes.length; at += pageSize) {
    const part = bytes.subarray(at, at + pageSize);
    if (Buffer.compare(part, zeros.subarray(0, part.length)) !== 0) return false;
  }
  return true;
}

export class Contents {
  static readonly empty = new Contents(0, new Map());

  /** The pages belong to it from now on; bytes past `size` in them are zeros. */
  constructor(
    readonly size: number,
    private readonly pages: ReadonlyMap<number, Uint8Array>,
  ) {}

  /** The page, whole; zeros past the end and in holes. Not to be changed. */
  page(index: number): Uint8Array {
    return this.pages.get(index) ?? zeros;
  }

  /** Indexes of pages that were written, in no order. */
  written(): IterableIterator<number> {
    return this.pages.keys();
  }

  /** First page at or after `from` that was written (or, with `written` false, was not); infinity if there is none. */
  nextPage(from: number, written: boolean): number {
    if (!written) {
      let page = from;
      while (this.pages.has(page)) page++;
      return page;
    }
    let least = Number.POSITIVE_INFINITY;
    for (const page of this.pages.keys()) if (page >= from && page < least) least = page;
    return least;
  }

  read(offset: number, length: number): Uint8Array {
    const into = new Uint8Array(Math.max(0, Math.min(length, this.size - offset)));
    for (let done = 0; done < into.length; ) {
      const at = (offset + done) % pageSize;
      const part = Math.min(pageSize - at, into.length - done);
      into.set(this.page(Math.floor((offset + done) / pageSize)).subarray(at, at + part), done);
      done += part;
    }
    return into;
  }

  write(offset: number, bytes: Uint8Array): Contents {
    const pages = new Map(this.pages);
    for (let done = 0; done < bytes.length; ) {
      const at = (offset + done) % pageSize;
      const part = Math.min(pageSize - at, bytes.length - done);
      const index = Math.floor((offset + done) / pageSize);
      const page = this.page(index).slice();
      page.set(bytes.subarray(done, done + part), at);
      pages.set(index, page);
      done += part;
    }
    return new Contents(Math.max(this.size, offset + bytes.length), pages);
  }

  /** Zeros in the range; the size stays. */
  zero(offset: number, length: number): Contents {
    const pages = new Map(this.pages);
    const end = offset + length;
    for (const index of this.pages.keys()) {
      const start = index * pageSize;
      if (start + pageSize <= offset || start >= end) continue;
      if (start >= offset && start + pageSize <= end) pages.delete(index);
      else
        pages.set(
          index,
          this.page(index)
            .slice()
            .fill(0, Math.max(0, offset - start), Math.min(pageSize, end - start)),
        );
    }
    return new Contents(this.size, pages);
  }

  /** Another size; what is cut off reads as zeros if the file grows again. */
  resize(size: number): Contents {
    if (size >= this.size) return new Contents(size, this.pages);
    const rest = this.zero(size, Math.ceil((this.size - size) / pageSize) * pageSize + pageSize);
    return new Contents(size, rest.pages);
  }

  /** At most this size. */
  cut(size: number): Contents {
    return size < this.size ? this.resize(size) : this;
  }
}
