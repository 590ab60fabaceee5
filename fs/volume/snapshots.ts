/**
 * Snapshots of an open volume: make, list, rename, delete. Serves the filesystem's `.snapshots`, the control socket and
 * tools on images; each change is durable when its promise resolves.
 *
 * Making one costs a commit, whatever the volume's size: at the moment in which the generation ends, the root that was
 * just written is noted in the system tree, and from the next generation on what is born up to now is held. Deleting
 * hides it at once; what only it held is given back in the background (leaving.ts).
 *
 * Crash safety: a snapshot is there exactly if the checkpoint is that it was made with.
 */
import { FsError } from '../errors.js';
import { rootKind, rootState } from '../format/item.js';
import { run, Suspend } from '../suspend.js';
import type { Flusher } from './api.js';
import type { Checkpoints } from './checkpoints.js';
import type { History } from './history.js';
import { type KeptRoot, putRoot } from './kept-roots.js';
import type { Leaving } from './leaving.js';
import type { Moment } from './moment.js';
import type { VolumeState } from './state.js';

/** Most bytes of a snapshot's name. */
export const mostNameBytes = 200;

export interface SnapshotHost {
  readonly state: VolumeState;
  readonly checkpoints: Checkpoints;
  readonly leaving: Leaving;
  readonly flusher: Flusher | undefined;
  readonly heldGeneration: number;
  readonly history: History;
  mustBeWritable(operation: string): void;
  /** Seconds and nanoseconds since 1970. */
  now(): { seconds: number };
}

export class Snapshots {
  /** Names of snapshots that are being made. */
  private readonly making = new Set<string>();

  constructor(private readonly host: SnapshotHost) {}

  /** Snapshots in use, the oldest first. */
  list(): readonly KeptRoot[] {
    return this.host.state.roots.snapshots();
  }

  /** Whether the kept root is in use. */
  has(id: number): boolean {
    return this.host.state.roots.get(id)?.state === rootState.inUse;
  }

  find(name: string): KeptRoot | undefined {
    return this.host.state.roots.snapshot(name);
  }

  /**
   * Keep what the live root is: all that was acknowledged before the call, nothing that begins after it. Rejects with
   * EEXIST, EINVAL, ENAMETOOLONG, ENOSPC (no room for copies of the nodes that are shared from then on), EROFS, EIO.
   */
  async create(name: string): Promise<KeptRoot> {
    const { host } = this;
    host.mustBeWritable('snapshot');
    checkSnapshotName(name);
    for (;;)
      try {
        return await this.createNow(name);
      } catch (e) {
        if (!(await host.history.madeRoom(e))) throw e;
      }
  }

  private async createNow(name: string): Promise<KeptRoot> {
    const { host } = this;
    this.mustBeFree(name);
    this.making.add(name);
    const keeping = new Keeping(host, name);
    try {
      await host.flusher?.flushAll();
      host.checkpoints.await(keeping);
      // What could not be flushed in the moment itself goes with a later one; each takes on what the one before left.
      while (keeping.kept === undefined && keeping.failure === undefined) {
        await host.checkpoints.checkpoint();
        if (keeping.kept === undefined) await host.flusher?.flushAll();
      }
    } finally {
      host.checkpoints.forget(keeping);
      this.making.delete(name);
    }
    if (keeping.kept === undefined) throw keeping.failure;
    return keeping.kept;
  }

  /** Make what was live at a moment a snapshot: see History. */
  keep(name: string, seconds: number): Promise<KeptRoot> {
    return this.host.history.keep(name, seconds);
  }

  /** Nobody else makes one of that name until the function that is returned is called. EEXIST, EINVAL, ENAMETOOLONG. */
  claimName(name: string): () => void {
    checkSnapshotName(name);
    this.mustBeFree(name);
    this.making.add(name);
    return () => void this.making.delete(name);
  }

  /** Rejects with ENOENT, EROFS, EIO. */
  async remove(name: string): Promise<void> {
    const { leaving } = this.host;
    this.host.mustBeWritable('snapshot');
    await this.change(name, (root) => ({ ...root, state: rootState.deleted }));
    await this.host.checkpoints.checkpoint();
    leaving.start();
  }

  /** Rejects with ENOENT, EEXIST, EINVAL, ENAMETOOLONG, EROFS, EIO. */
  async rename(name: string, newName: string): Promise<void> {
    this.host.mustBeWritable('snapshot');
    checkSnapshotName(newName);
    if (name === newName) return;
    await this.change(name, (root) => {
      this.mustBeFree(newName);
      return { ...root, name: newName };
    });
    await this.host.checkpoints.checkpoint();
  }

