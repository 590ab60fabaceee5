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

/** Do the write in the contents; a discard writes zeros. */
export function applyWrite(contents: SparseBytes, write: PendingWrite, from = 0, to = write.length): void {
  if (write.bytes) contents.write(write.offset + from, write.bytes.subarray(from, to));
  else contents.zero(write.offset + from, to - from);
}

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

function tear(contents: SparseBytes, write: PendingWrite, random: Random): void {
  const unit = chance(random, 0.5) ? 512 : 4096;
  const share = random();
  const cut = chance(random, 0.3) ? below(random, Math.ceil(write.length / unit)) : -1;
  for (let from = 0, i = 0; from < write.length; from += unit, i++) {
    const keep = cut >= 0 ? i < cut : chance(random, share);
    if (keep) applyWrite(contents, write, from, Math.min(from + unit, write.length));
  }
}

/** Do to `contents` (the state of the last completed barrier) what a cut may do with the writes since. */
export function cutPower(contents: SparseBytes, pending: readonly PendingWrite[], random: Random): void {
  const manner = manners[below(random, manners.length)];
  const count = below(random, pending.length + 1);
  if (manner === 'none') return;
  if (manner !== 'each') {
    const [from, to] =
      manner === 'all' ? [0, pending.length] : manner === 'first' ? [0, count] : [count, pending.length];
    for (let i = from; i < to; i++) applyWrite(contents, pending[i]);
    if (manner === 'first' && count < pending.length) tear(contents, pending[count], random);
    return;
  }
  const keep = random();
  for (const write of chance(random, 0.5) ? shuffled(pending, random) : pending) {
    if (chance(random, keep)) applyWrite(contents, write);
    else if (chance(random, 0.5)) tear(contents, write, random);
  }
}
