/**
 * Things that are dear to make and used one at a time: buffers of requests and replies. A pool keeps at most
 * `keep` of them; what comes back above that is left to the collector, so that a burst is not remembered in memory.
 */
export class Pool<T> {
  private readonly free: T[] = [];

  constructor(
    private readonly make: () => T,
    private readonly keep: number,
  ) {}

  take(): T {
    return this.free.pop() ?? this.make();
  }

  give(item: T): void {
    if (this.free.length < this.keep) this.free.push(item);
  }
}
