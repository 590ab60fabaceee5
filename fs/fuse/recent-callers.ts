/**
 * Whose requests the last ones were: the thread that each header names is noted in a ring, which costs a request one
 * store into memory that is there. What is asked for is counted when it is asked for. The kernel names nobody (0) for
 * what it does by itself, such as writing back dirty pages and reading ahead.
 */

/** Requests that are remembered; a power of two. */
const remembered = 4096;

export class RecentCallers {
  private readonly ring = new Uint32Array(remembered);
  private noted = 0;

  note(thread: number): void {
    this.ring[this.noted++ & (remembered - 1)] = thread;
  }

  /** Among the last requests, at most `most` of them: how many each thread made. */
  counts(most: number): Map<number, number> {
    const found = new Map<number, number>();
    const first = Math.max(0, this.noted - Math.min(most, remembered));
    for (let at = first; at < this.noted; at++) {
      const thread = this.ring[at & (remembered - 1)];
      found.set(thread, (found.get(thread) ?? 0) + 1);
    }
    return found;
  }
}
