/**
 * What mode `none` promises after a crash: exactly the last checkpoint. Each operation belongs to the generation that
 * was open when it was done, and recovery begins with the checkpoint of a generation: what was done up to that one is
 * there and nothing that was done later. Contents are what had been flushed by then: as in `ordered`, with the window
 * of versions ending there. (That two crashes with the same checkpoint leave the same is asked by crash/judge.ts.)
 */
import type { History } from '../model/history.js';
import { checkByRules } from './ordered.js';
import type { Evidence, Verdict } from './verdict.js';

export function checkNone(history: History, { found, generation }: Evidence): Verdict {
  const { effects } = history;
  // An operation during which a generation ended may belong to either.
  const least = effects.filter(({ generations }) => generations.last <= generation).length;
  const most = effects.filter(({ generations }) => generations.first <= generation).length;
  const verdict = checkByRules(history, found, { flushes: true, fits: (count) => count >= least && count <= most });
  if (verdict.kept) return verdict;
  return { kept: false, why: [`checkpoint ${generation} holds ${least} to ${most} operations`, ...verdict.why] };
}
