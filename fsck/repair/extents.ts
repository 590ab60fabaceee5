/**
 * Puts the extents of one inode in order, as they come: what makes no sense is removed, pages that lie nowhere are
 * cut out, pages that belong to another pointer are copied, and of two extents that overlap one gives way: the
 * reserved one, else the older one.
 *
 * Pages are not released: the next recount finds those that nothing needs any more.
 */
import { itemKind } from '../../fs/format/item.js';
import { Pointer } from '../../fs/format/pointer.js';
import { writeU64 } from '../../fs/format/struct.js';
import { extentPageCount, partOfExtent } from '../../fs/posix/inode/extent-value.js';
import { type InodeNumber, maxFileSize, type PageNumber, pageSize } from '../../fs/units.js';
import { extentProblem, pointerOf } from '../extent-value.js';
import type { Image } from '../image.js';
import type { Item } from '../system-items.js';
import type { Changes } from './changes.js';
import type { Contested } from './contested.js';
import type { Ledger } from './ledger.js';
import type { Workshop } from './workshop.js';

const endOfPages: PageNumber = maxFileSize / pageSize;

/** An extent that stays, so far. */
interface Kept {
  readonly first: PageNumber;
  /** Page after the last. */
  readonly end: PageNumber;
  readonly value: Uint8Array;
  /** It is in the tree just so. */
  readonly stored: boolean;
}

/** What extents of all inodes are judged by. */
export interface ExtentFacts {
  readonly image: Image;
  readonly contested: Contested;
  /** Inodes whose extents say that they were born later than they can have been. */
  readonly bornLate: ReadonlySet<InodeNumber>;
}

export class ExtentMender {
  /** Pages, reserved ones included. */
  pages = 0;
  storedPages = 0;
  /** Page after the last stored one. */
  storedEnd = 0;
  private last: Kept | undefined;
  /** Key of the extent at hand. */
  private reading: PageNumber = -1;
  /** Keys that were put ahead of the reading. */
  private readonly ahead = new Set<PageNumber>();

  constructor(
    private readonly shop: Workshop,
    private readonly facts: ExtentFacts,
    private readonly changes: Changes,
    private readonly ledger: Ledger,
    private readonly inode: InodeNumber,
  ) {}

  /** The next extent, in the order of keys. */
  async add({ offset: first, value }: Item): Promise<void> {
    this.reading = first;
    if (this.ahead.delete(first)) return;
    const wrong = extentProblem(value, this.facts.image.superblock);
    if (wrong !== undefined) {
      await this.drop(first, `the extent at page ${first} ${wrong}`);
      return;
    }
    const pointer = pointerOf(value);
    const length = extentPageCount(value);
    const fates = pointer.address === 0 ? [] : this.fatesOf(pointer, first);
    if (fates.every((fate) => fate === 'keep')) {
      await this.keep({ first, end: first + length, value, stored: true });
    } else if (pointer.transform !== 0) {
      // A unit is read as a whole: it lives or dies as one.
      if (fates.includes('cut')) await this.drop(first, `the extent at page ${first} points to pages that lie nowhere`);
      else await this.keep({ first, end: first + length, value: await this.copy(first, value), stored: true });
    } else {
      await this.keepParts(first, value, fates);
    }
  }

  /** What becomes of each page. */
  private fatesOf({ address, pages }: Pointer, first: PageNumber): ('keep' | 'cut' | 'copy')[] {
    const { image, contested } = this.facts;
    const seen = new Set<number>();
    return Array.from({ length: pages }, (_, i) => {
      const located = image.locate(address + i, true);
      if (located < 0) return 'cut';
      const second = seen.has(located);
      seen.add(located);
      return !second && contested.belongsTo(located, this.inode, first) ? 'keep' : 'copy';
    });
  }

