/** The steps of a repair, each from what a look found to a durable state (remedies.ts says in which order). */
import type { Store } from '../../fs/store/store.js';
import type { Survey } from '../check.js';
import type { Findings, ProblemCode } from '../problem.js';
import { type Replayed, replay } from '../replay.js';
import { Contested } from './contested.js';
import { mendCounts } from './counts.js';
import { hintsFor, mendItems } from './items.js';
import { tellCut } from './journal.js';
import { mendKeptRoots } from './kept-roots.js';
import type { Ledger } from './ledger.js';
import type { Look } from './look.js';
import { NameMender } from './names.js';
import { inodesOf, ofStep } from './permission.js';
import { rebuild } from './rebuild.js';
import { recount } from './recount.js';
import { rewriteSystemTree } from './relocations.js';
import type { Case, Step } from './remedies.js';
import { mendSuperblocks } from './superblock.js';
import { mendUsage } from './usage.js';
import { Workshop } from './workshop.js';

export interface Work {
  readonly store: Store;
  readonly seen: Look;
  readonly cases: readonly Case[];
  readonly allowed: readonly Case[];
  readonly ledger: Ledger;
  readonly now: () => number;
}

/** Do one step. Returns what was replayed on the way. */
export async function perform(step: Step, work: Work): Promise<Replayed | undefined> {
  const { store, seen, ledger, now } = work;
  const { superblock, survey } = seen;
  if (step === 'superblock') await mendSuperblocks(store, superblock, ledger);
  else if (step === 'structure' || step === 'journal' || survey === undefined) {
    if (seen.damage !== undefined) await tellCut(seen.damage.gap, seen, ledger);
    return step === 'journal' ? replay(store, true) : rebuild(store, superblock, ledger, now);
  } else await performOn(survey, step, work);
  return undefined;
}

/** Findings about what the system tree holds: it is written anew. */
const systemTree: readonly ProblemCode[] = ['relocation', 'kept-root', 'dropped-run'];

/** A step on a volume of which everything can be read. */
async function performOn(seen: Survey, step: Step, work: Work): Promise<void> {
  const { cases, ledger } = work;
  const { checkpoint, superblock, image } = seen;
  const found = { checkpoint, map: image.tableMap.slice() };
  const shop = await Workshop.open(work.store, superblock, found, work.now);
  recount(shop.state, seen);
  const counted = ofStep(cases, 'recount');
  for (const { code, remedy } of counted) ledger.did(code, `${code}: ${remedy?.text}`);
  if (counted.some(({ code }) => systemTree.includes(code)))
    rewriteSystemTree(shop.state, image, mendKeptRoots(shop.state, seen), false);
  if (counted.some(({ code }) => code === 'usage' || code === 'limits')) await mendUsage(shop, seen.files.usage);
  const concerned = inodesOf(cases, work.allowed, step);
  if (step === 'items') await performItems(shop, seen, concerned, ledger);
  else if (step === 'names') await performNames(shop, seen, concerned, work);
  else if (step === 'counts') await mendCounts(shop, seen.files, concerned, ledger);
  await shop.finish();
}

async function performItems(shop: Workshop, seen: Survey, concerned: Set<number>, ledger: Ledger): Promise<void> {
  const contested = await Contested.find(seen);
  // Whoever points to a contested page is concerned, not only those who came second.
  if (concerned.size > 0) for (const inode of contested.inodes) concerned.add(inode);
  const hints = hintsFor(seen, concerned);
  const bornLate = setOf(seen.findings, 'birth');
  await mendItems(shop, { survey: seen, image: seen.image, contested, bornLate, hints }, concerned, ledger);
}

async function performNames(
  shop: Workshop,
  seen: Survey,
  concerned: ReadonlySet<number>,
  { ledger, now }: Work,
): Promise<void> {
  const of = (code: ProblemCode) => new Set([...setOf(seen.findings, code)].filter((inode) => concerned.has(inode)));
  const cases = { dirent: of('dirent'), parent: of('parent'), unreachable: of('unreachable'), orphan: of('orphan') };
  await new NameMender(shop, seen.files, ledger, Math.floor(now() / 1000)).mend(cases);
}

/** Inodes about which this was found. */
function setOf(findings: Findings, code: ProblemCode): Set<number> {
  const inodes = findings.tallies.get(code)?.inodes;
  return new Set(inodes?.values.subarray(0, inodes.length));
}
