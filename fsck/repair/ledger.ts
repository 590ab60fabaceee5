/**
 * What a repair has done, and what was lost: for people line by line, for programs as a list. Bounded, as a hostile
 * image can need more repairs than memory holds; all are counted.
 */
import { itemKind } from '../../fs/format/item.js';
import type { GraftKey } from '../../fs/tree/graft.js';
import type { InodeNumber } from '../../fs/units.js';
import { type Problem, type ProblemCode, problem } from '../problem.js';
import type { Look } from './look.js';

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
  /**
   * From the root of the volume, as far as it is known; `#N` stands for inode N. Without a slash before it: `snapshot NAME`,
   * `branch NAME`, `snapshot #N` where the name is lost too, or `history`.
   */
  readonly path: string;
  readonly what: string;
}

/** Keys from `from` up to, not including, `to`. */
export interface LostRange {
  readonly from: GraftKey;
  readonly to: GraftKey | undefined;
}

const mostListed = 1000;

export class Ledger {
  readonly repairs: Repair[] = [];
  readonly losses: Loss[] = [];
  /** Those included that are not listed. */
  repaired = 0;
  lost = 0;
  /** Keys that were dropped, and what that means for files is still to be found out. */
  ranges: LostRange[] = [];
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

  /** Items with these keys are gone, if there were any. */
  loseRange(from: LostRange['from'], to: LostRange['to']): void {
    this.nodesLost = true;
    if (this.ranges.length < mostListed) this.ranges.push({ from, to });
  }

  /** Say which files that are still there lost something in the ranges that were dropped. */
  async tellRanges({ survey }: Look, withPaths: (problems: readonly Problem[]) => Promise<Problem[]>): Promise<void> {
    if (survey === undefined || this.ranges.length === 0) return;
    const inodes = new Set<InodeNumber>();
    for (const { from, to } of this.ranges.splice(0)) {
      // Those between are gone with their records; these two may have theirs elsewhere.
      if (from.inode > 0 && from.kind > itemKind.inode) inodes.add(from.inode);
      if (to !== undefined && to.inode > from.inode) inodes.add(to.inode);
    }
    const there = [...inodes].filter((inode) => survey.files.inodes.find(inode) >= 0);
    const told = await withPaths(there.map((inode) => problem('node-checksum', 'lost items', inode)));
    for (const { inode, path } of told) this.lose(path ?? `#${inode}`, 'some of what it held may be gone');
  }

  lose(path: string, what: string): void {
    this.lost++;
    if (this.losses.length < mostListed) this.losses.push({ path, what });
  }
}
