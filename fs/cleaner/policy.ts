/** Which segment to clean. A policy sees the segment table and names a victim; it moves nothing. */
import { placeState } from '../format/segment-table.js';
import type { SegmentTable } from '../log/segment-table.js';
import type { Generation, Place } from '../units.js';

export interface CleaningPolicy {
  readonly name: string;
  /** The next victim, or -1 when no sealed segment holds dead pages worth moving for (at least `leastDead`). */
  choose(table: SegmentTable, generation: Generation, leastDead: number): Place | -1;
}

/** How much a victim is worth: of `size` pages `live` are, and nothing was written to it for `age` generations. */
type Worth = (live: number, size: number, age: number) => number;

/** The policy that takes what is worth most. */
export const byWorth = (name: string, worth: Worth): CleaningPolicy => ({
  name,
  choose: (table, generation, leastDead) => best(table, leastDead, worth, generation),
});

/**
 * Cost-benefit (Rosenblum & Ousterhout, "The Design and Implementation of a Log-Structured File System", 1992): free
 * space won times age, over the cost of reading and writing what is live.
 */
export const costBenefit = byWorth('cost-benefit', (live, size, age) => ((size - live) * age) / (size + live));

/** The segment with the fewest live pages: best when space is short and now counts. */
export const greedy = byWorth('greedy', (live, size) => size - live);

function best(table: SegmentTable, leastDead: number, worth: Worth, generation: Generation): Place | -1 {
  const size = table.pagesPerSegment;
  let chosen: Place | -1 = -1;
  let top = 0;
  for (let place = 0; place < table.frontier; place++) {
    if (table.state[place] !== placeState.sealed) continue;
    const live = table.live[place];
    // Empty ones are freed by the next commit; the pages of pinned ones are about to become live.
    if (live === 0 || size - live < leastDead || table.pinned.has(place) || table.stuck.has(place)) continue;
    const value = worth(live, size, 1 + generation - table.generation[place]);
    if (value > top) {
      top = value;
      chosen = place;
    }
  }
  return chosen;
}
