/**
 * Orphans: inodes without a name, or with pages to be reclaimed. Their entries sort before all inodes, so they
 * are known when the inodes come.
 */
import { Orphan } from '../fs/format/item.js';
import { readU64 } from '../fs/format/struct.js';
import type { InodeNumber } from '../fs/units.js';
import { indexOf, numbers } from './column.js';
import type { InodeTable } from './inode-table.js';
import type { NodeFrame } from './node.js';
import { type Findings, type Problem, problem } from './problem.js';

export class OrphanList {
  readonly inodes = numbers();

  add(frame: NodeFrame, index: number, findings: Findings): void {
    const inode = frame.offset(index);
    this.inodes.push(inode);
    if (frame.valueLength(index) !== Orphan.size) {
      findings.add('orphan', `the orphan entry of inode ${inode} has ${frame.valueLength(index)} bytes`, inode);
    } else if (readU64(frame.view, frame.valueStart(index) + Orphan.offsetOf.size) >= 2 ** 53) {
      findings.add('orphan', `the orphan entry of inode ${inode} has an impossible size`, inode);
    }
  }

  has(inode: InodeNumber): boolean {
    return this.inodes.length > 0 && indexOf(this.inodes, inode) >= 0;
  }
}

/** Every orphan entry names an inode. */
export function* checkOrphans(orphans: OrphanList, inodes: InodeTable): Iterable<Problem> {
  for (let i = 0; i < orphans.inodes.length; i++) {
    const inode = orphans.inodes.values[i];
    if (inodes.find(inode) < 0)
      yield problem('orphan', `there is an orphan entry for inode ${inode}, but no such inode`, inode);
  }
}
