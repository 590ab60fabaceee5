/**
 * Pass 6: what else holds pages. Each kept root is walked as the live tree was, but for the subtrees that another root
 * has as well: each node is judged once. Chunks of dropped runs are compared with what was found: the live line's runs
 * are not in the live tree, and each run is held by some root, or waits to be given back.
 *
 * Names and counts of inodes are judged in the live tree only: a kept root is a state that was live once. What is wrong in
 * the tree of a kept root alone is told apart from the rest: it can't be repaired, as nothing may be changed in it.
 */
import { DroppedRun, itemKind, RootRecord, rootState } from '../fs/format/item.js';
import type { Pointer } from '../fs/format/pointer.js';
import { readU64 } from '../fs/format/struct.js';
import { splitKey, words } from '../fs/tree/key.js';
import { type Address, type Generation, type InodeNumber, volumeInode } from '../fs/units.js';
import { ringsOf } from '../fs/volume/kept-roots.js';
import { Claims } from './claims.js';
import { numbers, words as words32 } from './column.js';
import { type DataRead, dataRead, verifyReads } from './data.js';
import { extentProblem, leavesSegment } from './extent-value.js';
import type { Image } from './image.js';
import type { NodeFrame } from './node.js';
import { Findings, type Problem, type ProblemCode, problem } from './problem.js';
import { claimPages, describe, type ItemVisitor, type KeptPart, TreeWalk, tree } from './tree.js';

export interface KeptRootItem extends RootRecord {
  readonly id: number;
}

/** One goes at a time: an image with many that have begun to would have each run held against each of them. */
const mostLeaving = 16;
/** So often all pages of the volume may have been dropped, by whatever lines: each page of a run is looked up. */
const mostDropped = 64;
/** Most wrong runs that are remembered; a repair looks again. */
const mostWrong = 2 ** 18;

/** Kept roots and chunks of the system tree, as they come. */
export class KeptRootList {
  roots: KeptRootItem[] = [];
  /** Runs that are not true: line, chunk and address. */
  private readonly wrong = new Set<string>();
  private readonly line = words32();
  private readonly number = numbers();
  private readonly address = numbers();
  private readonly birth = numbers();
  private readonly pages = words32();
  /** Of all runs. */
  private dropped = 0;

  constructor(
    private readonly image: Image,
    private readonly findings: Findings,
  ) {}

  /** An item of kind `root`, of the right length. */
  root(frame: NodeFrame, index: number): void {
    const root = { ...RootRecord.read(frame.view, frame.valueStart(index)), id: frame.offset(index) };
    const wrong = rootProblem(root, this.image);
    if (wrong) this.findings.add('kept-root', `root ${root.id} (${root.name}) ${wrong}`);
    else this.roots.push(root);
  }

  /** All roots have come. Those that follow themselves would keep whoever goes from root to root for ever: they count as lost. */
  leaveOutRings(): void {
    const rings = ringsOf(this.roots);
    if (rings.size === 0) return;
    for (const { id, name } of this.roots)
      if (rings.has(id)) this.findings.add('kept-root', `root ${id} (${name}) follows itself`);
    this.roots = this.roots.filter(({ id }) => !rings.has(id));
  }

  /** An item of kind `dropped`. */
  chunk(frame: NodeFrame, index: number): void {
    const length = frame.valueLength(index);
    if (length % DroppedRun.size !== 0 || length === 0) {
      this.findings.add('dropped-run', `chunk ${frame.key(index)} has ${length} bytes`);
      return;
    }
    const start = frame.valueStart(index);
    for (let at = start; at < start + length; at += DroppedRun.size) {
      const address = readU64(frame.view, at + DroppedRun.offsetOf.address);
      const pages = frame.view.getUint32(at + DroppedRun.offsetOf.pages, true);
      if (!this.mayBeDropped(address, pages)) {
        this.findings.add('dropped-run', `chunk ${frame.key(index)} has a run of ${pages} pages from ${address}`);
        this.refuse(frame.inode(index), frame.offset(index), address);
        continue;
      }
      this.line.push(frame.inode(index));
      this.number.push(frame.offset(index));
      this.address.push(address);
      this.birth.push(readU64(frame.view, at + DroppedRun.offsetOf.birth));
      this.pages.push(pages);
    }
  }

  private mayBeDropped(address: Address, pages: number): boolean {
    const { superblock, geometry, perSegment } = this.image;
    if (address < 1 || pages < 1 || leavesSegment(address, pages, superblock)) return false;
    this.dropped += pages;
    return this.dropped <= mostDropped * geometry.places * perSegment;
  }

