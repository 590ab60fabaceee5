/**
 * What a disk may hold after the power was cut: everything up to the last completed barrier, and of each write
 * since then all, nothing or some of its sectors, whatever the order of the writes was.
 */
import { below, chance, type Random } from './random.js';
import type { SparseBytes } from './sparse-bytes.js';

/** A write (or a discard: no bytes) that no barrier has made durable yet. */
export interface PendingWrite {
  readonly offset: number;
  readonly length: number;
  readonly bytes: Uint8Array | undefined;
}

/** Units in which a write tears: the sector of the medium, and what a drive or a kernel handles as one. */
export type TearUnit = 512 | 4096;

/** What got to the medium of one write. */
export interface Remains {
  readonly write: PendingWrite;
  /** 1 for each unit that is there; absent: the whole write. */
  readonly kept?: Uint8Array;
  readonly unit: TearUnit;
}

/** What a cut leaves of the pending writes, in the order in which they got to the medium; the others are lost. */
export type CrashState = readonly Remains[];

/** Do the write in the contents; a discard writes zeros. */
export function applyWrite(contents: SparseBytes, write: PendingWrite, from = 0, to = write.length): void {
  if (write.bytes) contents.write(write.offset + from, write.bytes.subarray(from, to));
  else contents.zero(write.offset + from, to - from);
}

/** Do to `contents`, the state of the last completed barrier, what the cut left of the writes since. */
export function applyCrashState(contents: SparseBytes, state: CrashState): void {
  for (const { write, kept, unit } of state) {
    if (!kept) applyWrite(contents, write);
    else {
      for (const [i, there] of kept.entries()) {
        if (there) applyWrite(contents, write, i * unit, Math.min((i + 1) * unit, write.length));
      }
    }
  }
}

const whole = (write: PendingWrite): Remains => ({ write, unit: 4096 });

/** Ways in which a cut treats the writes: real disks do the first three far more often than chance would. */
const manners = ['all', 'none', 'first', 'last', 'each'] as const;

function shuffled<T>(list: readonly T[], random: Random): T[] {
  const order = list.slice();
  for (let i = order.length - 1; i > 0; i--) {
    const j = below(random, i + 1);
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}

function torn(write: PendingWrite, random: Random): Remains {
  const unit = chance(random, 0.5) ? 512 : 4096;
  const share = random();
  const units = Math.ceil(write.length / unit);
  const cut = chance(random, 0.3) ? below(random, units) : -1;
  const kept = new Uint8Array(units);
  for (let i = 0; i < units; i++) kept[i] = (cut >= 0 ? i < cut : chance(random, share)) ? 1 : 0;
  return { write, kept, unit };
}

/** One of the states that a cut may leave. */
export function drawCrashState(pending: readonly PendingWrite[], random: Random): CrashState {
  const manner = manners[below(random, manners.length)];
  const count = below(random, pending.length + 1);
  if (manner === 'none') return [];
  if (manner === 'all') return pending.map(whole);
  if (manner === 'last') return pending.slice(count).map(whole);
  if (manner === 'first') {
    const first = pending.slice(0, count).map(whole);
    return count < pending.length ? [...first, torn(pending[count], random)] : first;
  }
  const state: Remains[] = [];
  const keep = random();
  for (const write of chance(random, 0.5) ? shuffled(pending, random) : pending) {
    if (chance(random, keep)) state.push(whole(write));
    else if (chance(random, 0.5)) state.push(torn(write, random));
  }
  return state;
}

/**
 * The states that come first to mind, without tears: nothing, all, the first so many, all but one, one alone. With at
 * most `mostWrites` writes, every subset.
 */
export function* plainCrashStates(pending: readonly PendingWrite[], mostWrites = 4): Iterable<CrashState> {
  const all = pending.map(whole);
  if (all.length <= mostWrites) {
    for (let subset = 0; subset < 2 ** all.length; subset++) yield all.filter((_, i) => (subset >>> i) & 1);
    return;
  }
  for (let count = 0; count <= all.length; count++) yield all.slice(0, count);
  for (let one = 0; one < all.length; one++) {
    yield [all[one]];
    yield all.filter((_, i) => i !== one);
  }
}

/** Do to `contents` (the state of the last completed barrier) what a cut may do with the writes since. */
export function cutPower(contents: SparseBytes, pending: readonly PendingWrite[], random: Random): void {
  applyCrashState(contents, drawCrashState(pending, random));
}
