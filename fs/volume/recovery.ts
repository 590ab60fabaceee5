/**
 * Recovery: replay of the journal after the checkpoint. Batches that the checkpoint already holds (by generation)
 * are skipped; the others are applied in order by the same code that applied them first. Records that a later one
 * calls durable are trusted; of those after that, the data which they refer to is read and compared first, as the
 * power may have failed between the two. The first that fails ends the replay. So does the first that is not there; but if
 * records behind it show that it had been durable, or it builds on a checkpoint that is lost, something has rotted, and
 * recovery refuses to go on as if it had never been.
 *
 * Crash safety: nothing is written here (crashed-segments.ts does, when the volume is to be used). The checkpoint under a new epoch that follows makes the result durable;
 * a crash before it finds the old checkpoint and the same records again.
 */
import { CorruptionError, FsError, VolumeError } from '../errors.js';
import type { Checkpoint } from '../format/checkpoint.js';
import { checksum } from '../format/checksum.js';
import { placeState } from '../format/segment-table.js';
import type { DecodedBatch } from '../log/batch-codec.js';
import { findGap, type JournalGap } from '../log/journal-gap.js';
import { type ReadRecord, readJournal } from '../log/journal-reader.js';
import { headKind } from '../log/segment-table.js';
import { run } from '../suspend.js';
import { type Place, pageSize } from '../units.js';
import { applyChanges, prepareChanges } from './apply.js';
import type { VolumeState } from './state.js';

/** A record of the journal is damaged or missing that had been durable, or the checkpoint on which it builds is. */
export class JournalDamage extends VolumeError {
  constructor(
    name: string,
    readonly gap: JournalGap,
  ) {
    super(
      'corrupt',
      `${name}: ${wordsOf(gap)}; run fsck.varve, or mount with -o ro,degraded to read what there was before it`,
    );
  }
}

export function wordsOf({ sequence, baseless, durable }: JournalGap): string {
  if (baseless) return `the checkpoint on which record ${sequence} of the journal builds is lost`;
  const acknowledged = durable > sequence ? `records up to ${durable} were acknowledged` : 'it was acknowledged';
  return `record ${sequence} of the journal is damaged, and ${acknowledged} as durable`;
}

/**
 * Replay what follows `checkpoint`. Afterwards no segment of the crashed mount is open or in use as journal. `cut`: what
 * comes before a damaged record will do; otherwise JournalDamage. Returns the places of the segments that were open.
 */
export async function recover(state: VolumeState, checkpoint: Checkpoint, cut = false): Promise<readonly Place[]> {
  if (checkpoint.clean === 1) return [];
  try {
    return await replay(state, checkpoint, cut);
  } catch (e) {
    if (e instanceof VolumeError) throw e;
    // A store that did not answer says nothing about the volume, and nobody shall repair what is not broken.
    if (e instanceof FsError && e.code !== 'EUCLEAN') throw new VolumeError('io', `${state.store.name}: ${e.message}`);
    // What the format does not allow shows as a failed check somewhere below.
    throw new VolumeError(
      'corrupt',
      `${state.store.name}: the journal can't be replayed: ${e instanceof Error ? e.message : String(e)}; run fsck.varve`,
    );
  }
}