  private refuse(line: number, chunk: number, address: Address): void {
    if (this.wrong.size < mostWrong) this.wrong.add(`${line}/${chunk}/${address}`);
  }

  isWrong(line: number, chunk: number, address: number): boolean {
    return this.wrong.has(`${line}/${chunk}/${address}`);
  }

  /** Where the pages lie that a line has dropped: its tree has none of them, whatever snapshots hold. */
  droppedBy(line: number): Claims {
    const { image } = this;
    const dropped = new Claims(image.perSegment);
    for (let i = 0; i < this.line.length; i++) {
      if (this.line.values[i] !== line) continue;
      for (let page = 0; page < this.pages.values[i]; page++) {
        const located = image.locate(this.address.values[i] + page, true);
        if (located >= 0 && !dropped.has(located)) dropped.claim(located);
      }
    }
    return dropped;
  }

  /** Before the kept roots are walked: what the live line has dropped is not in its tree. */
  checkLive(live: number): void {
    for (let i = 0; i < this.line.length; i++) {
      if (this.line.values[i] !== live) continue;
      const used = this.claimed(i);
      if (used > 0) this.say(i, `is dropped, but the live tree has ${used} of its pages`);
    }
  }

  /** After that: each run is held by a root, or about to be given back. Claims those. */
  checkHeld(): void {
    const leaving = this.roots
      .filter(({ state, stage }) => state === rootState.leaving && stage === 1)
      .slice(0, mostLeaving);
    for (let i = 0; i < this.line.length; i++) {
      const line = this.line.values[i];
      const number = this.number.values[i];
      const owner = leaving.find(
        ({ heir, cursorOffset, end, floor }) =>
          heir === line && number >= cursorOffset && number < end && this.birth.values[i] > floor,
      );
      const used = this.claimed(i);
      const pages = this.pages.values[i];
      if (owner === undefined && used !== pages) this.say(i, `is held by no root (${used} of ${pages} pages are)`);
      else if (owner !== undefined && used > 0)
        this.say(i, `is about to be given back, but a root has ${used} of its pages`);
      else if (owner !== undefined)
        claimPages(this.image, this.address.values[i], pages, this.nameOf(i), true, this.findings);
    }
  }

  /** Pages of a run that a pointer was found for. */
  private claimed(i: number): number {
    let found = 0;
    for (let page = 0; page < this.pages.values[i]; page++) {
      const located = this.image.locate(this.address.values[i] + page, true);
      if (located >= 0 && this.image.claims.has(located)) found++;
    }
    return found;
  }

  private say(i: number, problem: string): void {
    this.findings.add('dropped-run', `${this.nameOf(i)} ${problem}`);
    this.refuse(this.line.values[i], this.number.values[i], this.address.values[i]);
  }

  private nameOf(i: number): string {
    return `the run at ${describe(this.address.values[i], this.image)} of line ${this.line.values[i]}`;
  }
}

function rootProblem(root: KeptRootItem, { checkpoint }: Image): string | undefined {
  const known: readonly number[] = Object.values(rootState);
  if (!known.includes(root.state) || root.kind < 1 || root.kind > 3)
    return `is of unknown kind ${root.kind} or state ${root.state}`;
  if (!(root.generation >= 1 && root.generation <= checkpoint.generation)) return `keeps generation ${root.generation}`;
  if (root.id >= checkpoint.nextRoot) return `is not below the next one, ${checkpoint.nextRoot}`;
  if (root.state === rootState.leaving && (root.stage < 1 || root.stage > 3)) return `leaves in stage ${root.stage}`;
  for (const value of [root.mark, root.end, root.cursorOffset, root.floor])
    if (!Number.isSafeInteger(value)) return 'has a number out of range';
  return undefined;
}

/** A moment of the history has no name. */
const nameOf = ({ name, generation }: KeptRootItem): string => name || `of generation ${generation} in the history`;

/** What a walk of all kept roots has found. */
export interface KeptTrees {
  /** What is wrong in their trees. */
  readonly findings: Findings;
  /** Nodes that no root before them had. */
  readonly nodes: number;
  /** All that they hold was reached. */
  readonly whole: boolean;
}

/** What makes no difference to which pages are reached. */
const reachedAll: ReadonlySet<ProblemCode> = new Set(['data', 'birth']);

