/**
 * What mode `writeback` promises after a power cut: what `ordered` does (ordered.ts), but that a rename or link does
 * not flush the file first, so that the new name may lead to contents as old as the last durable ones, or none.
 */
import type { History } from '../model/history.js';
import { checkByRules } from './ordered.js';
import type { Evidence, Verdict } from './verdict.js';

export const checkWriteback = (history: History, { found }: Evidence): Verdict =>
  checkByRules(history, found, { flushes: false });
