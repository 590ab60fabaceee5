/**
 * Lines: the live root is the end of one, and others can be kept beside it. A clone begins a line at a snapshot; to use
 * it, or the line that was left for it, the volume is turned: the live root becomes a kept end of a line, and the other
 * one live. A rollback begins a line at a snapshot in the place of the live one, under the same name.
 *
 * A turn happens at the moment in which a generation ends. No operation of the next generation may be begun before its
 * promise has resolved: what is recorded in the journal by then belongs to the line that was left.
 *
 * Crash safety: before and after a turn, each a checkpoint; recovery stops at records of another line.
 */
import { FsError, VolumeError } from '../errors.js';
import { rootKind, rootState } from '../format/item.js';
import { run, Suspend } from '../suspend.js';
import type { Delete, Put } from '../tree/batch.js';
import { deleteRoot, type KeptRoot, putRoot } from './kept-roots.js';
import type { Moment } from './moment.js';
import { checkSnapshotName, liveRoot, mustBeNew, type SnapshotHost } from './snapshots.js';
import type { VolumeState } from './state.js';

/** The line of a new volume has no name. */
const firstLine = '';

export class Lines {
  constructor(private readonly host: SnapshotHost) {}

  /** Name of the line that is live. */
  get live(): string {
    return this.host.state.lineName;
  }

  /** Ends of the other lines. */
  list(): readonly KeptRoot[] {
    return this.host.state.roots.lines();
  }

  find(name: string): KeptRoot | undefined {
    return this.list().find((root) => root.name === name);
  }

  /** Begin a line at a snapshot. Rejects with ENOENT, EEXIST, EINVAL, ENAMETOOLONG, EROFS, EIO. */
  async clone(snapshot: string, name: string): Promise<KeptRoot> {
    const { host } = this;
    const { state } = host;
    host.mustBeWritable('clone');
    checkSnapshotName(name);
    const made = await run(() => {
      if (this.find(name) !== undefined || name === this.live)
        throw new FsError('EEXIST', 'clone', undefined, `there is a branch ${name} already`);
      const from = mustFind(state, snapshot);
      const id = state.nextRoot;
      const seconds = host.now().seconds;
      const root = { ...from, id, line: id, parent: from.id, kind: rootKind.line, name, seconds, held: from.nodes };
      root.mark = state.dropped.next;
      root.window = 0;
      const items = [putRoot(root)];
      state.system.prepare(items);
      state.system.change(items);
      state.roots.set(root);
      state.nextRoot++;
      state.changed = true;
      return root;
    });
    await host.checkpoints.checkpoint();
    return made;
  }

  /** Delete a line that is not live. What only it has is given back in the background. ENOENT, EROFS, EIO. */
  async remove(name: string): Promise<void> {
    const { host } = this;
    const { state } = host;
    host.mustBeWritable('branch');
    await run(() => {
      const root = this.find(name);
      if (root === undefined || name === firstLine)
        throw new FsError('ENOENT', 'branch', undefined, `there is no branch ${name}`);
      const gone = { ...root, state: rootState.deleted };
      const items = [putRoot(gone)];
      state.system.prepare(items);
      state.system.change(items);
      state.roots.set(gone);
      state.changed = true;
    });
    await host.checkpoints.checkpoint();
    host.leaving.start();
  }

  /** Before a volume is served: this line shall be the live one. Throws VolumeError if there is none of that name. */
  async begin(name: string): Promise<void> {
    if (name !== this.live && this.find(name) === undefined)
      throw new VolumeError('not-found', `${this.host.state.store.name}: there is no branch '${name}'`);
    await this.turnTo(name);
  }

  /** Make another line live. ENOENT, ENOSPC, EROFS, EIO. */
  async turnTo(name: string): Promise<void> {
    const { state } = this.host;
    if (name === this.live) return;
    await this.turn((generation) => {
      const next = this.find(name);
      if (next === undefined) throw new FsError('ENOENT', 'branch', undefined, `there is no branch ${name}`);
      const { lineName } = state;
      const left = { ...liveRoot(state, generation), id: state.rootId, kind: rootKind.line, name: lineName };
      return { left, next, line: next.line, name, parent: next.parent, drops: next.id };
    });
  }