/** Walk what the kept roots hold. `findings` hears of the roots themselves. */
export async function walkKeptRoots(
  image: Image,
  list: KeptRootList,
  findings: Findings,
  data: boolean,
): Promise<KeptTrees> {
  const inTrees = new Findings();
  let nodes = 0;
  const ids = new Set(list.roots.map(({ id }) => id));
  for (const root of list.roots) {
    if (root.parent !== 0 && !ids.has(root.parent))
      findings.add('kept-root', `root ${root.id} (${root.name}) follows ${root.parent}, which is not there`);
    const part = partOf(root);
    if (part === undefined) continue;
    inTrees.snapshot = nameOf(root);
    const walk = new TreeWalk(image, tree.files, inTrees, undefined, part);
    await walk.walk(root.pointer, root.height, new KeptItems(image, inTrees, data, part.floor), root.generation);
    nodes += walk.nodes;
  }
  return { findings: inTrees, nodes, whole: [...inTrees.tallies.keys()].every((code) => reachedAll.has(code)) };
}

/** What of its tree a root still holds; undefined: nothing by itself. */
function partOf({
  state,
  stage,
  heir,
  floor,
  cursorInode,
  cursorKind,
  cursorOffset,
}: KeptRootItem): KeptPart | undefined {
  if (state !== rootState.leaving) return { floor: 0, from: undefined };
  if (heir !== 0) return undefined;
  if (stage < 3) return { floor, from: undefined };
  splitKey(cursorInode, cursorKind, cursorOffset);
  return { floor, from: words.slice() };
}

/** Extents of a kept root: their pages are claimed, unless another root has them already. */
class KeptItems implements ItemVisitor {
  private reads: DataRead[] = [];

  constructor(
    private readonly image: Image,
    private readonly findings: Findings,
    private readonly data: boolean,
    private readonly floor: Generation,
  ) {}

  item(frame: NodeFrame, index: number): void {
    const inode = frame.inode(index);
    if (inode === volumeInode || frame.kind(index) !== itemKind.extent) return;
    const wrong = extentProblem(frame.value(index), this.image.superblock);
    if (wrong) {
      this.findings.add('extent-value', `inode ${inode}: the extent at page ${frame.offset(index)} ${wrong}`);
      return;
    }
    const pointer = frame.pointer(index);
    if (pointer.address === 0 || pointer.birth <= this.floor) return;
    if (pointer.birth > frame.birth) this.findings.add('birth', `inode ${inode}: an extent was born after its node`);
    if (this.claim(pointer, inode) && this.data)
      this.reads.push(dataRead(frame, index, pointer, inode, frame.offset(index)));
  }

  /** True if one of its pages is new. */
  private claim({ address, pages }: Pointer, inode: InodeNumber): boolean {
    const { image } = this;
    let fresh = false;
    for (let page = address; page < address + pages; page++) {
      const located = image.locate(page, true);
      if (located >= 0 && image.claims.has(located)) continue;
      claimPages(image, page, 1, `inode ${inode}`, true, this.findings);
      fresh = true;
    }
    return fresh;
  }

  leafDone(): Promise<void> | undefined {
    if (this.reads.length === 0) return undefined;
    const { reads } = this;
    this.reads = [];
    return verifyReads(this.image, this.findings, reads);
  }
}

/** What the checkpoint says of the live root beside the others. Before the kept roots are walked. */
export function* checkLiveRoot(
  image: Image,
  list: KeptRootList,
  found: { readonly pages: number; readonly nodes: number; readonly systemNodes: number },
): Iterable<Problem> {
  const { checkpoint } = image;
  list.checkLive(checkpoint.rootId);
  const { newestRoot, newestSnapshot, heldNodes } = checkpoint;
  const parent = list.roots.find(({ id }) => id === newestRoot);
  const generation = parent?.generation ?? 0;
  if ((newestRoot !== 0 && parent === undefined) || generation !== newestSnapshot)
    yield problem(
      'kept-root',
      `the live root follows ${newestRoot} of generation ${newestSnapshot}, which is not there`,
    );
  const counters: readonly (readonly [string, number, number])[] = [
    ['data pages in the live tree', checkpoint.mainPages, found.pages],
    ['nodes in the live tree', checkpoint.mainNodes, found.nodes],
    ['nodes in the system tree', checkpoint.systemNodes, found.systemNodes],
  ];
  for (const [name, counted, real] of counters)
    if (counted !== real) yield problem('counters', `the checkpoint counts ${counted} ${name}, there are ${real}`);
  if (heldNodes > found.nodes || (heldNodes > 0 && newestSnapshot === 0))
    yield problem('counters', `the checkpoint counts ${heldNodes} nodes that a snapshot holds too`);
}
