/**
 * What the live line has dropped while a snapshot holds it: runs of pages, in the order in which they were dropped, in
 * chunks that are items of the system tree under the line's id. A snapshot notes the number of the next chunk when it is
 * made (`mark`), so the chunks between the marks of two roots that follow each other say which pages the first one has
 * and the second one has not. After the deadlists of ZFS (M. Ahrens, "How ZFS Snapshots Really Work", 2019), here in
 * one sequence, so that nothing is copied or merged when a snapshot between two others goes.
 *
 * Invariants
 * 1. A page is in a chunk of a line exactly from when the line drops it until no root holds it any more.
 * 2. When a checkpoint freezes, nothing waits here: all runs are in chunks of the system tree, which it writes.
 */
import { CorruptionError } from '../errors.js';
import { DroppedRun, itemKind } from '../format/item.js';
import { readU64, writeU64 } from '../format/struct.js';
import type { Put } from '../tree/batch.js';
import type { Address, Generation } from '../units.js';

export interface Dropped {
  readonly address: Address;
  readonly pages: number;
  readonly birth: Generation;
}

const runsPerChunk = 100;
const at = DroppedRun.offsetOf;

export class DroppedRuns {
  /** Runs that no chunk holds yet. */
  waiting: Dropped[] = [];

  constructor(
    /** Number of the next chunk, of whatever line. */
    public next: number,
  ) {}

  add(address: Address, pages: number, birth: Generation): void {
    this.waiting.push({ address, pages, birth });
  }

  /** Chunks of the line with all that waits. `written` follows when the tree has them. */
  chunks(line: number): Put[] {
    const puts: Put[] = [];
    for (let from = 0; from < this.waiting.length; from += runsPerChunk)
      puts.push(putChunk(line, this.next + puts.length, this.waiting.slice(from, from + runsPerChunk)));
    return puts;
  }

  written(): void {
    this.next += Math.ceil(this.waiting.length / runsPerChunk);
    this.waiting = [];
  }
}

export function putChunk(line: number, number: number, runs: readonly Dropped[]): Put {
  const value = new Uint8Array(runs.length * DroppedRun.size);
  const view = new DataView(value.buffer);
  for (const [i, { address, pages, birth }] of runs.entries()) {
    const base = i * DroppedRun.size;
    writeU64(view, base + at.address, address);
    writeU64(view, base + at.birth, birth);
    view.setUint32(base + at.pages, pages, true);
  }
  return { type: 'put', inode: line, kind: itemKind.dropped, offset: number, value };
}

/** The runs of a chunk. */
export function readChunk(value: Uint8Array): Dropped[] {
  if (value.length % DroppedRun.size !== 0) throw new CorruptionError('dropped runs', 'chunk', `${value.length} bytes`);
  const view = new DataView(value.buffer, value.byteOffset, value.length);
  const runs: Dropped[] = [];
  for (let base = 0; base < value.length; base += DroppedRun.size) {
    runs.push({
      address: readU64(view, base + at.address),
      birth: readU64(view, base + at.birth),
      pages: view.getUint32(base + at.pages, true),
    });
  }
  return runs;
}
