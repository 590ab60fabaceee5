/**
 * What shall go wrong on a simulated disk, and at which call. Calls are counted from 1, for each kind and
 * together, so that a test can sweep: fail call 1, 2, 3, ... until the scenario survives.
 */
import { FsError } from '../errors.js';

const callKinds = ['read', 'write', 'barrier', 'any'] as const;
export type CallKind = (typeof callKinds)[number];

export type Fault =
  /** The call fails, and with `forever` all calls of this kind after it. */
  | { readonly what: 'error'; readonly code: 'EIO' | 'ENOSPC'; readonly forever?: boolean }
  /** The power goes off: this call and all later ones fail, and nothing of it gets to the disk. */
  | { readonly what: 'power' }
  /** The write is acknowledged and never done. */
  | { readonly what: 'lost' }
  /** The write lands `by` bytes further on. */
  | { readonly what: 'misdirected'; readonly by: number }
  /** From this call on, bit `bit` (0 to 7) of the byte at `offset` of the medium is another: noticed when it is read. */
  | { readonly what: 'rot'; readonly offset: number; readonly bit: number }
  /** The answer takes this many turns of the event loop. */
  | { readonly what: 'slow'; readonly turns: number };

export class Faults {
  /** Calls so far. */
  readonly counts: Record<CallKind, number> = { read: 0, write: 0, barrier: 0, any: 0 };
  private readonly planned: { readonly kind: CallKind; readonly call: number; readonly fault: Fault }[] = [];

  /** Let `fault` happen at the call of this kind with number `call` (counted from the creation of the disk). */
  plan(kind: CallKind, call: number, fault: Fault): void {
    this.planned.push({ kind, call, fault });
  }

  clear(): void {
    this.planned.length = 0;
  }

  /** Count a call; the fault that it meets, if any. Throws FsError for one that is an error. */
  meet(kind: Exclude<CallKind, 'any'>): Fault | undefined {
    this.counts[kind]++;
    this.counts.any++;
    for (const { kind: of, call, fault } of this.planned) {
      if (of !== 'any' && of !== kind) continue;
      const now = this.counts[of];
      const hit = now === call || (now > call && fault.what === 'error' && fault.forever === true);
      if (!hit) continue;
      if (fault.what === 'error') throw new FsError(fault.code, kind, undefined, `planned for call ${call}`);
      return fault;
    }
    return undefined;
  }
}
