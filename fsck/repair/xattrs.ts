/**
 * Puts the attributes of one inode in order, as they come: one that is whole but lies under another hash than its
 * name's is moved there; one that makes no sense, has no value or comes twice is removed, and so are pieces of values
 * that no attribute has.
 */
import { inodeFlag, itemKind, Xattr } from '../../fs/format/item.js';
import { firstOffset, hash45, namesPerHash } from '../../fs/format/name-hash.js';
import { maxXattrBytes } from '../../fs/posix/inode/xattr-item.js';
import { flagsFor } from '../../fs/posix/inode/xattr-name.js';
import type { InodeNumber } from '../../fs/units.js';
import { hashOf, quote } from '../dirents.js';
import type { Item } from '../system-items.js';
import type { Changes } from './changes.js';
import type { Ledger } from './ledger.js';
import type { Workshop } from './workshop.js';

/** Most pieces that a value has: ids are 256 apart. */
const mostPieces = 256;

export class XattrMender {
  /** Flags that the inode has because of its attributes. */
  flags = 0;
  /** Pieces of each value that an attribute has, by id. */
  private readonly pieces = new Map<number, number>();
  private readonly displaced: { readonly name: Uint8Array; readonly value: Uint8Array }[] = [];
  private hash = -1;
  private names: string[] = [];

  constructor(
    private readonly shop: Workshop,
    private readonly changes: Changes,
    private readonly ledger: Ledger,
    private readonly inode: InodeNumber,
  ) {}

  /** The next attribute, in the order of keys. All of them come before the pieces. */
  async attribute({ offset, value }: Item): Promise<void> {
    const found = await this.judge(value);
    if (typeof found === 'string') {
      await this.remove(offset, found);
      return;
    }
    const hash = hash45(found.name, this.shop.nameSeed);
    if (hash !== hashOf(offset)) {
      await this.changes.delete(this.inode, itemKind.xattr, offset);
      this.displaced.push({ name: found.name.slice(), value });
      return;
    }
    if (hash !== this.hash) {
      this.hash = hash;
      this.names = [];
    }
    const text = Buffer.from(found.name).toString('latin1');
    if (this.names.includes(text)) {
      await this.remove(offset, `the attribute ${quote(found.name)}, which comes twice`);
      return;
    }
    this.names.push(text);
    this.take(found);
  }

  private take({ name, id, count }: Found): void {
    this.flags |= flagsFor(name);
    if (id !== 0) this.pieces.set(id, count);
  }

  /** What an attribute's item holds, or what is wrong with it. */
  private async judge(value: Uint8Array): Promise<Found | string> {
    if (value.length < Xattr.size) return `an attribute of ${value.length} bytes`;
    const head = Xattr.read(new DataView(value.buffer, value.byteOffset, value.byteLength));
    const end = Xattr.size + head.nameBytes;
    if (head.nameBytes < 1 || end > value.length) return `an attribute with a name of ${head.nameBytes} bytes`;
    const name = value.subarray(Xattr.size, end);
    const rest = value.length - end;
    if (head.valueBytes > maxXattrBytes) return `the attribute ${quote(name)} of ${head.valueBytes} bytes`;
    if (head.pieces === 0) {
      return rest === head.valueBytes ? { name, id: 0, count: 0 } : `the attribute ${quote(name)} of the wrong length`;
    }
    if (rest !== 0 || this.pieces.has(head.pieces)) return `the attribute ${quote(name)}, whose pieces are not its own`;
    const count = await this.countPieces(head.pieces, head.valueBytes);
    return count < 0
      ? `the attribute ${quote(name)}, of whose value pieces are missing`
      : { name, id: head.pieces, count };
  }

  /** Pieces that make up `bytes` bytes, or -1 if they do not. */
  private async countPieces(id: number, bytes: number): Promise<number> {
    let left = bytes;
    for (let i = 0; i < mostPieces; i++) {
      if (left === 0) return i;
      const piece = await this.shop.get(this.inode, itemKind.xattrPiece, id * 256 + i);
      if (piece === undefined || piece.length === 0 || piece.length > left) return -1;
      left -= piece.length;
    }
    return left === 0 ? mostPieces : -1;
  }

  /** The next piece of a value. */
  async piece({ offset }: Item): Promise<void> {
    await this.place();
    if (offset % 256 < (this.pieces.get(Math.floor(offset / 256)) ?? 0)) return;
    await this.changes.delete(this.inode, itemKind.xattrPiece, offset);
    this.ledger.did('xattr', `inode ${this.inode}: removed a piece of a value that no attribute has`, this.inode);
  }

  /** Put displaced attributes where they belong. Called when all others were seen. */
  async place(): Promise<void> {
    if (this.displaced.length === 0) return;
    await this.changes.flush();
    for (const { name, value } of this.displaced.splice(0)) {
      const first = firstOffset(hash45(name, this.shop.nameSeed));
      const offset = await this.freeOffset(first, name);
      const found = await this.judge(value);
      if (offset < 0 || typeof found === 'string') {
        this.ledger.lose(this.ledger.pathOf(this.inode), `the attribute ${quote(name)}`);
        continue;
      }
      this.take(found);
      await this.changes.put(this.inode, itemKind.xattr, offset, value);
      await this.changes.flush();
      this.ledger.did('xattr', `inode ${this.inode}: the attribute ${quote(name)} was moved to its hash`, this.inode);
    }
  }

  /** The first free offset for a name, or -1 if there is none or the name is there. */
  private async freeOffset(first: number, name: Uint8Array): Promise<number> {
    let free = first;
    for await (const item of this.shop.items(this.inode, itemKind.xattr, first)) {
      if (item.offset >= first + namesPerHash) break;
      const end = Xattr.size + (item.value[Xattr.offsetOf.nameBytes] ?? 0);
      if (Buffer.compare(item.value.subarray(Xattr.size, end), name) === 0) return -1;
      if (item.offset === free) free++;
    }
    return free < first + namesPerHash ? free : -1;
  }

  private async remove(offset: number, what: string): Promise<void> {
    await this.changes.delete(this.inode, itemKind.xattr, offset);
    this.ledger.did('xattr', `inode ${this.inode}: removed ${what}`, this.inode);
    this.ledger.lose(this.ledger.pathOf(this.inode), what);
  }

  async finish(): Promise<void> {
    await this.place();
  }
}

interface Found {
  readonly name: Uint8Array;
  readonly id: number;
  readonly count: number;
}

/** The flags that attributes give an inode. */
export const xattrFlags = inodeFlag.xattrs | inodeFlag.acl;