  /** `changed` may throw what speaks against it. */
  private async change(name: string, changed: (root: KeptRoot) => KeptRoot): Promise<void> {
    const { state } = this.host;
    await run(() => {
      const root = state.roots.snapshot(name);
      if (root === undefined) throw new FsError('ENOENT', 'snapshot', undefined, `there is no snapshot ${name}`);
      const next = changed(root);
      const items = [putRoot(next)];
      state.system.prepare(items);
      state.system.change(items);
      state.roots.set(next);
      state.changed = true;
    });
  }

  /** EEXIST: a snapshot has that name, or is about to. */
  mustBeFree(name: string): void {
    mustBeNew(this.host.state, name, this.making.has(name));
  }
}

/** EEXIST: a snapshot has that name, or was `promised` it. */
export function mustBeNew({ roots }: VolumeState, name: string, promised = false): void {
  if (promised || roots.snapshot(name) !== undefined)
    throw new FsError('EEXIST', 'snapshot', undefined, `there is a snapshot ${name} already`);
}

/** EINVAL, ENAMETOOLONG. */
export function checkSnapshotName(name: string): void {
  if (Buffer.byteLength(name) > mostNameBytes)
    throw new FsError('ENAMETOOLONG', 'snapshot', undefined, `a name has at most ${mostNameBytes} bytes`);
  if (!isSnapshotName(name))
    throw new FsError('EINVAL', 'snapshot', undefined, `${shownName(name)} is no name for a snapshot`);
}

/** In quotes, with control characters escaped. */
export const shownName = (name: string): string =>
  JSON.stringify(name).replace(/\p{Cc}/gu, (one) => `\\u00${one.charCodeAt(0).toString(16).padStart(2, '0')}`);

/** Names are shown in messages and lists, and may come from elsewhere: without control characters. */
export const isSnapshotName = (name: string): boolean =>
  name !== '' && name !== '.' && name !== '..' && !/[/\p{Cc}\ufffd]/u.test(name);

/** The live root becomes a kept one. */
class Keeping implements Moment {
  kept: KeptRoot | undefined;
  failure: unknown;

  constructor(
    private readonly host: SnapshotHost,
    private readonly name: string,
  ) {}

  flush(): boolean {
    try {
      this.host.flusher?.flushNow();
      // A rollback may have made one of that name meanwhile.
      mustBeNew(this.host.state, this.name);
      this.mustHaveRoom();
      return true;
    } catch (e) {
      // To wait here for a commit would be to wait for oneself.
      if (!(e instanceof Suspend)) this.failure = e;
      return false;
    }
  }

  /** The nodes that are shared from now on are copied one by one as they change: that must never fail. */
  private mustHaveRoom(): void {
    const { space, main } = this.host.state;
    if (space.copiesOf(main.nodes - space.held) <= space.available) return;
    throw new FsError('ENOSPC', 'snapshot', undefined, `no room for copies of the ${main.nodes} nodes of the tree`);
  }

  require(): void {
    const { state } = this.host;
    state.system.prepare([putRoot(this.rootOf(0))]);
  }

  happen(generation: number): void {
    const { state } = this.host;
    this.kept = this.rootOf(generation);
    keepLive(state, this.kept);
  }

  private rootOf(generation: number): KeptRoot {
    return {
      ...liveRoot(this.host.state, generation),
      kind: rootKind.snapshot,
      name: this.name,
      seconds: this.host.now().seconds,
    };
  }
}

/** `root`, which is what the live root is at this moment, becomes what that follows. What `putRoot` needs is in memory. */
export function keepLive(state: VolumeState, root: KeptRoot): void {
  state.system.change([putRoot(root)]);
  state.roots.set(root);
  state.nextRoot++;
  state.newestRoot = root.id;
  state.newestSnapshot = root.generation;
  state.space.held = state.main.nodes;
}

/** What the live root is at this moment, as a kept one. */
export function liveRoot(state: VolumeState, generation: number): KeptRoot {
  const { main, dropped, space } = state;
  return {
    id: state.nextRoot,
    pointer: main.root,
    height: main.height,
    kind: 0,
    state: rootState.inUse,
    line: state.rootId,
    parent: state.newestRoot,
    generation,
    seconds: 0,
    inodes: state.inodes,
    pages: state.mainPages,
    nodes: main.nodes,
    promised: space.promised,
    held: space.held,
    mark: dropped.next,
    stage: 0,
    floor: 0,
    heir: 0,
    low: 0,
    end: 0,
    cursorInode: 0,
    cursorKind: 0,
    cursorOffset: 0,
    window: 0,
    received: { inode: 0, kind: 0, offset: 0 },
    identity: { uuid: state.superblock.uuid, epoch: state.epoch, id: state.nextRoot },
    name: '',
  };
}
