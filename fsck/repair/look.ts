/**
 * What a repair looks at before each step: the volume as a mount would find it. After a crash that is what the replay
 * makes of it, tried in memory first: if that holds up, the journal is replayed for good; if not, the image is as it
 * was, and the repair goes on from the checkpoint and the journal by itself.
 */
import type { Superblock } from '../../fs/format/superblock.js';
import type { Store } from '../../fs/store/store.js';
import { type JournalDamage, wordsOf } from '../../fs/volume/recovery.js';
import { readSuperblock } from '../../fs/volume/superblock.js';
import { type CheckOptions, type Survey, survey } from '../check.js';
import { newest, readBothSlots } from '../checkpoint.js';
import { Findings } from '../problem.js';
import { type Replayed, replay, replayToDamage } from '../replay.js';
import { checkSuperblocks } from '../superblock.js';
import { casesOf } from './remedies.js';

export interface Look {
  readonly superblock: Superblock;
  readonly findings: Findings;
  /** What is wrong in snapshots and branches alone, where nothing can be repaired. */
  readonly inSnapshots: Findings;
  /** Undefined: there is no checkpoint to walk from. */
  readonly survey: Survey | undefined;
  /** The journal is still to be replayed, and an ordinary replay would not do. */
  readonly behind: boolean;
  /** The journal has a hole: the survey is of what the volume would be if it were cut there. */
  readonly damage: JournalDamage | undefined;
  /** Replayed just now. */
  readonly replayed: Replayed | undefined;
}

/** Throws VolumeError when there is no superblock, and the store's errors. */
export async function look(store: Store, options: CheckOptions): Promise<Look> {
  const superblock = await readSuperblock(store);
  const slot = newest(await readBothSlots(store, superblock));
  const wanted = { ...options, data: false };
  if (slot === undefined) {
    const findings = new Findings();
    findings.add('checkpoint', 'neither of the two checkpoints verifies');
    await findings.takeAll(checkSuperblocks(store, superblock));
    const nothing = { survey: undefined, damage: undefined, replayed: undefined, inSnapshots: new Findings() };
    return { superblock, findings, behind: true, ...nothing };
  }
  if (slot.checkpoint.clean === 1) return lookedAt(await survey(store, wanted), false, undefined);
  let tried: Awaited<ReturnType<typeof replayToDamage>> | undefined;
  let failure = '';
  try {
    tried = await replayToDamage(store);
  } catch (e) {
    // Whatever it is that a damaged volume makes of an ordinary mount: the image is as it was.
    failure = e instanceof Error ? e.message : String(e);
  }
  if (tried === undefined) {
    const seen = await survey(store, wanted);
    seen.findings.add('replay', failure);
    return lookedAt(seen, true, undefined);
  }
  const seen = await survey(tried.store, wanted);
  const tables = casesOf(seen.findings).filter(({ remedy }) => needsTable.includes(remedy?.step ?? ''));
  const { damage } = tried;
  if (damage !== undefined) seen.findings.add('journal', wordsOf(damage.gap));
  if (tables.length > 0 || damage !== undefined) return lookedAt(seen, tables.length > 0, undefined, damage);
  await replay(store);
  return lookedAt(seen, false, { records: tried.records, batches: tried.batches });
}

/** A replay writes, so what it relies on for where to write must be right. */
const needsTable: readonly string[] = ['structure', 'recount'];

const lookedAt = (
  seen: Survey,
  behind: boolean,
  replayed: Replayed | undefined,
  damage?: JournalDamage | undefined,
): Look => ({
  superblock: seen.superblock,
  findings: seen.findings,
  inSnapshots: seen.inSnapshots,
  survey: seen,
  behind,
  damage,
  replayed,
});
