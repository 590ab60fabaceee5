/**
 * How one thread serves many requests without locks: an operation runs synchronously on what is in memory.
 * When something is missing (a tree node, a page, room in the log) it throws a Suspend **before it has
 * changed anything**; whoever runs the operation awaits `until` and starts it again from the top.
 *
 * Invariants
 * 1. An operation changes state only after its last point at which it can suspend.
 * 2. A restarted operation repeats its checks: the world may have changed meanwhile.
 * 3. Suspend is not an Error: it has no stack, so that throwing it costs about a microsecond.
 */
export class Suspend {
  constructor(
    /** Settles when the operation is worth starting again; a rejection is the operation's own failure. */
    readonly until: Promise<unknown>,
    /** What is waited for, for traces. */
    readonly reason: string,
  ) {
    // Who waits is told of a failure; but nobody may be waiting, and an unheard rejection would end the process.
    until.catch(() => undefined);
  }
}

/** Run a restartable operation to its end. Its own errors pass through. */
export async function run<T>(operation: () => T | Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await operation();
    } catch (e) {
      if (!(e instanceof Suspend)) throw e;
      await e.until;
    }
  }
}

/** Let whatever else waits have its turn: for long work, between two stretches. */
export const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
