/**
 * The step that puts the items of each inode concerned in order, by themselves: its record, contents, attributes,
 * entries, extents. What other inodes have to do with it (names, links, parents) is left to later steps.
 *
 * Contents without a record get one (read by root alone), as their data may be all that is left of a file; an inode
 * of which nothing but attributes is left goes.
 */
import { itemKind } from '../../fs/format/item.js';
import { rootInode, volumeInode } from '../../fs/units.js';
import type { Survey } from '../check.js';
import { fileType, typeNames } from '../inode-table.js';
import type { Item } from '../system-items.js';
import { Changes } from './changes.js';
import { DirentMender } from './dirents.js';
import { type ExtentFacts, ExtentMender } from './extents.js';
import type { Ledger } from './ledger.js';
import { mendRecord, readRecord } from './record.js';
import type { Workshop } from './workshop.js';
import { XattrMender } from './xattrs.js';

/** What is known of all inodes concerned. */
export interface ItemFacts extends ExtentFacts {
  readonly survey: Survey;
  /** Types that entries give to the inodes concerned. */
  readonly hints: ReadonlyMap<number, number>;
}

export async function mendItems(
  shop: Workshop,
  facts: ItemFacts,
  concerned: ReadonlySet<number>,
  ledger: Ledger,
): Promise<void> {
  for (const inode of concerned) {
    if (inode === volumeInode) await mendVolumeItems(shop, ledger);
    else await new InodeMender(shop, facts, ledger, inode).mend();
  }
}

/** Types that entries give to inodes. */
export function hintsFor({ files }: Survey, concerned: ReadonlySet<number>): Map<number, number> {
  const hints = new Map<number, number>();
  const { inode, type } = files.dirents;
  for (let i = 0; i < inode.length; i++) {
    if (concerned.has(inode.values[i])) hints.set(inode.values[i], type.values[i]);
  }
  return hints;
}

const volumeKinds: readonly number[] = [
  itemKind.orphan,
  itemKind.userUsage,
  itemKind.groupUsage,
  itemKind.projectUsage,
  itemKind.userLimits,
  itemKind.groupLimits,
  itemKind.projectLimits,
];

async function mendVolumeItems(shop: Workshop, ledger: Ledger): Promise<void> {
  const changes = new Changes(shop);
  for await (const { kind, offset, value } of shop.items(volumeInode)) {
    if (volumeKinds.includes(kind)) continue;
    await changes.delete(volumeInode, kind, offset);
    ledger.did('item-unknown', `removed a volume item of kind ${kind} (offset ${offset}): ${dump(value)}`);
  }
  await changes.flush();
}

/** The beginning of an unknown value: nothing goes unseen. */
const dump = (value: Uint8Array): string =>
  `${value.length} bytes ${Buffer.from(value.subarray(0, 32)).toString('hex')}${value.length > 32 ? '...' : ''}`;

class InodeMender {
  private readonly changes: Changes;
  private readonly extents: ExtentMender;
  private readonly xattrs: XattrMender;
  private readonly dirents: DirentMender;
  private inlineBytes = -1;

  constructor(
    private readonly shop: Workshop,
    private readonly facts: ItemFacts,
    private readonly ledger: Ledger,
    private readonly inode: number,
  ) {
    this.changes = new Changes(shop);
    this.extents = new ExtentMender(shop, facts, this.changes, ledger, inode);
    this.xattrs = new XattrMender(shop, this.changes, ledger, inode);
    this.dirents = new DirentMender(shop, this.changes, ledger, inode);
  }

