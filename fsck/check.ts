/**
 * The whole check of a volume, as fsck and the tests run it: all passes over the newest checkpoint of an image in
 * any store. It never writes, ends on any image, and keeps columns of numbers instead of objects: about 60 bytes
 * per file.
 *
 * Order: superblocks, checkpoints, segment table, system tree (relocations), file tree (nodes, inodes, extents),
 * kept roots, namespace, space. Each pass trusts only what those before it have verified.
 */
import { VolumeError } from '../fs/errors.js';
import type { Checkpoint } from '../fs/format/checkpoint.js';
import type { Superblock } from '../fs/format/superblock.js';
import type { Store } from '../fs/store/store.js';
import { type OpenSuperblock, readSuperblock } from '../fs/volume/superblock.js';
import { withoutBadSectors } from './bad-sectors.js';
import { checkSlots, newest, readBothSlots } from './checkpoint.js';
import { Image } from './image.js';
import { FileItems } from './inodes.js';
import { checkLiveRoot, type KeptRootList, walkKeptRoots } from './kept-roots.js';
import { checkDirents, checkLinks, checkReachable } from './namespace.js';
import { checkOrphans } from './orphans.js';
import { withPaths } from './paths.js';
import { Findings, type Problem } from './problem.js';
import { checkTable } from './segment-table.js';
import { checkCounters, checkLiveMap, claimRecorded } from './space.js';
import { checkSuperblocks } from './superblock.js';
import { checkRelocations, type Item, SystemItems } from './system-items.js';
import { TreeWalk, tree } from './tree.js';

export interface CheckOptions {
  /** Read every page of every file and verify it. */
  readonly data?: boolean;
  /** Told about progress: pages found in use so far, of all that the checkpoint counts. */
  readonly onProgress?: (done: number, all: number, stage: string) => void;
}

/** All that one check has found out: a repair goes on from here. */
export interface Survey {
  readonly superblock: OpenSuperblock;
  readonly checkpoint: Checkpoint;
  readonly image: Image;
  readonly files: FileItems;
  readonly findings: Findings;
  /** What is wrong in the trees of snapshots and branches alone. */
  readonly inSnapshots: Findings;
  readonly nodes: number;
  /** Items of the system tree other than relocations. */
  readonly kept: readonly Item[];
  /** Of the nodes, those of the live tree and of the system tree. */
  readonly liveNodes: number;
  readonly systemNodes: number;
  /** Snapshots and the like. */
  readonly roots: KeptRootList;
}

export interface CheckResult {
  readonly superblock: Superblock;
  readonly checkpoint: Checkpoint;
  readonly problems: Problem[];
  /** How many there are, those included that are not listed. */
  total: number;
  readonly inodes: number;
  readonly livePages: number;
  readonly nodes: number;
}

/** All problems of a volume. Throws VolumeError when there is no superblock or no checkpoint to start from. */
export async function checkVolume(store: Store, options: CheckOptions = {}): Promise<Problem[]> {
  return (await examine(store, options)).problems;
}

/** As `checkVolume`, with what was counted on the way. */
export async function examine(store: Store, options: CheckOptions = {}): Promise<CheckResult> {
  return resultOf(await survey(store, options));
}

/** What a survey says to people: paths are looked up, and what a repair needs is let go. */
export async function resultOf(found: Survey): Promise<CheckResult> {
  const { image, files, findings, inSnapshots } = found;
  return {
    superblock: found.superblock,
    checkpoint: found.checkpoint,
    problems: [...(await withPaths(image, files.inodes, findings.list())), ...inSnapshots.list()],
    total: findings.total + inSnapshots.total,
    inodes: files.inodes.length,
    livePages: image.claims.total,
    nodes: found.nodes,
  };
}

/** Check everything, and keep what was found for a repair. Throws as `checkVolume`. */
export async function survey(store: Store, options: CheckOptions = {}): Promise<Survey> {
  const superblock = await readSuperblock(store);
  const slots = await readBothSlots(store, superblock);
  const chosen = newest(slots);
  if (chosen === undefined) throw new VolumeError('corrupt', `${store.name}: neither of the two checkpoints verifies`);
  const { checkpoint } = chosen;
  const findings = new Findings();
  await findings.takeAll(checkSuperblocks(store, superblock));
  await findings.takeAll(checkSlots(slots, chosen, superblock));

  const image = new Image(withoutBadSectors(store), superblock, checkpoint, chosen.tableMap);
  let stage = 'segment table';
  image.onProgress = (done) => options.onProgress?.(done, checkpoint.livePages, stage);
  await findings.takeAll(checkTable(image));

  stage = 'system tree';
  const system = new TreeWalk(image, tree.system, findings);
  const systemItems = new SystemItems(image, findings);
  await system.walk(checkpoint.systemRoot, checkpoint.systemHeight, systemItems);
  systemItems.roots.leaveOutRings();
  stage = options.data ? 'files and data' : 'files';
  const walk = new TreeWalk(image, tree.files, findings);
  const files = new FileItems(image, findings, options.data ?? false);
  await walk.walk(checkpoint.mainRoot, checkpoint.mainHeight, files);
  files.end();
  stage = 'snapshots';
  const { roots } = systemItems;
  const liveNodes = walk.nodes;
  const livePages = files.extents.stored;
  await findings.takeAll(
    checkLiveRoot(image, roots, { pages: livePages, nodes: liveNodes, systemNodes: system.nodes }),
  );
  const keptTrees = await walkKeptRoots(image, roots, findings, options.data ?? false);
  if (keptTrees.whole) roots.checkHeld();
  else await claimRecorded(image);

  const { inodes, orphans, dirents } = files;
  await findings.takeAll(checkDirents(dirents, inodes));
  await findings.takeAll(checkLinks(inodes, orphans));
  await findings.takeAll(checkReachable(inodes));
  await findings.takeAll(checkOrphans(orphans, inodes));
  await findings.takeAll(files.usage.problems());
  await findings.takeAll(checkRelocations(image));
  await findings.takeAll(checkLiveMap(image));
  await findings.takeAll(checkCounters(image, { inodes: inodes.length, promised: files.extents.promised }));

  const { kept } = systemItems;
  const nodes = system.nodes + liveNodes + keptTrees.nodes;
  return {
    superblock,
    checkpoint,
    image,
    files,
    findings,
    inSnapshots: keptTrees.findings,
    nodes,
    liveNodes,
    systemNodes: system.nodes,
    kept,
    roots,
  };
}
