/**
 * Repair of a volume, in rounds: check everything; do the lowest step that has something to do (remedies.ts); check
 * again, until nothing is left that may be repaired. Each step starts from what the check found right and ends with
 * one ordinary checkpoint in both slots, so that the next one, or the next fsck after a power cut, starts from there.
 *
 * Bounds: a step that leaves as much as it found is not tried a third time, and there is a limit of rounds.
 */
import { tablePages } from '../../fs/format/geometry.js';
import { unpackMap } from '../../fs/log/table-pages.js';
import type { Store } from '../../fs/store/store.js';
import { newestCheckpoint } from '../../fs/volume/checkpoint-slots.js';
import { readSuperblock } from '../../fs/volume/superblock.js';
import { type CheckOptions, type CheckResult, examine, resultOf, type Survey, survey } from '../check.js';
import type { Findings, ProblemCode } from '../problem.js';
import { type Replayed, replay } from '../replay.js';
import { Contested } from './contested.js';
import { mendCounts } from './counts.js';
import { hintsFor, mendItems } from './items.js';
import { Ledger } from './ledger.js';
import { NameMender } from './names.js';
import { type Allow, allowAll, inodesOf, ofStep, Permissions } from './permission.js';
import { recount } from './recount.js';
import { type Case, casesOf, type Step } from './remedies.js';
import { mendSuperblocks } from './superblock.js';
import { Workshop } from './workshop.js';

export interface RepairOptions extends CheckOptions {
  /** Asked once for each kind of finding; default: everything may be repaired. */
  readonly allow?: Allow;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

export interface RepairResult {
  /** What the first check found. */
  readonly found: CheckResult;
  /** What the last check found: nothing, if all went well. */
  readonly left: CheckResult;
  readonly replayed: Replayed | undefined;
  /** Something was written. */
  readonly corrected: boolean;
  /** What was done, and what is gone. */
  readonly ledger: Ledger;
}

const mostRounds = 64;

/**
 * Check a volume and repair it as far as `allow` allows. Throws VolumeError when there is nothing to start from or no
 * room to write to, and the store's errors: it may then be called again.
 */
export async function repairVolume(store: Store, options: RepairOptions = {}): Promise<RepairResult> {
  const now = options.now ?? Date.now;
  const ledger = new Ledger();
  const permissions = new Permissions(options.allow ?? allowAll);
  const replayed = await bringUpToDate(store);
  let found: CheckResult | undefined;
  let before = '';
  for (let round = 0; ; round++) {
    const seen = await survey(store, { ...options, data: false });
    const result = await resultOf(seen);
    found ??= result;
    const cases = casesOf(seen.findings);
    const { step, allowed } = await nextStep(cases, permissions);
    const state = `${step} ${cases.map(({ code, count }) => `${code} ${count}`).join()}`;
    if (step === undefined || state === before || round === mostRounds) {
      const corrected = ledger.repaired > 0 || replayed !== undefined;
      return { ...(await withData(store, options, found, result)), replayed, corrected, ledger };
    }
    before = state;
    ledger.know(pathsOf(result));
    await perform(step, { store, seen, cases, allowed, ledger, now });
    permissions.begun = true;
  }
}

/** Contents are verified once, when all else is done: nothing repairs them. */
async function withData(
  store: Store,
  options: RepairOptions,
  found: CheckResult,
  left: CheckResult,
): Promise<{ found: CheckResult; left: CheckResult }> {
  if (!options.data) return { found, left };
  const all = await examine(store, options);
  const ofData = all.problems.filter(({ code }) => code === 'data');
  const total = found.total + all.total - left.total;
  return { found: { ...found, problems: [...found.problems, ...ofData], total }, left: all };
}

/** Replay what a crash left, as a mount would. */
async function bringUpToDate(store: Store): Promise<Replayed | undefined> {
  const { checkpoint } = await newestCheckpoint(store, await readSuperblock(store));
  return checkpoint.clean === 1 ? undefined : replay(store);
}

/** The lowest step with something that may be done. What rests on a step that may not be done waits for it. */
async function nextStep(
  cases: readonly Case[],
  permissions: Permissions,
): Promise<{ step: Step | undefined; allowed: Case[] }> {
  const allowed = await permissions.allowed(cases);
  if (ofStep(allowed, 'superblock').length > 0) return { step: 'superblock', allowed };
  if (ofStep(cases, 'structure').length > 0 || ofStep(allowed, 'recount').length < ofStep(cases, 'recount').length)
    return { step: undefined, allowed };
  const order = ['items', 'names', 'counts', 'recount'] as const;
  return { step: order.find((step) => ofStep(allowed, step).length > 0), allowed };
}

interface Work {
  readonly store: Store;
  readonly seen: Survey;
  readonly cases: readonly Case[];
  readonly allowed: readonly Case[];
  readonly ledger: Ledger;
  readonly now: () => number;
}

async function perform(step: Step, work: Work): Promise<void> {
  const { store, seen, ledger } = work;
  if (step === 'superblock') return mendSuperblocks(store, seen.superblock, ledger);
  const { superblock, checkpoint } = seen;
  const found = { checkpoint, map: unpackMap(seen.image.tableMap, tablePages(superblock)) };
  const shop = await Workshop.open(store, superblock, found, work.now);
  recount(shop.state, seen);
  for (const { code, remedy } of ofStep(work.cases, 'recount')) ledger.did(code, `${code}: ${remedy?.text}`);
  const concerned = inodesOf(work.cases, work.allowed, step);
  if (step === 'items') await performItems(shop, seen, concerned, ledger);
  else if (step === 'names') await performNames(shop, work, concerned);
  else if (step === 'counts') await mendCounts(shop, seen.files, concerned, ledger);
  await shop.finish();
}

async function performItems(shop: Workshop, seen: Survey, concerned: Set<number>, ledger: Ledger): Promise<void> {
  const claims = seen.findings.tallies.get('page-claim');
  const contested = await Contested.find(seen);
  // Whoever points to a contested page is concerned, not only those who came second.
  if (claims !== undefined && concerned.size > 0) for (const inode of contested.inodes) concerned.add(inode);
  const hints = hintsFor(seen, concerned);
  const bornLate = setOf(seen.findings, 'birth');
  await mendItems(shop, { survey: seen, image: seen.image, contested, bornLate, hints }, concerned, ledger);
}

async function performNames(shop: Workshop, work: Work, concerned: ReadonlySet<number>): Promise<void> {
  const { seen, ledger, now } = work;
  const of = (code: ProblemCode) => new Set([...setOf(seen.findings, code)].filter((inode) => concerned.has(inode)));
  const cases = { dirent: of('dirent'), parent: of('parent'), unreachable: of('unreachable'), orphan: of('orphan') };
  await new NameMender(shop, seen.files, ledger, Math.floor(now() / 1000)).mend(cases);
}

/** Inodes about which this was found. */
function setOf(findings: Findings, code: ProblemCode): Set<number> {
  const inodes = findings.tallies.get(code)?.inodes;
  return new Set(inodes?.values.subarray(0, inodes.length));
}

function pathsOf({ problems }: CheckResult): Map<number, string> {
  const paths = new Map<number, string>();
  for (const { inode, path } of problems) if (inode !== undefined && path !== undefined) paths.set(inode, path);
  return paths;
}
