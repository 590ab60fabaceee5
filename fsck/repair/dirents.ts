/**
 * Puts the entries of one directory in order, as they come: one that lies under another hash than its name's is moved
 * there, one with an impossible name or a name that comes twice is removed. Where entries lead is a later step's
 * question (names.ts); what had no other name than one removed here gets one in lost+found there.
 */
import { Dirent, itemKind } from '../../fs/format/item.js';
import { firstOffset, hash45, namesPerHash } from '../../fs/format/name-hash.js';
import { direntBytes, direntName } from '../../fs/posix/namespace/dirents.js';
import { type InodeNumber, maxNameBytes } from '../../fs/units.js';
import { hashOf, isName, quote } from '../dirents.js';
import type { Item } from '../system-items.js';
import type { Changes } from './changes.js';
import type { Ledger } from './ledger.js';
import type { Workshop } from './workshop.js';

/** Most entries that are moved in one round. */
const mostDisplaced = 10_000;

export class DirentMender {
  count = 0;
  /** Size of the directory. */
  bytes = 0;
  private readonly displaced: Uint8Array[] = [];
  private hash = -1;
  private names: Uint8Array[] = [];

  constructor(
    private readonly shop: Workshop,
    private readonly changes: Changes,
    private readonly ledger: Ledger,
    private readonly inode: InodeNumber,
  ) {}

  async add({ offset, value }: Item): Promise<void> {
    const length = value.length - Dirent.size;
    const name = direntName(value);
    if (length < 1 || length > maxNameBytes || !isName(name)) {
      await this.remove(offset, `an entry with the impossible name ${quote(name)}`);
      return;
    }
    const hash = hash45(name, this.shop.nameSeed);
    if (hash !== hashOf(offset)) {
      if (this.displaced.length === mostDisplaced) return;
      await this.changes.delete(this.inode, itemKind.dirent, offset);
      this.displaced.push(value);
      return;
    }
    if (hash !== this.hash) {
      this.hash = hash;
      this.names = [];
    }
    if (this.names.some((other) => Buffer.compare(other, name) === 0)) {
      await this.remove(offset, `a second entry ${quote(name)}`);
      return;
    }
    this.names.push(name);
    this.take(name);
  }

  private take(name: Uint8Array): void {
    this.count++;
    this.bytes += direntBytes(name.length);
  }

  /** Put displaced entries where they belong. */
  async finish(): Promise<void> {
    await this.changes.flush();
    for (const value of this.displaced) {
      const name = direntName(value);
      const offset = await freeOffset(this.shop, this.inode, name);
      if (offset < 0) {
        this.ledger.did('name-hash', `directory ${this.inode}: a second entry ${quote(name)} was removed`, this.inode);
        continue;
      }
      this.take(name);
      await this.changes.put(this.inode, itemKind.dirent, offset, value);
      await this.changes.flush();
      this.ledger.did(
        'name-hash',
        `directory ${this.inode}: the entry ${quote(name)} was moved to its hash`,
        this.inode,
      );
    }
  }

  private async remove(offset: number, what: string): Promise<void> {
    await this.changes.delete(this.inode, itemKind.dirent, offset);
    this.ledger.did('name', `directory ${this.inode}: removed ${what}`, this.inode);
  }
}

/** The first free offset for a new name in a directory, or -1 if there is none or the name is there. */
export async function freeOffset(shop: Workshop, directory: InodeNumber, name: Uint8Array): Promise<number> {
  const first = firstOffset(hash45(name, shop.nameSeed));
  let free = first;
  for await (const item of shop.items(directory, itemKind.dirent, first)) {
    if (item.offset >= first + namesPerHash) break;
    if (Buffer.compare(direntName(item.value), name) === 0) return -1;
    if (item.offset === free) free++;
  }
  return free < first + namesPerHash ? free : -1;
}
