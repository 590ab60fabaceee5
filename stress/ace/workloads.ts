/**
 * The workloads of one and of two core operations. The last operation is followed by each persistence point; one
 * before it by each of them or by none. Workloads have numbers, so that a run can visit all of them in a scattered
 * order, or stop at any time with a fair sample.
 */
import { below, type Random } from '../../fs/store/random.js';
import { type CoreOperation, coreOperations, type PersistencePoint, persistencePoints } from './operations.js';

export type Call = CoreOperation | PersistencePoint;
export type Workload = readonly Call[];

export class WorkloadSet {
  /** Number of the first workload after each skeleton: of those with these operations. */
  private readonly ends: number[] = [];
  private readonly skeletons: (readonly CoreOperation[])[];
  readonly count: number;

  constructor(readonly length: 1 | 2) {
    this.skeletons =
      length === 1
        ? coreOperations.map((only) => [only])
        : coreOperations.flatMap((first) => coreOperations.map((second) => [first, second]));
    let count = 0;
    for (const skeleton of this.skeletons) {
      const points = persistencePoints(skeleton).length;
      count += length === 1 ? points : (points + 1) * points;
      this.ends.push(count);
    }
    this.count = count;
  }

  /** `number`: 0 to count - 1. */
  at(number: number): Workload {
    const index = this.skeletonOf(number);
    const skeleton = this.skeletons[index];
    const rest = number - (index === 0 ? 0 : this.ends[index - 1]);
    const points = persistencePoints(skeleton);
    const last = points[rest % points.length];
    if (skeleton.length === 1) return [skeleton[0], last];
    const between = Math.floor(rest / points.length);
    return [skeleton[0], ...(between === 0 ? [] : [points[between - 1]]), skeleton[1], last];
  }

  private skeletonOf(number: number): number {
    let [low, high] = [0, this.ends.length - 1];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.ends[middle] > number) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** Every number once, in an order that looks random. */
  *scattered(random: Random): Iterable<number> {
    const { count } = this;
    let stride = 1 + below(random, count);
    while (commonDivisor(stride, count) !== 1) stride++;
    for (let i = 0, number = below(random, count); i < count; i++, number = (number + stride) % count) yield number;
  }
}

function commonDivisor(a: number, b: number): number {
  return b === 0 ? a : commonDivisor(b, a % b);
}
