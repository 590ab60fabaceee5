/**
 * Which snapshots to keep, in the words of restic's `forget`: of the last so many hours (days, weeks, months, years) in
 * which there are snapshots, the last one of each; and the last so many of all. Times are those of the clock on the wall
 * here; weeks begin on Monday.
 */
export interface Retention {
  readonly last?: number;
  readonly hourly?: number;
  readonly daily?: number;
  readonly weekly?: number;
  readonly monthly?: number;
  readonly yearly?: number;
}

/** Something made at a moment. */
interface Made {
  /** Milliseconds since 1970. */
  readonly created: number;
  /** Grows with each that is made: says which of two that were made within one tick of the clock is the newer. */
  readonly id: number;
}

const two = (n: number): string => String(n).padStart(2, '0');
const day = (t: Date): string => `${t.getFullYear()}-${two(t.getMonth() + 1)}-${two(t.getDate())}`;

/** The name of the hour, day, ... in which a moment lies. */
const periods: Readonly<Record<Exclude<keyof Retention, 'last'>, (t: Date) => string>> = {
  hourly: (t) => `${day(t)} ${two(t.getHours())}`,
  daily: day,
  weekly: (t) => day(new Date(t.getFullYear(), t.getMonth(), t.getDate() - ((t.getDay() + 6) % 7))),
  monthly: (t) => `${t.getFullYear()}-${two(t.getMonth() + 1)}`,
  yearly: (t) => String(t.getFullYear()),
};

/** Those of `list` to be kept, each with the rules that keep it. */
export function keptBy<T extends Made>(list: readonly T[], rules: Retention): Map<T, string[]> {
  const newest = list.toSorted((a, b) => b.created - a.created || b.id - a.id);
  const kept = new Map<T, string[]>();
  const keep = (one: T, rule: string): void => void kept.set(one, [...(kept.get(one) ?? []), rule]);
  for (const one of newest.slice(0, rules.last ?? 0)) keep(one, 'last');
  for (const rule of Object.keys(periods) as (keyof typeof periods)[]) {
    const seen = new Set<string>();
    for (const one of newest) {
      const period = periods[rule](new Date(one.created));
      if (seen.has(period) || seen.size >= (rules[rule] ?? 0)) continue;
      seen.add(period);
      keep(one, rule);
    }
  }
  return kept;
}
