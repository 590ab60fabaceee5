/** Bytes that grow at the end and are dropped from the front: the batches that no record holds yet. */
export class GrowingBuffer {
  bytes = new Uint8Array(8 * 1024);
  view = new DataView(this.bytes.buffer);
  length = 0;

  /** Make room for `more` bytes and count them as used; returns where they begin. Take `bytes` and `view` afresh afterwards. */
  extend(more: number): number {
    const at = this.length;
    if (at + more > this.bytes.length) {
      const larger = new Uint8Array(Math.max(this.bytes.length * 2, at + more));
      larger.set(this.bytes.subarray(0, at));
      this.bytes = larger;
      this.view = new DataView(larger.buffer);
    }
    this.length = at + more;
    return at;
  }

  dropFront(count: number): void {
    this.bytes.copyWithin(0, count, this.length);
    this.length -= count;
  }
}
