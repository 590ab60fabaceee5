/**
 * The regular files of a directory in the orders in which programs go through them, a part of it at a time. Serves
 * read-ahead (read-ahead.ts).
 *
 * Bounds: at most `PartSizes.most` names an order are kept, however large the directory is; each part costs a look at all
 * of its entries (0.3 s for 120,000, Node 20, 2026), in the order of the listing at its own only.
 */
import { itemKind } from '../../format/item.js';
import { run } from '../../suspend.js';
import type { InodeNumber } from '../../units.js';
import type { Context } from '../inode/context.js';
import { fileType, direntType as typeOf } from '../inode/mode.js';
import { direntInode, direntName, direntType } from './dirents.js';

/** Larger directories are left alone: there are too many parts, for each of which all is looked at. */
const mostEntries = 2 ** 17;
/** Entries between which requests are served. */
const atOnce = 1024;

/** Files in a part that is not the last one: from `least` to `most`, at least twice as many. */
export interface PartSizes {
  readonly least: number;
  readonly most: number;
}
export const usualParts: PartSizes = { least: 16384, most: 32768 };

interface Entry {
  /** Its bytes, a character each. */
  readonly name: string;
  readonly offset: number;
  readonly inode: InodeNumber;
}

/** By name (bytes), as listed, by inode number. */
const orders: readonly ((a: Entry, b: Entry) => number)[] = [
  (a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0),
  (a, b) => a.offset - b.offset,
  (a, b) => a.inode - b.inode,
];
export const allOrders: readonly number[] = [...orders.keys()];
const [byName, asListed] = allOrders;

/** Some files that follow each other in an order. */
export interface Part {
  readonly files: Float64Array;
  /** The next part begins behind this one; undefined: there is none. */
  readonly last: Entry | undefined;
}

/** The first files of an order, behind `after`, of entries that come in any. */
class First {
  private found: Entry[] = [];
  /** What comes behind it has been left out. */
  private last: Entry | undefined;

  constructor(
    private readonly order: (a: Entry, b: Entry) => number,
    private readonly after: Entry | undefined,
    private readonly sizes: PartSizes,
  ) {}

  add(entry: Entry): void {
    const { order, after, last, sizes } = this;
    if ((after !== undefined && order(entry, after) <= 0) || (last !== undefined && order(entry, last) > 0)) return;
    if (this.found.push(entry) <= sizes.most) return;
    this.found = this.found.sort(order).slice(0, sizes.least);
    this.last = this.found.at(-1);
  }

  get isFull(): boolean {
    return this.last !== undefined;
  }

  part(): Part {
    return { files: Float64Array.from(this.found.sort(this.order), ({ inode }) => inode), last: this.last };
  }
}

function nameOf(value: Uint8Array): string {
  const { buffer, byteOffset, length } = direntName(value);
  return Buffer.from(buffer, byteOffset, length).toString('latin1');
}

/**
 * A part in each of the orders that are `wanted`, behind `after`. Undefined: the directory is too large. May reject with
 * FsError, CorruptionError.
 */
export async function partsOf(
  { volume, breathe }: Pick<Context, 'volume' | 'breathe'>,
  directory: InodeNumber,
  sizes: PartSizes,
  wanted: readonly number[] = allOrders,
  after?: Entry,
): Promise<readonly Part[] | undefined> {
  const parts = wanted.map((order) => new First(orders[order], after, sizes));
  const inTurn = wanted.length === 1 && wanted[0] === asListed;
  const needsNames = wanted.includes(byName);
  let from = inTurn && after !== undefined ? after.offset + 1 : 0;
  let all = 0;
  const step = (): boolean => {
    const items = volume.seek(directory, itemKind.dirent, from);
    for (let i = 0; i < atOnce; i++, items.next()) {
      if (!items.valid || items.inode !== directory || items.kind !== itemKind.dirent) return false;
      const { value, offset } = items;
      if (offset < from) return false;
      from = offset + 1;
      all++;
      if (direntType(value) !== typeOf(fileType.regular)) continue;
      const entry = { name: needsNames ? nameOf(value) : '', offset, inode: direntInode(value) };
      for (const part of parts) part.add(entry);
      if (inTurn && parts[0].isFull) return false;
    }
    return true;
  };
  while (await run(step)) {
    if (all > mostEntries) return undefined;
    await breathe();
  }
  return parts.map((part) => part.part());
}
