/**
 * What a repair has done, and what was lost: for people line by line, for programs as a list. Bounded, as a hostile
 * image can need more repairs than memory holds; all are counted.
 */
import type { InodeNumber } from '../../fs/units.js';
import type { ProblemCode } from '../problem.js';

/** One thing done. */
export interface Repair {
  /** The kind of finding that it was done about. */
  readonly code: ProblemCode;
  readonly message: string;
  readonly inode?: InodeNumber;
  readonly path?: string;
}

/** Something that is gone. */
export interface Loss {
  /** From the root of the volume, as far as it is known; `#N` stands for inode N. */
  readonly path: string;
  readonly what: string;
}

const mostListed = 1000;

export class Ledger {
  readonly repairs: Repair[] = [];
  readonly losses: Loss[] = [];
  /** Those included that are not listed. */
  repaired = 0;
  lost = 0;
  /** Nodes were dropped: what counts less than before has lost something. */
  nodesLost = false;
  private paths: ReadonlyMap<InodeNumber, string> = new Map();

  /** Paths of the inodes that the findings at hand are about. */
  know(paths: ReadonlyMap<InodeNumber, string>): void {
    this.paths = paths;
  }

  pathOf(inode: InodeNumber): string {
    return this.paths.get(inode) ?? `#${inode}`;
  }

  did(code: ProblemCode, message: string, inode?: InodeNumber): void {
    this.repaired++;
    if (this.repairs.length >= mostListed) return;
    const path = inode === undefined ? undefined : this.paths.get(inode);
    this.repairs.push({
      code,
      message,
      ...(inode === undefined ? {} : { inode }),
      ...(path === undefined ? {} : { path }),
    });
  }

  lose(path: string, what: string): void {
    this.lost++;
    if (this.losses.length < mostListed) this.losses.push({ path, what });
  }
}
