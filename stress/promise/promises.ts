/** The promise of each journalling mode, as a check of what was found after a crash against the model's history. */
import type { JournalMode } from '../../fs/volume/journal-mode.js';
import type { History } from '../model/history.js';
import { checkData } from './data.js';
import { checkNone } from './none.js';
import { checkOrdered } from './ordered.js';
import type { Evidence, Verdict } from './verdict.js';
import { checkWriteback } from './writeback.js';

export const promises: Readonly<Record<JournalMode, (history: History, evidence: Evidence) => Verdict>> = {
  none: checkNone,
  writeback: checkWriteback,
  ordered: checkOrdered,
  data: checkData,
};
