/** The bytes of a file in memory: pages of 4 KiB by number; pages that are not there are holes. */
const pageSize = 4096;

export class ToyContents {
  size = 0;
  private readonly pages = new Map<number, Uint8Array>();

  get count(): number {
    return this.pages.size;
  }

  private page(number: number): Uint8Array {
    let page = this.pages.get(number);
    if (page === undefined) {
      page = new Uint8Array(pageSize);
      this.pages.set(number, page);
    }
    return page;
  }

  read(offset: number, into: Uint8Array): number {
    const end = Math.min(this.size, offset + into.length);
    for (let at = offset; at < end; ) {
      const inPage = at % pageSize;
      const length = Math.min(pageSize - inPage, end - at);
      const page = this.pages.get(Math.floor(at / pageSize));
      if (page) into.set(page.subarray(inPage, inPage + length), at - offset);
      else into.fill(0, at - offset, at - offset + length);
      at += length;
    }
    return Math.max(0, end - offset);
  }

  write(offset: number, data: Uint8Array): void {
    for (let at = 0; at < data.length; ) {
      const inPage = (offset + at) % pageSize;
      const length = Math.min(pageSize - inPage, data.length - at);
      this.page(Math.floor((offset + at) / pageSize)).set(data.subarray(at, at + length), inPage);
      at += length;
    }
    this.size = Math.max(this.size, offset + data.length);
  }

  truncate(size: number): void {
    for (const page of this.pages.keys()) if (page * pageSize >= size) this.pages.delete(page);
    this.pages.get(Math.floor(size / pageSize))?.fill(0, size % pageSize);
    this.size = size;
  }

  /** Make holes of whole pages, zeros of the rest. */
  punch(offset: number, length: number): void {
    const end = offset + length;
    for (const [number, page] of [...this.pages]) {
      const start = number * pageSize;
      if (start >= offset && start + pageSize <= end) this.pages.delete(number);
      else if (start < end && start + pageSize > offset) {
        page.fill(0, Math.max(0, offset - start), Math.min(pageSize, end - start));
      }
    }
  }

  /** Have pages where there were holes. */
  allocate(offset: number, length: number): void {
    for (let page = Math.floor(offset / pageSize); page * pageSize < offset + length; page++) this.page(page);
  }

  /** Where data (or a hole) begins at or after `offset`; undefined: nowhere before the end. */
  find(offset: number, data: boolean): number | undefined {
    for (let at = offset; at < this.size; at = (Math.floor(at / pageSize) + 1) * pageSize) {
      if (this.pages.has(Math.floor(at / pageSize)) === data) return at;
    }
    return undefined;
  }
}
