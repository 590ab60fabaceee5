/**
 * The history of a volume: with `historySeconds`, each commit's root is kept for that long, as a snapshot without a name.
 * Any of them can be made a snapshot, or looked at. What it costs is what a snapshot costs: an item of the system tree,
 * no walk and no copy. After the continuous checkpoints of NILFS2 (Konishi et al., "The Linux implementation of a
 * log-structured file system", 2006), whose cleaner removes them; here they leave as deleted snapshots do.
 *
 * It is never why something fails for want of space: it gives way, the older half first, when less than an eighth of the
 * volume is available, and before anyone gets ENOSPC.
 *
 * Invariants
 * 1. At most one root a second, and `mostRoots` of them and what came since the last tidying.
 * 2. A generation in which the live tree did not change adds none.
 *
 * Crash safety: a root is there exactly if the checkpoint is that it was made with; it goes as snapshots do.
 */
import { FsError } from '../errors.js';
import { rootKind, rootState } from '../format/item.js';
import { run } from '../suspend.js';
import { endOf, expired, superfluous } from './history-thinning.js';
import { type KeptRoot, putRoot } from './kept-roots.js';
import type { Moment } from './moment.js';
import { checkSnapshotName, keepLive, liveRoot, type SnapshotHost, type Snapshots } from './snapshots.js';

export interface HistoryHost extends SnapshotHost {
  readonly snapshots: Snapshots;
  touched(): void;
}

/** Longest sleep of the timer, in ms: clocks are set now and then. */
const longestSleep = 60_000;
/** Roots that are marked in one stretch. */
const marksInStep = 32;

export class History implements Moment {
  /** Roots that somebody looks at, and by how many. */
  private readonly watched = new Map<number, number>();
  private timer: NodeJS.Timeout | undefined;
  private tidying: Promise<void> | undefined;
  private stopped = true;
  /** Roots made since the volume was opened. */
  made = 0;

  /** `window`: seconds that a root is kept after the next one; 0: none is made; undefined: and none goes by itself. */
  constructor(
    private readonly host: HistoryHost,
    private readonly window: number | undefined,
  ) {
    if (window) host.checkpoints.await(this);
  }

  /** Its roots, the oldest first. */
  list(): readonly KeptRoot[] {
    return this.host.state.roots.history();
  }

  /** What was live at a moment: the newest commit that is kept and not later. Seconds since 1970. */
  at(seconds: number): KeptRoot | undefined {
    return this.past().findLast((root) => root.seconds <= seconds);
  }

  /** Of the history, those that have become snapshots included: they still stand for their time. */
  private past(): KeptRoot[] {
    return this.host.state.roots.past();
  }

  /** The volume is served from here on: what is too old goes. */
  start(): void {
    if (this.window === undefined) return;
    this.stopped = false;
    this.tidyLater();
  }

