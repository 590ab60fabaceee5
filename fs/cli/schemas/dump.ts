/** `varve dump`: the fields of records are those of their declarations, as FORMAT.md has them. */
import { Checkpoint } from '../../format/checkpoint.js';
import { InodeRecord } from '../../format/item.js';
import { type Field, records } from '../../format/struct.js';
import { Superblock } from '../../format/superblock.js';
import { either, list, named, number, object, optional, type Schema, text, whole } from '../json-schema.js';

function fieldOf(name: string, { type, doc: given }: Field<unknown>): Schema {
  const doc = given || name;
  const inner = records.get(type);
  if (inner !== undefined) return recordOf(inner, doc);
  if (type.startsWith('u')) return whole(doc);
  return type.startsWith('i') ? number(doc) : text(doc);
}

const recordOf = (
  { fields }: { readonly fields: Readonly<Record<string, Field<unknown>>> },
  description: string,
  without: readonly string[] = [],
): Schema =>
  object(
    description,
    Object.fromEntries(
      Object.entries(fields)
        .filter(([name]) => !without.includes(name))
        .map(([name, field]) => [name, fieldOf(name, field)]),
    ),
  );

const segment = object('one', {
  place: whole('where it lies'),
  serial: whole('its serial number'),
  state: text('free, open, sealed, journal, ...'),
  head: text('what is written to it'),
  live: whole('live pages'),
  generation: whole('in which it was written last'),
});

const treeEntry = object('of the part tree, one object a line: a node, or with --items an item of a leaf', {
  depth: whole('nodes above it'),
  node: optional(
    object('the node', {
      level: whole('0: a leaf'),
      address: whole('in the log'),
      place: whole('segment where it lies'),
      page: whole('page of the segment'),
      birth: whole('generation that wrote it'),
      count: whole('entries'),
      freeBytes: whole('free bytes'),
      checksum: text('CRC32C, hexadecimal'),
    }),
  ),
  key: text('of the item, or the first of the node'),
  bytes: optional(whole('length of the value of an item')),
});

const inode = object('of the part inode', {
  inode: whole('its number'),
  record: optional(recordOf(InodeRecord, 'its record'), 'absent: it has none'),
  items: list(
    'its other items',
    object('one', {
      kind: text('extent, dirent, xattr, ...'),
      offset: whole('third part of the key'),
      bytes: whole('length of the value'),
      facts: named('what the value says', { type: ['string', 'number'], description: 'one of them' }),
    }),
  ),
});

const journalRecord = object('one', {
  sequence: whole('its number'),
  place: whole('segment where it lies'),
  length: whole('in bytes'),
  durable: whole('the last record known durable when it was written'),
  opened: list(
    'segments that were opened since the last record',
    object('one', { place: whole('where it lies'), serial: whole('its serial number') }),
  ),
  batches: list(
    'changes of the tree',
    object('one', {
      generation: whole('to which it belongs'),
      items: list('what is put and deleted', text('in words')),
      claimedPages: whole('pages that become live'),
      releasedPages: whole('pages that die'),
    }),
  ),
});

export const dumpSchema = (): Schema =>
  either(
    'A part of an image as it lies on disk. Fields are those of the format, varve(5).',
    recordOf(Superblock, 'of the part superblock', ['transforms', 'keySlots', 'brand']),
    list('of the part checkpoint', recordOf(Checkpoint, 'the newest, and with --all the other', ['brand'])),
    list('of the part segments', segment),
    treeEntry,
    inode,
    list('of the part journal', journalRecord),
  );
