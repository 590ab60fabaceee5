/**
 * Whether somebody may have more: the rules of Linux (dquot_add_space and dquot_add_inodes in fs/quota/dquot.c), as pure
 * functions. Numbers are of pages or of inodes.
 */
export interface Allowance {
  /** 0: none. */
  readonly soft: number;
  readonly hard: number;
  /** End of the grace time, seconds since 1970; 0: the soft limit has not been passed. */
  readonly until: number;
  /** Seconds. */
  readonly grace: number;
}

export interface Verdict {
  /** `hard`: beyond the hard limit; `late`: beyond the soft limit, and the grace time is over. */
  readonly refused: 'hard' | 'late' | undefined;
  /** End of the grace time as it is then. */
  readonly until: number;
}

/** Whether `more` may be added to `used`, at `now` (seconds since 1970). */
export function judge(used: number, more: number, allowed: Allowance, now: number): Verdict {
  const { soft, hard, grace } = allowed;
  const total = used + more;
  const until = soft > 0 && used > soft ? allowed.until : 0;
  if (hard > 0 && total > hard) return { refused: 'hard', until };
  if (soft === 0 || total <= soft) return { refused: undefined, until };
  if (until !== 0 && now >= until) return { refused: 'late', until };
  return { refused: undefined, until: until === 0 ? now + grace : until };
}

/** How much more may be added. */
export function room(used: number, allowed: Allowance, now: number): number {
  const { soft, hard, until } = allowed;
  const late = soft > 0 && used > soft && until !== 0 && now >= until;
  if (late) return 0;
  return hard > 0 ? Math.max(0, hard - used) : Number.POSITIVE_INFINITY;
}
