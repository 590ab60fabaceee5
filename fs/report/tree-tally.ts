/** Adds up how the leaves of a tree lie for someone who walks them in the order of their keys. */
import { pageSize } from '../units.js';
import { jumpShare, type MetadataFigures } from './fragmentation-report.js';
import { Steps } from './steps.js';

export class TreeTally {
  private leaves = 0;
  private used = 0;
  private jumps = 0;
  private last = -1;
  private readonly steps = new Steps();

  constructor(
    private readonly nodeBytes: number,
    private readonly nodePages: number,
  ) {}

  /** The next leaf: its bytes in use, and its page of the image, -1 for one that is not written yet. */
  leaf(load: number, at: number): void {
    this.leaves++;
    this.used += load;
    if (at < 0) return;
    const step = at - (this.last + this.nodePages);
    if (this.last >= 0 && step !== 0) {
      this.jumps++;
      this.steps.add(step);
    }
    this.last = at;
  }

  /** `nodes`: all that were read, leaves included. */
  figures(nodes: number, damaged: number): MetadataFigures {
    const bytes = this.leaves * this.nodeBytes;
    return {
      leaves: this.leaves,
      inner: Math.max(0, nodes - this.leaves),
      bytes: this.leaves * this.nodePages * pageSize,
      fill: bytes === 0 ? 0 : this.used / bytes,
      jumps: this.jumps,
      distances: this.steps.classes,
      score: jumpShare(this.jumps, bytes),
      damaged,
    };
  }
}
