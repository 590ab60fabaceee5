/** `varve dump IMAGE journal`: the records after the newest checkpoint, that is, what a mount would replay. */
import { itemKind } from '../format/item.js';
import { readJournal } from '../log/journal-reader.js';
import type { RawImage } from './raw-image.js';
import { counted } from './size.js';

/** A record without the values of its items. */
export interface DumpedRecord {
  readonly sequence: number;
  readonly place: number;
  readonly length: number;
  readonly durable: number;
  readonly opened: readonly { readonly place: number; readonly serial: number }[];
  readonly batches: readonly {
    readonly generation: number;
    readonly items: readonly string[];
    readonly claimedPages: number;
    readonly releasedPages: number;
  }[];
}

export const kindName = (kind: number): string =>
  Object.entries(itemKind).find(([, value]) => value === kind)?.[0] ?? `kind ${kind}`;

export async function dumpJournal({ store, superblock, newest: { checkpoint } }: RawImage): Promise<DumpedRecord[]> {
  const records: DumpedRecord[] = [];
  if (checkpoint.clean === 1) return records;
  for await (const record of readJournal(store, superblock, checkpoint, checkpoint.epoch)) {
    records.push({
      sequence: record.header.sequence,
      place: record.place,
      length: record.header.length,
      durable: record.header.durable,
      opened: record.opened,
      batches: record.batches.map((batch) => ({
        generation: batch.generation,
        items: batch.items.map((item) => `${item.type} (${item.inode}, ${kindName(item.kind)}, ${item.offset})`),
        claimedPages: batch.claims.reduce((sum, run) => sum + run.pages, 0),
        releasedPages: batch.releases.reduce((sum, run) => sum + run.pages, 0),
      })),
    });
  }
  return records;
}

export function journalText(records: readonly DumpedRecord[]): string {
  if (records.length === 0) return 'no records after the checkpoint';
  return records
    .map((record) => {
      const lines = [
        `record ${record.sequence}: ${record.length} bytes in place ${record.place}, durable up to ${record.durable}`,
      ];
      for (const { place, serial } of record.opened) lines.push(`  segment ${serial} opened in place ${place}`);
      for (const batch of record.batches) {
        const pages = `${counted(batch.claimedPages, 'page')} claimed, ${batch.releasedPages} released`;
        lines.push(`  batch of generation ${batch.generation}: ${pages}`, ...batch.items.map((item) => `    ${item}`));
      }
      return lines.join('\n');
    })
    .join('\n');
}
