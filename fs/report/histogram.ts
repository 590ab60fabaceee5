/** Counts in classes that double: class k holds values from 2^k up to 2^(k+1) - 1. */
import type { Classes } from './fragmentation-report.js';

export class Doubling {
  private readonly counts: number[] = [];
  private readonly amounts: number[] = [];

  /** `value` is 1 or more; `amount` is what comes with it. */
  add(value: number, amount: number): void {
    const at = Math.floor(Math.log2(value));
    while (this.counts.length <= at) {
      this.counts.push(0);
      this.amounts.push(0);
    }
    this.counts[at]++;
    this.amounts[at] += amount;
  }

  /** All classes up to the last that holds something; bounds and amounts are multiplied. */
  classes(unit: number, amountUnit = unit): Classes {
    return this.counts.map((count, at) => ({
      from: 2 ** at * unit,
      to: (2 ** (at + 1) - 1) * unit,
      count,
      bytes: this.amounts[at] * amountUnit,
    }));
  }
}