  /**
   * Begin a new line at a snapshot in the place of the live one. `keep`: name of a snapshot of the state before;
   * undefined: that is given up. ENOENT, EEXIST, ENOSPC, EROFS, EIO.
   */
  async rollback(snapshot: string, keep: string | undefined): Promise<void> {
    const { host } = this;
    const { state } = host;
    if (keep !== undefined) checkSnapshotName(keep);
    await this.turn((generation) => {
      if (keep !== undefined) mustBeNew(state, keep);
      const from = mustFind(state, snapshot);
      const now = liveRoot(state, generation);
      const { seconds } = host.now();
      const left =
        keep === undefined
          ? { ...now, id: state.rootId, kind: rootKind.line, state: rootState.deleted, name: '' }
          : { ...now, kind: rootKind.snapshot, name: keep, seconds };
      const line = state.nextRoot + 1;
      return { left, next: { ...from, held: from.nodes }, line, name: state.lineName, parent: from.id };
    });
    host.leaving.start();
  }

  private async turn(plan: (generation: number) => Turn): Promise<void> {
    const { host } = this;
    host.mustBeWritable('branch');
    for (;;)
      try {
        await this.turnNow(plan);
        return;
      } catch (e) {
        if (!(await host.history.madeRoom(e))) throw e;
      }
  }

  private async turnNow(plan: (generation: number) => Turn): Promise<void> {
    const { host } = this;
    const turning = new Turning(host, plan);
    try {
      await host.flusher?.flushAll();
      host.checkpoints.await(turning);
      while (!turning.done && turning.failure === undefined) {
        await host.checkpoints.checkpoint();
        if (!turning.done) await host.flusher?.flushAll();
      }
    } finally {
      host.checkpoints.forget(turning);
    }
    if (turning.failure !== undefined) throw turning.failure;
  }
}

function mustFind(state: VolumeState, snapshot: string): KeptRoot {
  const root = state.roots.snapshot(snapshot);
  if (root === undefined) throw new FsError('ENOENT', 'snapshot', undefined, `there is no snapshot ${snapshot}`);
  return root;
}

/** What a turn does. */
interface Turn {
  /** What the live root becomes. */
  readonly left: KeptRoot;
  /** What becomes live. */
  readonly next: KeptRoot;
  /** Its line, the name of that, and the snapshot that it follows. */
  readonly line: number;
  readonly name: string;
  readonly parent: number;
  /** A kept root that is one no more. */
  readonly drops?: number;
}

class Turning implements Moment {
  readonly alone = true;
  done = false;
  failure: unknown;

  constructor(
    private readonly host: SnapshotHost,
    private readonly plan: (generation: number) => Turn,
  ) {}

  flush(): boolean {
    const { state, flusher } = this.host;
    const { space } = state;
    try {
      flusher?.flushNow();
      const { next } = this.plan(0);
      if (space.copiesOf(next.held - space.held) + next.promised - space.promised <= space.available) return true;
      throw new FsError('ENOSPC', 'branch', undefined, `no room for copies of the ${next.held} nodes of the tree`);
    } catch (e) {
      if (!(e instanceof Suspend)) this.failure = e;
      return false;
    }
  }

  require(): void {
    this.host.state.system.prepare(itemsOf(this.plan(0)));
  }

  happen(generation: number): void {
    const { state } = this.host;
    const turn = this.plan(generation);
    const { left, next, line, parent, drops } = turn;
    state.system.change(itemsOf(turn));
    state.roots.set(left);
    if (drops !== undefined) state.roots.delete(drops);
    state.nextRoot = Math.max(state.nextRoot, left.id + 1, line + 1);
    state.rootId = line;
    state.lineName = turn.name;
    state.newestRoot = parent;
    state.newestSnapshot = state.roots.get(parent)?.generation ?? 0;
    state.inodes = next.inodes;
    state.mainPages = next.pages;
    state.space.promised = next.promised;
    state.space.held = state.newestSnapshot === 0 ? 0 : next.held;
    state.main.turn(line, next);
    state.usage.forget();
    this.done = true;
  }
}

/** Changes of the system tree. A put comes before a delete: both may be of one leaf. */
function itemsOf({ left, drops }: Turn): (Put | Delete)[] {
  return drops === undefined ? [putRoot(left)] : [putRoot(left), deleteRoot(drops)];
}
