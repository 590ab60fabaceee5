/** What a run has to tell: counters, its last operations, and what the model and the system disagree about. */

/** The model and the system disagree. */
export class Disagreement extends Error {}

export class Findings {
  /** What the harness and, summed over all its lives, the system went through. */
  readonly counts: Record<string, number> = {};
  /** The last operations. */
  readonly trail: string[] = [];

  /** `keep`: how many of the last operations a disagreement lists. */
  constructor(private readonly keep: number) {}

  count(name: string, by = 1): void {
    this.counts[name] = (this.counts[name] ?? 0) + by;
  }

  note(line: string): void {
    this.trail.push(line);
    if (this.trail.length > this.keep * 2) this.trail.splice(0, this.keep);
  }

  disagree(what: string, details: readonly string[]): never {
    throw new Disagreement(
      `${what}\n  ${details.join('\n  ')}\nafter:\n  ${this.trail.slice(-this.keep).join('\n  ')}`,
    );
  }
}
