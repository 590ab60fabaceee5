/**
 * Deleted snapshots leave in the background: what only they held is given back in bounded steps.
 *
 * A snapshot S has a root P before it and one root N after it. What S has and N has not is in the chunks of runs that
 * were dropped between the marks of S and N; of these, what was born after P is held by S alone. What was born before
 * stays: it is P's as well, and from now on these chunks say what P has and N has not. When S begins to leave, N follows
 * P in the same stretch; if N is the live root, what it drops from then on is held only if P has it. So no page is
 * looked up in any tree, and nothing that happens meanwhile matters to the steps.
 *
 * If N is on another line, the chunks of S's own line between P and S become N's: they are handed over. If nothing
 * follows S (its line was deleted, or left behind by a rollback), they go, and the tree is given back leaf by leaf.
 *
 * A snapshot that two roots or more follow waits, hidden, until one is left; also while a line that follows it is being
 * received.
 *
 * Crash safety: how far it came is part of the root's record, in the system tree, and changes together with the live
 * bits: a checkpoint has both or neither. A place that becomes free is reused one checkpoint later.
 */
import { CorruptionError } from '../errors.js';
import { itemKind, rootState } from '../format/item.js';
import { nextTurn, run } from '../suspend.js';
import type { Delete, Put } from '../tree/batch.js';
import { Tree, treeId } from '../tree/tree.js';
import type { Address } from '../units.js';
import { giveBack } from './apply.js';
import type { Checkpoints } from './checkpoints.js';
import { type Dropped, putChunk, readChunk } from './dropped-runs.js';
import { deleteRoot, type KeptRoot, putRoot } from './kept-roots.js';
import { metBy, nodesDue, type VolumeState } from './state.js';
import { leaveTree } from './tree-leaving.js';

/** In place of the line of a root that follows: nothing does. */
const none = 0;
/** Chunks of 100 runs in one step. */
const chunksInStep = 4;

export class Leaving {
  private working: Promise<void> | undefined;
  private stopped = false;
  /** Snapshots that have left since the volume was opened, and steps that were done. */
  left = 0;
  steps = 0;
  /** How often it went on with one that had begun to leave before. */
  resumed = 0;

  constructor(
    private readonly state: VolumeState,
    private readonly checkpoints: Checkpoints,
    /** Something changed that a commit must make durable. */
    private readonly touched: () => void,
  ) {}

  /** Settles when all that can leave has left; undefined: nothing is leaving. */
  get idle(): Promise<void> | undefined {
    return this.working;
  }

  /** Begin, if there is something to do. */
  start(): void {
    if (this.stopped || this.working !== undefined) return;
    const next = this.next();
    if (next === undefined) return;
    if (next.state === rootState.leaving) this.resumed++;
    const work = this.work().finally(() => {
      this.working = undefined;
    });
    // A failed volume says so to everyone who asks; after a read that failed, the next deletion or mount goes on.
    work.catch((e: unknown) => metBy(this.state, e, 'snapshot that leaves'));
    this.working = work;
  }

  /** No step is done any more; the next mount goes on. */
  async stop(): Promise<void> {
    this.stopped = true;
    await this.working?.catch(() => undefined);
  }

  private async work(): Promise<void> {
    for (let root = this.next(); root !== undefined && !this.stopped; root = this.next()) {
      if (root.state === rootState.deleted) await run(() => this.begin(root));
      else await this.oneStep(root.id);
      this.touched();
      await nextTurn();
    }
  }

  private next(): KeptRoot | undefined {
    const { roots, failure, newestRoot } = this.state;
    return failure === undefined ? roots.nextToLeave(newestRoot) : undefined;
  }

  /** Take a snapshot out of its line. Throws Suspend before it changes anything. */
  private begin(root: KeptRoot): void {
    const { state } = this;
    const { roots, dropped } = state;
    const before = roots.get(root.parent);
    const live = state.newestRoot === root.id;
    const heir = roots.heir(root.id);
    const floor = before?.generation ?? 0;
    const line = live ? state.rootId : (heir?.line ?? none);
    const gone: KeptRoot = {
      ...root,
      state: rootState.leaving,
      parent: 0,
      stage: line === none ? 2 : 1,
      floor,
      heir: line,
      low: before?.line === root.line ? before.mark : 0,
      cursorOffset: line === root.line ? root.mark : 0,
      end: live ? dropped.next : (heir?.mark ?? 0),
    };
    if (line === none) gone.cursorOffset = gone.low;
    const items: Put[] = [putRoot(gone)];
    // What the heir shares with the root before, it shared with this one; and the other way round.
    const held = Math.min(root.held, heir?.held ?? state.space.held);
    const follows = heir === undefined ? undefined : { ...heir, parent: root.parent, held };
    if (follows !== undefined) items.push(putRoot(follows));
    state.system.prepare(items);
    state.system.change(items);
    roots.set(gone);
    state.changed = true;
    if (follows !== undefined) roots.set(follows);
    if (!live) return;
    state.newestRoot = root.parent;
    state.newestSnapshot = floor;
    state.space.held = floor === 0 ? 0 : held;
    const { waiting } = dropped;
    dropped.waiting = waiting.filter(({ birth }) => birth <= floor);
    for (const { address, pages, birth } of waiting) if (birth > floor) giveBack(state, address, pages);
  }

