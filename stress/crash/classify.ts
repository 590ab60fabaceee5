/** What is special about a crash state: torn checkpoint slots, and records of the journal with a hole before them. */
import { type Geometry, slotOffset } from '../../fs/format/geometry.js';
import { JournalRecord, journalMagic } from '../../fs/format/journal-record.js';
import type { CrashState, PendingWrite } from '../../fs/store/crash-states.js';
import { pageSize } from '../../fs/units.js';
import { count, type Tally } from './tally.js';

export function classify(tally: Tally, geometry: Geometry, pending: readonly PendingWrite[], state: CrashState): void {
  for (const { write, kept } of state) {
    if (kept === undefined || !kept.includes(0) || !kept.includes(1)) continue;
    for (const slot of [0, 1]) {
      if (write.offset === slotOffset(geometry, slot)) count(tally, slot === 0 ? 'slot A torn' : 'slot B torn');
    }
  }
  if (hasHoleBeforeRecord(pending, state)) count(tally, 'torn record with a valid later one');
}

/** A record that is not there as a whole, and one behind it that is. */
function hasHoleBeforeRecord(pending: readonly PendingWrite[], state: CrashState): boolean {
  const records = pending.filter(isRecord);
  if (records.length < 2) return false;
  const whole = new Set(state.filter(({ kept }) => kept === undefined || !kept.includes(0)).map(({ write }) => write));
  const firstMissing = records.findIndex((write) => !whole.has(write));
  return firstMissing >= 0 && records.slice(firstMissing + 1).some((write) => whole.has(write));
}

function isRecord({ bytes, length }: PendingWrite): boolean {
  if (!bytes || length < pageSize) return false;
  return JournalRecord.read(new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 0).magic === journalMagic;
}