  async mend(): Promise<void> {
    const { shop, inode } = this;
    const value = await shop.get(inode, itemKind.inode, 0);
    const record = value === undefined ? undefined : readRecord(value);
    const type = await this.typeFor(record?.mode);
    if (type === undefined) {
      await this.removeAll('nothing but attributes is left of it');
      return;
    }
    for await (const item of shop.items(inode)) await this.item(item, type);
    await this.xattrs.finish();
    await this.extents.finish();
    await this.dirents.finish();
    if (this.inlineBytes >= 0 && this.extents.storedPages > 0) {
      await this.remove({ inode, kind: itemKind.inline, offset: 0 }, 'inline contents beside extents');
      this.inlineBytes = -1;
    }
    const isOrphan = this.facts.survey.files.orphans.has(inode);
    if (type === fileType.symlink && this.inlineBytes < 0 && this.extents.storedPages === 0 && !isOrphan) {
      await this.removeAll('a symbolic link without a target');
      return;
    }
    const found = {
      type,
      isOrphan,
      pages: this.extents.pages,
      storedEnd: this.extents.storedEnd,
      inlineBytes: this.inlineBytes,
      entryBytes: this.dirents.bytes,
      xattrFlags: this.xattrs.flags,
    };
    const mended = mendRecord(inode, record, found, this.ledger);
    if (mended !== undefined) await this.changes.put(inode, itemKind.inode, 0, mended);
    await this.changes.flush();
  }

  /** What the inode is: by its record; else by what it has, and what entries say. Undefined: it has nothing. */
  private async typeFor(mode: number | undefined): Promise<number | undefined> {
    if (this.inode === rootInode) return fileType.directory;
    const recorded = mode === undefined ? -1 : (mode & 0xffff) >>> 12;
    if (typeNames[recorded] !== undefined) return recorded;
    let contents = false;
    for await (const { kind } of this.shop.items(this.inode, undefined, 0)) {
      if (kind === itemKind.dirent) return fileType.directory;
      if (kind === itemKind.inline || kind === itemKind.extent) contents = true;
    }
    const hint = this.facts.hints.get(this.inode);
    if (contents) return hint === fileType.symlink ? hint : fileType.regular;
    if (mode === undefined) return undefined;
    return hint !== undefined && typeNames[hint] !== undefined ? hint : fileType.regular;
  }

  private async item(item: Item, type: number): Promise<void> {
    const { kind, offset } = item;
    const hasContents = type === fileType.regular || type === fileType.symlink;
    if (kind === itemKind.inode) {
      if (offset !== 0) await this.remove(item, `a record at offset ${offset}`);
    } else if (kind === itemKind.inline) {
      if (hasContents && offset === 0) this.inlineBytes = item.value.length;
      else await this.remove(item, 'inline contents that do not belong there');
    } else if (kind === itemKind.xattr) await this.xattrs.attribute(item);
    else if (kind === itemKind.xattrPiece) await this.xattrs.piece(item);
    else if (kind === itemKind.dirent) {
      if (type === fileType.directory) await this.dirents.add(item);
      else await this.remove(item, 'an entry in what is no directory');
    } else if (kind === itemKind.extent) {
      if (hasContents) await this.extents.add(item);
      else await this.remove(item, 'an extent of what has no contents');
    } else {
      await this.changes.delete(item.inode, kind, offset);
      const message = `inode ${this.inode}: removed an item of kind ${kind} (offset ${offset}): ${dump(item.value)}`;
      this.ledger.did('item-unknown', message, this.inode);
    }
  }

  private async remove({ inode, kind, offset }: Omit<Item, 'value'>, what: string): Promise<void> {
    await this.changes.delete(inode, kind, offset);
    this.ledger.did('item-without-inode', `inode ${inode}: removed ${what}`, inode);
    this.ledger.lose(this.ledger.pathOf(inode), what);
  }

  private async removeAll(why: string): Promise<void> {
    const { inode, changes, shop } = this;
    for await (const { kind, offset } of shop.items(inode)) await changes.delete(inode, kind, offset);
    await changes.flush();
    this.ledger.did('item-without-inode', `inode ${inode} was removed: ${why}`, inode);
    this.ledger.lose(this.ledger.pathOf(inode), why);
  }
}