  private async keepParts(first: PageNumber, value: Uint8Array, fates: readonly string[]): Promise<void> {
    if (fates[0] === 'cut') await this.changes.delete(this.inode, itemKind.extent, first);
    for (let from = 0, to = 0; from < fates.length; from = to) {
      while (to < fates.length && fates[to] === fates[from]) to++;
      if (fates[from] === 'cut') {
        const what = `pages ${first + from} to ${first + to - 1}`;
        this.ledger.did('page-claim', `inode ${this.inode}: ${what}, which lie nowhere, were cut out`, this.inode);
        this.ledger.lose(this.ledger.pathOf(this.inode), what);
        continue;
      }
      const part = partOfExtent(value, from, to);
      const copied = fates[from] === 'copy';
      await this.keep({
        first: first + from,
        end: first + to,
        value: copied ? await this.copy(first + from, part) : part,
        stored: copied,
      });
    }
  }

  private async copy(first: PageNumber, value: Uint8Array): Promise<Uint8Array> {
    await this.changes.flush();
    const copy = await this.shop.copyExtent(this.inode, first, value);
    if (first > this.reading) this.ahead.add(first);
    const { pages } = pointerOf(value);
    const message = `inode ${this.inode}: ${pages} pages from page ${first} on, which others point to, were copied`;
    this.ledger.did('page-claim', message, this.inode);
    return copy;
  }

  /** Take an extent in, after it was settled with the one before. */
  private async keep(given: Kept): Promise<void> {
    let next: Kept | undefined = given.end > endOfPages ? await this.cut(given, given.first, endOfPages) : given;
    const { last } = this;
    if (last !== undefined && next !== undefined && next.first < last.end) {
      const [a, b] = [pointerOf(last.value), pointerOf(next.value)];
      const lastStays = a.address === 0 ? b.address === 0 : b.address === 0 || a.birth >= b.birth;
      if (lastStays) next = await this.cut(next, last.end, next.end);
      else this.last = await this.cut(last, last.first, next.first);
    }
    if (next === undefined) return;
    await this.settle();
    this.last = next;
  }

  /** Cut an extent down to [from, end); undefined if nothing is left of it. */
  private async cut(kept: Kept, from: PageNumber, end: PageNumber): Promise<Kept | undefined> {
    const { first, value } = kept;
    const { transform, address } = pointerOf(value);
    const nothing = from >= end || transform !== 0;
    const message = `inode ${this.inode}: the extent at page ${first} was cut ${nothing ? 'out' : `to ${from} to ${end - 1}`}`;
    this.ledger.did('extent-overlap', message, this.inode);
    if (address !== 0)
      this.ledger.lose(this.ledger.pathOf(this.inode), `pages ${first} to ${kept.end - 1} had two extents`);
    if (kept.stored && (nothing || from > first)) await this.changes.delete(this.inode, itemKind.extent, first);
    if (nothing) return undefined;
    return { first: from, end, value: partOfExtent(value, from - first, end - first), stored: false };
  }

  /** The last extent is final. */
  private async settle(): Promise<void> {
    const { last } = this;
    this.last = undefined;
    if (last === undefined) return;
    const { first, end } = last;
    const { address, pages } = pointerOf(last.value);
    this.pages += pages;
    if (address !== 0) {
      this.storedPages += pages;
      this.storedEnd = Math.max(this.storedEnd, end);
    }
    const value = this.inTime(last.value);
    if (last.stored && value === last.value) return;
    if (first > this.reading) this.ahead.add(first);
    await this.changes.put(this.inode, itemKind.extent, first, value);
  }

  /** The extent as its new node may hold it: born no later than that. */
  private inTime(value: Uint8Array): Uint8Array {
    if (!this.facts.bornLate.has(this.inode)) return value;
    const { birth } = pointerOf(value);
    const copy = value.slice();
    const { generation } = this.shop.state.log;
    writeU64(new DataView(copy.buffer), Pointer.offsetOf.birth, Math.min(birth, generation));
    if (birth > generation) {
      this.ledger.did('birth', `inode ${this.inode}: an extent was born in generation ${generation} now`, this.inode);
    }
    return copy;
  }

  private async drop(first: PageNumber, why: string): Promise<void> {
    await this.changes.delete(this.inode, itemKind.extent, first);
    this.ledger.did('extent-value', `inode ${this.inode}: removed: ${why}`, this.inode);
    this.ledger.lose(this.ledger.pathOf(this.inode), `the pages from ${first} on`);
  }

  async finish(): Promise<void> {
    await this.settle();
  }
}