async function replay(state: VolumeState, checkpoint: Checkpoint, cut: boolean): Promise<readonly Place[]> {
  const { table, log } = state;
  let generation = checkpoint.generation;
  // One generation for all nodes that the replay writes, whichever generations its batches are of: a node that was
  // dirtied by the first would else be older than the children it gets from the second.
  log.generation = checkpoint.generation + 3;
  const accept = async (record: ReadRecord) => {
    for (const { place, serial } of record.opened) {
      if (!table.claimPlace(place, serial, headKind.data, generation + 1)) {
        throw new CorruptionError('journal record', `sequence ${record.header.sequence}`, `place ${place} is taken`);
      }
    }
    for (const batch of record.batches) {
      if (batch.generation <= checkpoint.generation) continue;
      generation = Math.max(generation, batch.generation);
      await applyRecovered(state, batch);
      state.counters.recoveredBatches++;
    }
    state.nextInode = Math.max(state.nextInode, record.header.nextInode);
    state.inodes = record.header.inodes;
    state.counters.recoveredRecords++;
  };
  const { trusted, gap } = await lastDurable(state, checkpoint);
  if (gap !== undefined && !cut) throw new JournalDamage(state.store.name, gap);
  for await (const record of readJournal(state.store, state.geometry, checkpoint, checkpoint.epoch)) {
    const certain = record.header.sequence <= trusted;
    if (!certain && !(await dataIsThere(state, record, checkpoint.generation))) break;
    await accept(record);
  }
  // In the generation of all that was replayed.
  await run(() => state.usage.settle(state.main));
  // A new generation and new serials: whatever the crashed mount wrote beyond this point can't be mistaken for ours.
  log.generation = generation + 3;
  table.nextSerial += 2 * state.geometry.places + 1;
  const open: Place[] = [];
  for (let place = 0; place < table.frontier; place++) {
    // Freed by the replay: the older slot still refers to it until the checkpoint after the next.
    if (table.state[place] === placeState.free && table.generation[place] === checkpoint.generation + 3) {
      table.generation[place] = log.generation;
    }
    if (table.state[place] === placeState.open) {
      table.seal(place, log.generation);
      open.push(place);
    } else if (table.state[place] === placeState.journal) table.free(place, log.generation);
  }
  return open;
}

/**
 * The highest sequence number that some record calls durable, and whether one up to there is missing. Enters the segments
 * of the journal: while what was replayed is not durable itself, nothing may be written there.
 */
async function lastDurable(
  state: VolumeState,
  checkpoint: Checkpoint,
): Promise<{ trusted: number; gap: JournalGap | undefined }> {
  const { store, geometry, table } = state;
  const records = readJournal(store, geometry, checkpoint, checkpoint.epoch);
  let highest = 0;
  for (;;) {
    const { done, value } = await records.next();
    if (done) {
      const gap = await findGap(store, geometry, value, checkpoint.epoch);
      return { trusted: Math.max(highest, gap?.durable ?? 0), gap };
    }
    table.claimPlace(value.place, value.serial, headKind.journal, checkpoint.generation);
    highest = Math.max(highest, value.header.durable);
  }
}

async function applyRecovered(state: VolumeState, batch: DecodedBatch): Promise<void> {
  await run(() => {
    prepareChanges(state, batch.items);
    applyChanges(state, batch);
  });
}

/** Whether the pages that a record claims hold what was written. */
export async function dataIsThere(state: VolumeState, record: ReadRecord, after: number): Promise<boolean> {
  const { geometry, table, log } = state;
  const opened = new Map(record.opened.map(({ place, serial }) => [serial, place]));
  for (const batch of record.batches) {
    if (batch.generation <= after) continue;
    for (const claim of batch.claims) {
      if (claim.address === 0) continue;
      const serial = Math.floor(claim.address / log.perSegment);
      const place = opened.get(serial) ?? table.placeOf(serial);
      const page = claim.address % log.perSegment;
      if (place < 0 || place >= geometry.places || page + claim.pages > log.perSegment) return false;
      const bytes = new Uint8Array(claim.pages * pageSize);
      await log.readPlace(place, page, claim.pages, bytes);
      if (checksumOfPages(bytes) !== claim.checksum) return false;
    }
  }
  return true;
}

/** CRC32C of the list of the pages' CRC32Cs. */
export function checksumOfPages(bytes: Uint8Array): number {
  const count = bytes.length / pageSize;
  const sums = new DataView(new ArrayBuffer(4 * count));
  for (let i = 0; i < count; i++)
    sums.setUint32(4 * i, checksum(bytes.subarray(i * pageSize, (i + 1) * pageSize)), true);
  return checksum(new Uint8Array(sums.buffer));
}
