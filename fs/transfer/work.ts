/**
 * How much a stream carries, and how far both ends of it are: inodes and pages, as these cost most. Of a whole snapshot that is
 * known; of a difference, or of what is left of one, it is counted before the stream begins, in the nodes of the trees alone.
 */
import { itemKind } from '../format/item.js';
import { StreamRange, StreamUnit, streamType } from '../format/stream.js';
import { extentStoredPages } from '../posix/inode/extent-value.js';
import { run } from '../suspend.js';
import type { ItemDifference, TreeDifference } from '../tree/difference.js';
import { pageSize } from '../units.js';
import type { ItemRecords, PlannedRecord } from './item-records.js';

/** Of a record that has come. */
export function weightOf(type: number, body: Uint8Array): number {
  if (type === streamType.inode || type === streamType.gone) return 1;
  if (type === streamType.unit) return Math.ceil((body.length - StreamUnit.size) / pageSize);
  if (type !== streamType.pages) return 0;
  return new DataView(body.buffer, body.byteOffset).getUint32(StreamRange.offsetOf.pages, true);
}

/** Of the records for a difference, without what is yet to be read for them. */
export function weightOfPlanned({ after }: ItemDifference, planned: readonly PlannedRecord[]): number {
  let work = 0;
  for (const { type, body } of planned)
    work += type === streamType.unit ? extentStoredPages(after as Uint8Array) : weightOf(type, body);
  return work;
}

/** What all records of these differences will weigh together. `each`: before each step. Rejects with EIO, EUCLEAN. */
export async function countWork(
  walk: TreeDifference,
  records: ItemRecords,
  each: () => Promise<void>,
): Promise<number> {
  let work = 0;
  for (;;) {
    const differences = await run(() => walk.next());
    if (differences === undefined) return work;
    for (const one of differences) work += await run(() => weightOfDifference(one, records));
    await each();
  }
}

/** May throw Suspend. */
function weightOfDifference(one: ItemDifference, records: ItemRecords): number {
  if (one.kind === itemKind.inode) return 1;
  if (one.kind !== itemKind.extent || one.after === undefined) return 0;
  return weightOfPlanned(one, records.plan(one));
}

/** How much of it has gone. */
export class Gone {
  private gone = 0;

  /** 0: nobody knows how much there is. */
  constructor(private readonly all: number) {}

  add(weight: number): void {
    this.gone += weight;
  }

  /** From 0 to 1. */
  get share(): number {
    return this.all === 0 ? 0 : Math.min(1, this.gone / this.all);
  }
}