  /** Nothing begins by itself any more. */
  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.tidying?.catch(() => undefined);
  }

  /** Somebody looks at a root: it does not go because of its age. */
  watch(id: number): void {
    this.watched.set(id, (this.watched.get(id) ?? 0) + 1);
  }
  unwatch(id: number): void {
    const left = (this.watched.get(id) ?? 1) - 1;
    if (left > 0) this.watched.set(id, left);
    else this.watched.delete(id);
    this.tidyLater();
  }

  /** Make the root of a moment a snapshot. Rejects with ENOENT, EEXIST, EINVAL, ENAMETOOLONG, EROFS, EIO. */
  async keep(name: string, seconds: number): Promise<KeptRoot> {
    const { host } = this;
    const { state } = host;
    host.mustBeWritable('snapshot');
    checkSnapshotName(name);
    const kept = await run(() => {
      host.snapshots.mustBeFree(name);
      const root = this.at(seconds);
      if (root === undefined) throw new FsError('ENOENT', 'snapshot', undefined, this.unknown(seconds));
      if (root.kind !== rootKind.history)
        throw new FsError('EEXIST', 'snapshot', undefined, `that moment is kept as the snapshot ${root.name} already`);
      const next = { ...root, kind: rootKind.snapshot, name };
      const items = [putRoot(next)];
      state.system.prepare(items);
      state.system.change(items);
      state.roots.set(next);
      state.changed = true;
      return next;
    });
    await host.checkpoints.checkpoint();
    return kept;
  }

  /** Why there is nothing for a moment, for people. */
  unknown(seconds: number): string {
    const [oldest] = this.past();
    const asked = new Date(seconds * 1000).toISOString();
    if (oldest === undefined) return 'no history is kept: mount with -o history=TIME';
    return `the history begins at ${new Date(oldest.seconds * 1000).toISOString()}, after ${asked}`;
  }

  /**
   * Make room: the older half goes, what is being looked at last of all. Settles when its space is back; undefined: there
   * is no history to give.
   */
  giveWay(): Promise<void> | undefined {
    const all = this.list();
    if (all.length === 0) return undefined;
    const idle = all.filter(({ id }) => !this.watched.has(id));
    const from = idle.length > 0 ? idle : all;
    return this.drop(from.slice(0, Math.ceil(from.length / 2))).then(() => this.host.leaving.idle);
  }

  /** After this failure it may be tried again: there was no space, and now there is more. */
  async madeRoom(e: unknown): Promise<boolean> {
    const room = e instanceof FsError && e.code === 'ENOSPC' ? this.giveWay() : undefined;
    await room;
    return room !== undefined;
  }

  /** The timer's work, done now: roots that are too old, too many, or in the way begin to leave. */
  async tidy(): Promise<void> {
    const { window } = this;
    const now = this.host.now().seconds;
    const idle = (root: KeptRoot): boolean => root.kind === rootKind.history && !this.watched.has(root.id);
    const past = this.past();
    const old = expired(past, now, window);
    const left = past.filter((root) => !old.includes(root));
    await this.drop([...old, ...superfluous(left, now)].filter(idle));
    if (this.short && this.host.leaving.idle === undefined) await this.giveWay();
  }

  private get short(): boolean {
    const { space } = this.host.state;
    return space.available < space.capacity / 8;
  }

  private async drop(roots: readonly KeptRoot[]): Promise<void> {
    const { state, leaving } = this.host;
    for (let from = 0; from < roots.length; from += marksInStep)
      await run(() => {
        const marked: KeptRoot[] = [];
        for (const { id } of roots.slice(from, from + marksInStep)) {
          const root = state.roots.get(id);
          if (root?.kind === rootKind.history && root.state === rootState.inUse)
            marked.push({ ...root, state: rootState.deleted });
        }
        const items = marked.map(putRoot);
        state.system.prepare(items);
        state.system.change(items);
        for (const root of marked) state.roots.set(root);
        state.changed = true;
      });
    if (roots.length === 0) return;
    leaving.start();
    this.host.touched();
  }

  private tidyLater(ms = 0): void {
    if (this.stopped) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.tidyNow(), ms);
    this.timer.unref();
  }

  private tidyNow(): void {
    if (this.tidying !== undefined || this.host.state.failure !== undefined) return;
    // A failed volume says so to everyone who asks; a timer has nobody to tell.
    this.tidying = this.tidy()
      .catch(() => undefined)
      .finally(() => {
        this.tidying = undefined;
        this.sleep();
      });
  }

  /** Until the next one is too old. A volume without history has no timer. */
  private sleep(): void {
    const past = this.past();
    let next = Number.POSITIVE_INFINITY;
    for (const [i, root] of past.entries())
      if (root.kind === rootKind.history) next = Math.min(next, endOf(root, past[i + 1], this.window));
    if (next === Number.POSITIVE_INFINITY) return;
    this.tidyLater(Math.max(1000, Math.min(longestSleep, (next - this.host.now().seconds) * 1000)));
  }

  /** Moment: whether this commit's root is kept. One that comes too soon after another asks for one more. */
  flush(): boolean {
    const { state } = this.host;
    const last = state.roots.get(state.newestRoot);
    if (last === undefined || last.kind !== rootKind.history || this.stopped) return true;
    const since = this.host.now().seconds - last.seconds;
    if (since < 0 || since >= 1) return true;
    if (state.main.root.address !== last.pointer.address) this.host.touched();
    return false;
  }

  require(): void {
    this.host.state.system.prepare([putRoot(this.rootOf(0))]);
  }

  happen(generation: number): void {
    const { state, checkpoints } = this.host;
    checkpoints.await(this);
    const last = state.roots.get(state.newestRoot);
    if (last !== undefined && last.window > 0 && last.pointer.address === state.main.root.address) return;
    if (!this.hasRoom()) {
      this.tidyLater();
      return;
    }
    keepLive(state, this.rootOf(generation));
    this.made++;
    this.tidyLater();
  }

  /** For copies of the nodes that are shared from then on, and without pressing anyone. */
  private hasRoom(): boolean {
    const { space, main } = this.host.state;
    return space.available - space.copiesOf(main.nodes - space.held) >= space.capacity / 8;
  }

  private rootOf(generation: number): KeptRoot {
    return {
      ...liveRoot(this.host.state, generation),
      kind: rootKind.history,
      seconds: this.host.now().seconds,
      window: this.window ?? 0,
    };
  }
}