  private async oneStep(id: number): Promise<void> {
    const { state } = this;
    if (nodesDue(state) >= state.space.mostDirtyNodes / 2) await this.checkpoints.checkpoint();
    await run(() => this.step(id));
    this.steps++;
  }

  /** A bounded part of the root's stage. Throws Suspend before it changes anything. */
  private step(id: number): void {
    const root = this.state.roots.get(id);
    if (root?.stage === 1) this.freeRuns(root);
    else if (root?.stage === 2) this.handOver(root);
    else if (root?.stage === 3) this.freeTree(root);
    else throw new CorruptionError('kept root', `id ${id}`, `leaves in stage ${root?.stage}`);
  }

  /** Stage 1: give back what some chunks hold for this root alone. */
  private freeRuns(root: KeptRoot): void {
    const { heir, end, floor } = root;
    const { chunks, next } = this.chunks(heir, root.cursorOffset, end);
    const items: (Put | Delete)[] = [];
    const freed: Dropped[] = [];
    for (const { number, runs } of chunks) {
      const kept = runs.filter(({ birth }) => birth <= floor);
      if (kept.length === runs.length) continue;
      items.push(kept.length > 0 ? putChunk(heir, number, kept) : deleteChunk(heir, number));
      for (const one of runs) if (one.birth > floor) freed.push(one);
    }
    if (next < end) this.advance({ ...root, cursorOffset: next }, items, freed);
    else if (heir === root.line) this.advance(undefined, [...items, deleteRoot(root.id)], freed, root);
    else this.advance({ ...root, stage: 2, cursorOffset: root.low }, items, freed);
  }

  /** Stage 2: some chunks of its own line become the heir's; without one, they go. */
  private handOver(root: KeptRoot): void {
    const { chunks, next } = this.chunks(root.line, root.cursorOffset, root.mark);
    const items: (Put | Delete)[] = [];
    for (const { number, runs } of chunks) {
      if (root.heir !== none) items.push(putChunk(root.heir, number, runs));
      items.push(deleteChunk(root.line, number));
    }
    if (next < root.mark) this.advance({ ...root, cursorOffset: next }, items, []);
    else if (root.heir !== none) this.advance(undefined, [...items, deleteRoot(root.id)], [], root);
    else this.advance({ ...root, stage: 3, cursorOffset: 0 }, items, []);
  }

  /** Stage 3: a leaf of its tree. */
  private freeTree(root: KeptRoot): void {
    const { cache } = this.state;
    const { pointer, height, generation } = root;
    const owner = { generation, releaseNode: () => undefined };
    const tree = new Tree(cache, owner, treeId.main, root.line, { pointer, height });
    const { freed, next } = leaveTree(tree, root, root.floor);
    if (next === undefined) this.advance(undefined, [deleteRoot(root.id)], freed, root);
    else this.advance({ ...root, ...next }, [], freed);
  }

  /** Some chunks of a line from number `from` on, before `end`; and the number to go on with, `end` if there are no more. */
  private chunks(line: number, from: number, end: number): { chunks: Chunk[]; next: number } {
    const chunks: Chunk[] = [];
    const cursor = this.state.system.seek(line, itemKind.dropped, from);
    for (; cursor.valid && cursor.inode === line && cursor.kind === itemKind.dropped; cursor.next()) {
      if (cursor.offset >= end) break;
      if (chunks.length === chunksInStep) return { chunks, next: cursor.offset };
      chunks.push({ number: cursor.offset, runs: readChunk(cursor.value) });
    }
    return { chunks, next: end };
  }

  /** Do what a step found: the changes, the record as it is afterwards (or that of `gone` goes), the pages. */
  private advance(
    after: KeptRoot | undefined,
    items: (Put | Delete)[],
    freed: readonly { address: Address; pages: number }[],
    gone?: KeptRoot,
  ): void {
    const { state } = this;
    if (after !== undefined) items.push(putRoot(after));
    state.system.prepare(items);
    state.system.change(items);
    for (const { address, pages } of freed) giveBack(state, address, pages);
    state.changed = true;
    if (after !== undefined) state.roots.set(after);
    if (gone === undefined) return;
    state.roots.delete(gone.id);
    this.left++;
  }
}

interface Chunk {
  readonly number: number;
  readonly runs: readonly Dropped[];
}

const deleteChunk = (line: number, number: number): Delete => ({
  type: 'delete',
  inode: line,
  kind: itemKind.dropped,
  offset: number,
});
