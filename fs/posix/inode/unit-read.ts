/**
 * Reading a transformed unit: its pages as stored, checked as those of plain extents are, and decoded once. Serves
 * reads of files and changes of parts of pages.
 *
 * What is asked for as a whole is decoded where it is wanted; otherwise into the cache of units, as more of it will
 * probably be asked for. What is encrypted alone and asked for as a whole is read to where it is wanted, and decrypted there:
 * units that follow each other in the log as in the file are one read.
 */
import { FsError } from '../../errors.js';
import { checksum, followedByPage } from '../../format/checksum.js';
import type { Pieces } from '../../store/pieces.js';
import type { Chain } from '../../transform/chain.js';
import { Spare } from '../../transform/spare.js';
import { maxUnitBytes } from '../../transform/transform.js';
import { decodeUnit, openUnit } from '../../transform/unit.js';
import { type Address, type InodeNumber, type PageNumber, pageSize } from '../../units.js';
import type { Context } from './context.js';
import { corrupt, senseless } from './damage.js';
import type { ExtentCursor } from './extent-map.js';
import {
  extentPageChecksum,
  extentSealed,
  extentStoredPages,
  extentTransform,
  unitPlainBytes,
  unitProblem,
  unitSeal,
  unitSkip,
  unitStoredBytes,
} from './extent-value.js';
import type { Inode } from './inode.js';
import { valueOfBytes } from './item-bytes.js';
import { copyPart } from './page-part.js';

const nothing = new Uint8Array(0);
/** For units as they are stored. */
const spare = new Spare(maxUnitBytes);

/** A page of the file in the decoded unit that the cursor is at. */
export function pageOfUnit(plain: Uint8Array, cursor: ExtentCursor, page: PageNumber): Uint8Array {
  const at = (page - cursor.first + unitSkip(cursor.value)) * pageSize;
  return plain.subarray(at, at + pageSize);
}

export class UnitRead {
  readonly address: Address;
  token = 0;
  private readonly first: PageNumber;
  /** The extent's value, copied. */
  private readonly value: Uint8Array;
  /** Where it is read to. */
  private stored: Uint8Array = nothing;
  /** The memory that was taken for it, if it is not read into the caller's buffer. */
  private memory: Uint8Array | undefined;
  /** Where in the caller's buffer that is; -1: it is memory of its own. */
  private place = -1;
  private readonly pages: PageNumber[] = [];
  private readonly targets: number[] = [];

  /** Throws EIO for an extent that makes no sense. */
  constructor(
    context: Context,
    private readonly inode: InodeNumber,
    cursor: ExtentCursor,
  ) {
    this.address = cursor.address;
    this.first = cursor.first;
    this.value = valueOfBytes(cursor.value);
    const problem = unitProblem(this.value);
    if (problem !== undefined) throw senseless(context, inode, this.first, this.address, problem);
  }

  /** A page of the file is wanted from the unit, at `target` of the caller's buffer. */
  want(page: PageNumber, target: number): void {
    this.pages.push(page);
    this.targets.push(target);
  }

  private get storedPages(): number {
    return extentStoredPages(this.value);
  }

  /** Whether all of it is wanted, in one piece. */
  private whole(into: Uint8Array): boolean {
    const bytes = unitPlainBytes(this.value);
    const [target] = this.targets;
    return this.pages.length * pageSize === bytes && target >= 0 && target + bytes <= into.length;
  }

  /** Choose where it is read to; all that is wanted of it is known. */
  private settle(context: Context, into: Uint8Array): void {
    const { value } = this;
    const bytes = this.storedPages * pageSize;
    const chain = context.volume.transforms.chains.at(extentTransform(value));
    const alone = chain !== undefined && chain.compression === undefined && bytes === unitPlainBytes(value);
    this.place = alone && this.whole(into) ? this.targets[0] : -1;
    if (this.place < 0) this.memory = spare.take(bytes);
    this.stored = this.memory?.subarray(0, bytes) ?? into.subarray(this.place, this.place + bytes);
  }

