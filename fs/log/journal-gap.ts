/**
 * A hole in the journal: a record that is missing or damaged although a later one of the same epoch calls it durable.
 * The end of the chain alone says nothing, as a torn tail ends it in the same way; but a tail that was never
 * acknowledged has no record behind it that says `durable` of it, as that number is taken from completed barriers.
 *
 * A record that builds on a checkpoint which is not there says as much of that: records name a checkpoint only once it
 * is durable, and of two slots a power cut tears the one that is being written, which no record names yet.
 *
 * Cost: the rest of the segment in which the chain ends, its successor, and successors that records found there name: at
 * most `mostSegments` are read, whatever the volume holds.
 */
import { type Geometry, placeOffset, segmentPages } from '../format/geometry.js';
import { JournalRecord, journalMagic } from '../format/journal-record.js';
import { readU64 } from '../format/struct.js';
import type { Store } from '../store/store.js';
import { type InodeNumber, type Place, pageSize } from '../units.js';
import { recordAlignment } from './journal.js';
import { type ChainEnd, decodeRecord, verified } from './journal-reader.js';

export interface JournalGap {
  /** The first record that is missing, or that can't be used. */
  readonly sequence: number;
  /** That record is there; what is lost is the checkpoint on which it builds. */
  readonly baseless: boolean;
  /** Records up to this one had been durable. */
  readonly durable: number;
  /** Inodes that the records behind it changed, as far as these can be read: at most `mostInodes`. */
  readonly inodes: ReadonlySet<InodeNumber>;
}

const mostSegments = 4;
const mostInodes = 1000;

const magic = Buffer.alloc(4);
magic.writeUInt32LE(journalMagic);

/** Look behind the end of a chain. Undefined: nothing that was durable is missing there, as far as can be seen. */
export async function findGap(
  store: Store,
  geometry: Geometry,
  end: ChainEnd,
  epoch: number,
): Promise<JournalGap | undefined> {
  const segment = new Uint8Array(segmentPages(geometry) * pageSize);
  const places: Place[] = [end.place, end.nextPlace];
  const inodes = new Set<InodeNumber>();
  let durable = 0;
  for (let i = 0; i < places.length && i < mostSegments; i++) {
    if (places[i] < 0 || places[i] >= geometry.places) continue;
    await store.read(placeOffset(geometry, places[i], 0), segment);
    for (const { header, at } of headers(segment, i === 0 ? end.at : 0, epoch, end.sequence)) {
      // Of a damaged record, too: whatever lies there must stand for itself.
      if (!places.includes(header.nextPlace)) places.push(header.nextPlace);
      const bytes = verified(segment, at, header);
      if (bytes === undefined) continue;
      durable = Math.max(durable, header.durable);
      for (const { items } of decodeRecord(bytes, geometry.sealer)?.batches ?? [])
        for (const { inode } of items) if (inodes.size < mostInodes) inodes.add(inode);
    }
  }
  const { sequence, baseless } = end;
  return baseless || durable >= sequence ? { sequence, baseless, durable, inodes } : undefined;
}

/** What looks like the header of a record of the epoch, of this number or a later one, wherever it lies. */
function* headers(
  segment: Uint8Array,
  from: number,
  epoch: number,
  sequence: number,
): Iterable<{ readonly header: JournalRecord; readonly at: number }> {
  const view = new DataView(segment.buffer, segment.byteOffset, segment.length);
  const bytes = Buffer.from(segment.buffer, segment.byteOffset, segment.length);
  const last = segment.length - JournalRecord.size;
  for (let at = bytes.indexOf(magic, from); at >= 0 && at <= last; at = bytes.indexOf(magic, at + 1)) {
    // Places are used again: most of what looks like a record is one of a former mount.
    if (at % recordAlignment !== 0 || readU64(view, at + JournalRecord.offsetOf.epoch) !== epoch) continue;
    const header = JournalRecord.read(view, at);
    if (header.sequence >= sequence) yield { header, at };
  }
}
