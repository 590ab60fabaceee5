/**
 * Replay of a journal into a tree that was repaired: the records that a mount would accept, up to the first that can't
 * be applied; the rest is cut. Only items are taken from them: which pages are live is counted from the result.
 */
import type { Checkpoint } from '../../fs/format/checkpoint.js';
import { noPlace } from '../../fs/format/geometry.js';
import { placeState } from '../../fs/format/segment-table.js';
import type { JournalGap } from '../../fs/log/journal-gap.js';
import { type ReadRecord, readJournal } from '../../fs/log/journal-reader.js';
import { headKind } from '../../fs/log/segment-table.js';
import { run } from '../../fs/suspend.js';
import type { Delete, Put } from '../../fs/tree/batch.js';
import { type Generation, type Place, rootInode, volumeInode } from '../../fs/units.js';
import { dataIsThere } from '../../fs/volume/recovery.js';
import type { VolumeState } from '../../fs/volume/state.js';
import { withoutBadSectors } from '../bad-sectors.js';
import { withPaths } from '../paths.js';
import { problem } from '../problem.js';
import type { Replayed } from '../replay.js';
import type { Ledger } from './ledger.js';
import type { Look } from './look.js';
import { endOfSerials, type Places } from './places.js';

/** The records after a checkpoint, as a mount would read them. */
const recordsAfter = (state: VolumeState, checkpoint: Checkpoint): AsyncGenerator<ReadRecord> =>
  readJournal(withoutBadSectors(state.store), state.geometry, checkpoint, checkpoint.epoch);

/** What a journal names. */
export interface JournalNames {
  /** Newest generation of its batches, 0 if there are none. */
  readonly newest: Generation;
  /** Where pages lie that only it refers to. */
  readonly opened: readonly Place[];
}

/** Enter the segments that the journal names: they hold it, or pages that only it refers to. */
export async function reserveJournal(
  state: VolumeState,
  places: Places,
  checkpoint: Checkpoint,
): Promise<JournalNames> {
  let newest = 0;
  const opened: Place[] = [];
  if (checkpoint.clean === 1 || checkpoint.journalPlace === noPlace) return { newest, opened };
  const hold = (place: number) => {
    if (place < places.usable.length) places.usable[place] = 0;
  };
  hold(checkpoint.journalPlace);
  hold(checkpoint.journalNextPlace);
  for await (const record of recordsAfter(state, checkpoint)) {
    hold(record.place);
    for (const { generation } of record.batches) newest = Math.max(newest, generation);
    hold(record.header.nextPlace);
    for (const { place, serial } of record.opened) {
      if (serial >= endOfSerials(state.table.pagesPerSegment)) continue;
      if (place >= places.state.length || places.state[place] !== placeState.free) continue;
      hold(place);
      places.state[place] = placeState.sealed;
      places.serial[place] = serial;
      places.head[place] = headKind.data;
      opened.push(place);
    }
  }
  return { newest, opened };
}

/** Apply what the journal holds. */
export async function replayInto(state: VolumeState, checkpoint: Checkpoint, ledger: Ledger): Promise<Replayed> {
  const replayed = { records: 0, batches: 0 };
  if (checkpoint.clean === 1 || checkpoint.journalPlace === noPlace) return replayed;
  const uncertain: ReadRecord[] = [];
  for await (const record of recordsAfter(state, checkpoint)) {
    while (uncertain.length > 0 && uncertain[0].header.sequence <= record.header.durable) {
      if (!(await accept(state, uncertain.shift() as ReadRecord, checkpoint, replayed, ledger))) return replayed;
    }
    uncertain.push(record);
  }
  for (const record of uncertain) {
    if (!(await dataIsThere(state, record, checkpoint.generation))) break;
    if (!(await accept(state, record, checkpoint, replayed, ledger))) break;
  }
  return replayed;
}

/** Say what is lost with a record that is damaged and those behind it. */
export async function tellCut(gap: JournalGap, { survey }: Look, ledger: Ledger): Promise<void> {
  ledger.did('journal', `cut the journal at record ${gap.sequence}`);
  ledger.lose('/', `what was done between record ${gap.sequence} of the journal and the crash`);
  const concerned = [...gap.inodes].filter((inode) => inode !== volumeInode);
  const told = concerned.map((inode) => problem('journal', 'changed after the damage', inode));
  const found = survey === undefined ? told : await withPaths(survey.image, survey.files.inodes, told);
  for (const { inode, path } of found)
    ledger.lose(inode === rootInode ? '/' : (path ?? `#${inode}`), 'changes of that time');
}

async function accept(
  state: VolumeState,
  record: ReadRecord,
  checkpoint: Checkpoint,
  replayed: { records: number; batches: number },
  ledger: Ledger,
): Promise<boolean> {
  for (const batch of record.batches) {
    if (batch.generation <= checkpoint.generation) continue;
    const items = batch.items as readonly (Put | Delete)[];
    try {
      await run(() => {
        state.main.prepare(items);
        state.main.change(items);
      });
    } catch (e) {
      const why = e instanceof Error ? e.message : String(e);
      ledger.did('replay', `the journal was cut at record ${record.header.sequence}, which can't be applied: ${why}`);
      return false;
    }
    for (const { address, pages } of batch.claims) if (address !== 0) markLive(state, address, pages);
    replayed.batches++;
  }
  replayed.records++;
  state.nextInode = Math.max(state.nextInode, record.header.nextInode);
  return true;
}

/** Make pages live that may be so already, as far as they lie anywhere. */
function markLive({ table, log }: VolumeState, address: number, pages: number): void {
  const place = table.placeOf(Math.floor(address / log.perSegment));
  if (place < 0) return;
  for (let page = address % log.perSegment; pages > 0 && page < log.perSegment; page++, pages--) {
    if (!table.isLive(place, page)) table.setLive(place, page, 1);
  }
}