  /** It is not read, nor looked at, any more: others may use its memory. */
  release(): void {
    if (this.memory !== undefined) spare.give(this.memory);
    this.memory = undefined;
    this.stored = nothing;
  }

  /** Ask the log for it. Undefined when that was answered in place. May throw Suspend. */
  issue(context: Context, into: Uint8Array = nothing): Promise<void> | undefined {
    this.settle(context, into);
    this.token = context.volume.where(this.address);
    return context.volume.readPages(this.address, this.storedPages, this.stored);
  }

  /** The same as one of the pieces that are read together. */
  locate(context: Context, into: Uint8Array, pieces: Pieces): void {
    this.settle(context, into);
    this.token = context.volume.locate(this.address, this.storedPages, this.stored, 0, pieces);
  }

  /**
   * Whether what was read is what was written. False: it may have been moved or rewritten meanwhile, and is to be read
   * again; throws EIO when that is not so, if `again`.
   */
  sound(context: Context, inode: Inode, mapVersion: number, again: boolean): boolean {
    const { value, stored } = this;
    const count = stored.length / pageSize;
    let sum = extentPageChecksum(value, 0);
    for (let i = 1; i < count; i++) sum = followedByPage(sum, extentPageChecksum(value, i));
    const found = checksum(stored);
    if (found === sum) return true;
    const moved = context.volume.where(this.address) !== this.token;
    if (!again || moved || inode.mapVersion !== mapVersion || inode.gone) return false;
    throw corrupt(context, inode, this.first, this.address, sum, found);
  }

  /** The unit, decoded, in the cache. Throws EIO. */
  decode(context: Context): Uint8Array {
    const memory = context.units.take(this.address);
    const plain = memory.subarray(0, unitPlainBytes(this.value));
    try {
      this.decodeInto(context, plain);
    } catch (e) {
      context.units.drop(this.address);
      throw e;
    }
    return plain;
  }

  /** Copy the pages that are wanted to where they are. Throws EIO. */
  deliver(context: Context, into: Uint8Array, length: number): void {
    const { pages, targets, value } = this;
    if (this.place >= 0) {
      this.open(context);
      return;
    }
    if (this.whole(into)) {
      const [target] = targets;
      this.decodeInto(context, into.subarray(target, target + unitPlainBytes(value)));
      return;
    }
    const plain = this.decode(context);
    for (let i = 0; i < pages.length; i++) {
      const at = (pages[i] - this.first + unitSkip(value)) * pageSize;
      copyPart(plain.subarray(at, at + pageSize), into, targets[i], length);
    }
  }

  private decodeInto(context: Context, plain: Uint8Array): void {
    const chain = this.open(context);
    try {
      decodeUnit(chain, this.stored.subarray(0, unitStoredBytes(this.value)), plain);
    } catch (e) {
      // Whatever a decoder throws, what it was given is not what was written.
      const problem = `is not what ${chain.name} makes: ${e instanceof Error ? e.message : String(e)}`;
      throw senseless(context, this.inode, this.first, this.address, problem);
    }
  }

  /** Decrypt what was read where it is, if it is encrypted. Throws EIO when it is not authentic. */
  private open(context: Context): Chain {
    const { chains, sealer } = context.volume.transforms;
    const { value, stored } = this;
    const number = extentTransform(value);
    const chain = chains.at(number);
    if (chain === undefined) throw new FsError('EIO', 'read', this.inode, `transform ${number} is not known`);
    const isSealed = extentSealed(value);
    if (isSealed !== chain.sealed || (isSealed && sealer === undefined))
      throw senseless(context, this.inode, this.first, this.address, `is not what ${chain.name} makes`);
    if (isSealed && sealer !== undefined && !openUnit(sealer, stored, unitSeal(value)))
      throw senseless(context, this.inode, this.first, this.address, 'is not authentic');
    return chain;
  }
}
