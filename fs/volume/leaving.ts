/**
 * Deleted snapshots leave in the background: what only they held is given back in bounded steps.
 *
 * A snapshot S has a root P before it and one root N after it. What S has and N has not is in the chunks of runs that
 * were dropped between the marks of S and N; of these, what was born after P is held by S alone. What was born before
 * stays: it is P's as well, and from now on these chunks say what P has and N has not. When S begins to leave, N follows
 * P in the same stretch; if N is the live root, what it drops from then on is held only if P has it. So no page is
 * looked up in any tree, and nothing that happens meanwhile matters to the steps.
 *
 * A snapshot that two roots or more follow waits, hidden, until one is left.
 *
 * Crash safety: how far it came is part of the root's record, in the system tree, and changes together with the live
 * bits: a checkpoint has both or neither. A place that becomes free is reused one checkpoint later.
 */
import { itemKind, rootState } from '../format/item.js';
import { run } from '../suspend.js';
import type { Delete, Put } from '../tree/batch.js';
import { giveBack } from './apply.js';
import type { Checkpoints } from './checkpoints.js';
import { type Dropped, putChunk, readChunk } from './dropped-runs.js';
import { deleteRoot, type KeptRoot, putRoot } from './kept-roots.js';
import type { VolumeState } from './state.js';

/** Chunks of 100 runs in one step. */
const chunksInStep = 4;
/** Relocated pages that wait for the next commit are counted as one dirty node for so many runs. */
const releasesPerLeaf = 8;

export class Leaving {
  private working: Promise<void> | undefined;
  private stopped = false;
  /** Snapshots that have left since the volume was opened, and steps that were done. */
  left = 0;
  steps = 0;

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
    if (this.stopped || this.working !== undefined || this.next() === undefined) return;
    const work = this.work().finally(() => {
      this.working = undefined;
    });
    // A failed volume says so to everyone who asks.
    work.catch(() => undefined);
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
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** The root to go on with: one that has begun to leave, or else one that may. */
  private next(): KeptRoot | undefined {
    const { roots, failure } = this.state;
    if (failure !== undefined) return undefined;
    let found: KeptRoot | undefined;
    for (const root of roots.all()) {
      if (root.state === rootState.leaving) return root;
      if (root.state === rootState.deleted && found === undefined && this.followers(root) === 1) found = root;
    }
    return found;
  }

  private followers(root: KeptRoot): number {
    return this.state.roots.followers(root.id).length + (this.state.newestRoot === root.id ? 1 : 0);
  }

  /** Take a snapshot out of its line. Throws Suspend before it changes anything. */
  private begin(root: KeptRoot): void {
    const { state } = this;
    const { roots, dropped } = state;
    const before = roots.get(root.parent);
    const [heir] = roots.followers(root.id);
    const floor = before?.generation ?? 0;
    const gone: KeptRoot = {
      ...root,
      state: rootState.leaving,
      parent: 0,
      stage: 1,
      floor,
      heir: heir?.line ?? state.rootId,
      cursorOffset: root.mark,
      end: heir?.mark ?? dropped.next,
    };
    const items: Put[] = [putRoot(gone)];
    const follows = heir === undefined ? undefined : { ...heir, parent: root.parent };
    if (follows !== undefined) items.push(putRoot(follows));
    state.system.prepare(items);
    state.system.change(items);
    roots.set(gone);
    state.changed = true;
    if (follows !== undefined) {
      roots.set(follows);
      return;
    }
    state.newestRoot = root.parent;
    state.newestSnapshot = floor;
    if (floor === 0) state.space.held = 0;
    const { waiting } = dropped;
    dropped.waiting = waiting.filter(({ birth }) => birth <= floor);
    for (const { address, pages, birth } of waiting) if (birth > floor) giveBack(state, address, pages);
  }

  private async oneStep(id: number): Promise<void> {
    const { cache, log, space } = this.state;
    if (cache.dirty + log.deferred.length / releasesPerLeaf >= space.mostDirtyNodes / 2)
      await this.checkpoints.checkpoint();
    await run(() => this.step(id));
    this.steps++;
  }

  /** Give back what some chunks hold for this root alone. Throws Suspend before it changes anything. */
  private step(id: number): void {
    const { state } = this;
    const root = state.roots.get(id);
    if (root === undefined) return;
    const items: (Put | Delete)[] = [];
    const freed: Dropped[] = [];
    let next = root.end;
    const cursor = state.system.seek(root.heir, itemKind.dropped, root.cursorOffset);
    for (
      let chunks = 0;
      cursor.valid && cursor.inode === root.heir && cursor.kind === itemKind.dropped;
      cursor.next()
    ) {
      if (cursor.offset >= root.end) break;
      if (chunks++ === chunksInStep) {
        next = cursor.offset;
        break;
      }
      const runs = readChunk(cursor.value);
      const kept = runs.filter(({ birth }) => birth <= root.floor);
      if (kept.length === runs.length) continue;
      if (kept.length > 0) items.push(putChunk(root.heir, cursor.offset, kept));
      else items.push({ type: 'delete', inode: root.heir, kind: itemKind.dropped, offset: cursor.offset });
      for (const one of runs) if (one.birth > root.floor) freed.push(one);
    }
    const done = next >= root.end;
    const after = { ...root, cursorOffset: next };
    items.push(done ? deleteRoot(id) : putRoot(after));
    state.system.prepare(items);
    state.system.change(items);
    for (const { address, pages } of freed) giveBack(state, address, pages);
    state.changed = true;
    if (!done) {
      state.roots.set(after);
      return;
    }
    state.roots.delete(id);
    this.left++;
  }
}
