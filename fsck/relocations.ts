/**
 * The relocation map as read from the system tree: runs of pages that the cleaner moved, ascending by the address
 * under which pointers know them.
 */
import type { Address } from '../fs/units.js';
import { floorIndex, numbers, words } from './column.js';

export class RelocationList {
  readonly from = numbers();
  readonly to = numbers();
  readonly pages = words();
  /** Pages of each run that a pointer used. */
  readonly used = words();

  /** Enter a run; `from` ascends. False if it overlaps the run before. */
  add(from: Address, to: Address, pages: number): boolean {
    const last = this.from.length - 1;
    if (last >= 0 && this.from.values[last] + this.pages.values[last] > from) return false;
    this.from.push(from);
    this.to.push(to);
    this.pages.push(pages);
    this.used.push(0);
    return true;
  }

  /** Where the page lies today, or -1 if it was not moved. */
  target(address: Address): Address | -1 {
    const at = this.indexOf(address);
    return at < 0 ? -1 : this.to.values[at] + (address - this.from.values[at]);
  }

  /** A pointer leads to this page through the map. */
  use(address: Address): void {
    const at = this.indexOf(address);
    if (at >= 0) this.used.values[at]++;
  }

  private indexOf(address: Address): number {
    const at = floorIndex(this.from, address);
    return at >= 0 && address < this.from.values[at] + this.pages.values[at] ? at : -1;
  }
}
