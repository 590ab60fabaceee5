/**
 * Timers that run when the test says so: while installed, setTimeout and clearTimeout belong to it, and `advance`
 * lets time pass. What a volume does by itself after a while then happens at the same operation in every run.
 */
import type { Time } from '../../fs/posix/api.js';

interface Timer {
  readonly due: number;
  readonly call: () => void;
}

/** What setTimeout returned, as far as anyone asks. */
interface Handle {
  unref(): Handle;
  ref(): Handle;
}

export class VirtualTime {
  /** Milliseconds since 1970. */
  now = 1_700_000_000_000;
  private readonly timers = new Map<Handle, Timer>();
  private readonly real = { setTimeout: globalThis.setTimeout, clearTimeout: globalThis.clearTimeout };

  install(): void {
    const set = (call: () => void, ms = 0): Handle => {
      const handle: Handle = { unref: () => handle, ref: () => handle };
      this.timers.set(handle, { due: this.now + ms, call });
      return handle;
    };
    globalThis.setTimeout = set as unknown as typeof setTimeout;
    globalThis.clearTimeout = ((handle: Handle | undefined) => {
      if (handle) this.timers.delete(handle);
    }) as unknown as typeof clearTimeout;
  }

  uninstall(): void {
    Object.assign(globalThis, this.real);
  }

  /** Let `ms` milliseconds pass, and do what became due in them, in order. */
  advance(ms: number): void {
    const until = this.now + ms;
    for (;;) {
      let next: [Handle, Timer] | undefined;
      for (const entry of this.timers) if (entry[1].due <= until && (!next || entry[1].due < next[1].due)) next = entry;
      if (!next) break;
      this.timers.delete(next[0]);
      this.now = Math.max(this.now, next[1].due);
      next[1].call();
    }
    this.now = until;
  }
}

/** The moment in the form that files have. */
export function clockOf(time: VirtualTime): Time {
  const seconds = Math.floor(time.now / 1000);
  return { seconds, nanos: (time.now - seconds * 1000) * 1e6 };
}
