/**
 * Repair of a volume, in rounds: look at everything; do the lowest step that has something to do (remedies.ts); look
 * again, until nothing is left that may be repaired. Each step starts from what was found right and ends with one
 * ordinary checkpoint in both slots, so that the next one, or the next fsck after a power cut, starts from there.
 *
 * Bounds: a step that changes nothing of what is found is not tried again, and there is a limit of rounds.
 */
import type { Superblock } from '../../fs/format/superblock.js';
import type { Store } from '../../fs/store/store.js';
import { type CheckOptions, examine } from '../check.js';
import { withPaths } from '../paths.js';
import type { Problem } from '../problem.js';
import type { Replayed } from '../replay.js';
import { Ledger } from './ledger.js';
import { type Look, look } from './look.js';
import { perform } from './perform.js';
import { type Allow, allowAll, inodesOf, ofStep, Permissions } from './permission.js';
import { type Case, casesOf, type Step } from './remedies.js';

export interface RepairOptions extends CheckOptions {
  /** Asked once for each kind of finding; default: everything may be repaired. */
  readonly allow?: Allow;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

/** What one look found. */
export interface Found {
  readonly problems: readonly Problem[];
  /** How many there are, those included that are not listed. */
  readonly total: number;
}

/** How the volume is after all repairs. */
export interface Left extends Found {
  readonly superblock: Superblock;
  readonly inodes: number;
  readonly livePages: number;
  readonly nodes: number;
}

export interface RepairResult {
  readonly found: Found;
  /** Nothing, if all went well. */
  readonly left: Left;
  readonly replayed: Replayed | undefined;
  /** Something was written. */
  readonly corrected: boolean;
  /** What was done, and what is gone. */
  readonly ledger: Ledger;
}

const mostRounds = 200;

/**
 * Check a volume and repair it as far as `allow` allows. Throws VolumeError when there is nothing to start from or no
 * room to write to, and the store's errors: it may then be called again.
 */
export async function repairVolume(store: Store, options: RepairOptions = {}): Promise<RepairResult> {
  const now = options.now ?? Date.now;
  const ledger = new Ledger();
  const permissions = new Permissions(options.allow ?? allowAll);
  let replayed: Replayed | undefined;
  let found: Found | undefined;
  let before = '';
  let corrected = false;
  for (let round = 0; ; round++) {
    const seen = await look(store, options);
    replayed ??= seen.replayed;
    corrected ||= replayed !== undefined;
    const ofLive = await withPathsOf(seen, seen.findings.list());
    const problems = [...ofLive, ...seen.inSnapshots.list()];
    found ??= { problems, total: totalOf(seen) };
    ledger.know(pathsIn(problems));
    await ledger.tellRanges(seen, (list) => withPathsOf(seen, list));
    const cases = casesOf(seen.findings);
    const { step, allowed } = await nextStep(seen, cases, permissions);
    const state = `${step} ${cases.map(({ code, count }) => `${code} ${count}`).join()}`;
    if (step === undefined || state === before || round === mostRounds) {
      return { ...(await finalState(store, options, seen, found, problems)), replayed, corrected, ledger };
    }
    before = state;
    replayed = (await perform(step, { store, seen, cases, allowed, ledger, now })) ?? replayed;
    permissions.begun = true;
    corrected = true;
  }
}

/** The lowest step with something that may be done. What rests on a step that may not be done waits for it. */
async function nextStep(
  { behind, damage }: Look,
  cases: readonly Case[],
  permissions: Permissions,
): Promise<{ step: Step | undefined; allowed: Case[] }> {
  const allowed = await permissions.allowed(cases);
  if (ofStep(allowed, 'superblock').length > 0) return { step: 'superblock', allowed };
  // It makes what was surveyed of the volume: all else waits for that.
  if (damage !== undefined && !behind)
    return { step: ofStep(allowed, 'journal').length > 0 ? 'journal' : undefined, allowed };
  for (const step of ['structure', 'journal', 'recount'] as const) {
    if (ofStep(allowed, step).length < ofStep(cases, step).length) return { step: undefined, allowed };
  }
  if (behind || ofStep(allowed, 'structure').length > 0) return { step: 'structure', allowed };
  const contents = (['items', 'names', 'counts'] as const).find((step) => inodesOf(cases, allowed, step).size > 0);
  return { step: contents ?? (ofStep(allowed, 'recount').length > 0 ? 'recount' : undefined), allowed };
}

const totalOf = ({ findings, inSnapshots }: Look): number => findings.total + inSnapshots.total;

async function withPathsOf({ survey }: Look, problems: readonly Problem[]): Promise<Problem[]> {
  return survey === undefined ? [...problems] : withPaths(survey.image, survey.files.inodes, problems);
}

/** What is left, with the contents verified if that is wanted: once, when all else is done, as nothing repairs them. */
async function finalState(
  store: Store,
  options: RepairOptions,
  seen: Look,
  found: Found,
  problems: readonly Problem[],
): Promise<{ found: Found; left: Left }> {
  const { superblock, survey } = seen;
  if (options.data && survey !== undefined && !seen.behind && seen.damage === undefined) {
    const left = await examine(store, options);
    const ofData = left.problems.filter(({ code }) => code === 'data');
    const total = found.total + left.total - totalOf(seen);
    return { found: { problems: [...found.problems, ...ofData], total }, left };
  }
  const left = {
    problems,
    total: totalOf(seen),
    superblock,
    inodes: survey?.files.inodes.length ?? 0,
    livePages: survey?.image.claims.total ?? 0,
    nodes: survey?.nodes ?? 0,
  };
  return { found, left };
}

function pathsIn(problems: readonly Problem[]): Map<number, string> {
  const paths = new Map<number, string>();
  for (const { inode, path } of problems) if (inode !== undefined && path !== undefined) paths.set(inode, path);
  return paths;
}
