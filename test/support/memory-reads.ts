/** Reads of a memory volume's pages: some are late, and some pages move meanwhile and read as anything. */
import type { Pieces } from '../../fs/store/pieces.js';
import { chance, type Random } from '../../fs/store/random.js';
import { pageSize } from '../../fs/units.js';
import { BrokenRule } from './memory-cursor.js';

export interface StoredPage {
  readonly bytes: Uint8Array;
  readonly birth: number;
  live: boolean;
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export class MemoryReads {
  /** How often a page was moved. */
  private readonly moves = new Map<number, number>();

  /** `late`: share of reads that are answered later. */
  constructor(
    private readonly stored: ReadonlyMap<number, StoredPage>,
    private readonly random: Random,
    private readonly late: number,
  ) {}

  where(address: number): number {
    return address + (this.moves.get(address) ?? 0) * 2 ** 40;
  }

  fetchAll(pieces: Pieces): Promise<void> | undefined {
    const waits: Promise<void>[] = [];
    for (let i = 0; i < pieces.count; i++) {
      const wait = this.fetch(pieces.offset[i] / pageSize, pieces.bytes[i] / pageSize, pieces.view(i));
      if (wait !== undefined) waits.push(wait);
    }
    return waits.length === 0 ? undefined : Promise.all(waits).then(() => undefined);
  }

  fetch(address: number, pages: number, into: Uint8Array): Promise<void> | undefined {
    if (into.length !== pages * pageSize) throw new BrokenRule('a read into part of a page');
    const copy = (): void => {
      for (let i = 0; i < pages; i++) {
        const page = this.stored.get(address + i);
        if (page === undefined) throw new BrokenRule(`read of page ${address + i}`);
        into.set(page.bytes, i * pageSize);
      }
    };
    if (!chance(this.random, this.late)) {
      copy();
      return undefined;
    }
    into.fill(0xee);
    const moves = chance(this.random, 0.1);
    return turn().then(() => {
      if (!moves) return copy();
      for (let i = 0; i < pages; i++) this.moves.set(address + i, (this.moves.get(address + i) ?? 0) + 1);
    });
  }
}
