/**
 * Receiving, as far as it is a matter of roots: a hidden line is begun at the snapshot that a stream builds on, or with
 * nothing; written beside the live one; and becomes a snapshot at once, with a checkpoint. One that is broken off goes,
 * or stays hidden with a note of how far it came. What a stream says is none of the volume's business.
 *
 * Crash safety: the line's record changes with its tree, under one checkpoint. `receiving` ones are deleted when the
 * volume is opened, `partial` ones stay.
 */
import { FsError } from '../errors.js';
import { rootKind, rootState } from '../format/item.js';
import type { RootIdentity, StreamPosition } from '../format/stream.js';
import { run } from '../suspend.js';
import { type KeptRoot, putRoot } from './kept-roots.js';
import type { Moment } from './moment.js';
import { SideLine } from './side-line.js';
import { SideTree } from './side-tree.js';
import { liveRoot } from './snapshots.js';
import type { Volume } from './volume.js';

export class Receptions {
  constructor(private readonly volume: Volume) {}

  /** Lines that are kept although they are not whole. */
  partial(): KeptRoot[] {
    return this.ofState(rootState.partial).filter(({ id }) => !this.isWritten(id));
  }

  private ofState(wanted: number): KeptRoot[] {
    return [...this.volume.state.roots.all()].filter(({ state }) => state === wanted);
  }

  private isWritten(id: number): boolean {
    return [...this.volume.state.sideLines].some((side) => side.id === id);
  }

  /** Whether a line is being written that shall become that snapshot. */
  isReceiving(identity: RootIdentity): boolean {
    return [...this.volume.state.sideLines].some((side) => !side.isGone && isSame(side.identity, identity));
  }

  /** Identity of the snapshot that a part builds on; all zeros: it builds on none. */
  baseOf({ parent }: KeptRoot): RootIdentity {
    return this.volume.state.roots.get(parent)?.identity ?? none;
  }

  /** A snapshot in use by its identity. */
  find(identity: RootIdentity): KeptRoot | undefined {
    return this.volume.snapshots.list().find((root) => isSame(root.identity, identity));
  }

  /**
   * Begin a line on a snapshot (undefined: on nothing). `name`: of the snapshot that it shall become; `keep`: it stays if
   * it is broken off. Rejects with EROFS, EIO.
   */
  async begin(from: KeptRoot | undefined, name: string, identity: RootIdentity, keep: boolean): Promise<SideLine> {
    const { volume } = this;
    const { state } = volume;
    volume.mustBeWritable('receive');
    const id = state.nextRoot++;
    const nothing = { nodes: 0, inodes: 0, pages: 0, promised: 0, parent: 0 };
    const record: KeptRoot = {
      ...(from === undefined ? { ...liveRoot(state, 0), ...nothing } : { ...from, parent: from.id }),
      id,
      line: id,
      kind: rootKind.line,
      state: keep ? rootState.partial : rootState.receiving,
      mark: state.dropped.next,
      window: 0,
      name,
      identity,
      received: beginning,
    };
    const side = new SideTree(state, record, from === undefined);
    state.sideLines.add(side);
    // What it follows must not leave from now on.
    if (from !== undefined) state.roots.set(record);
    state.changed = true;
    try {
      await volume.checkpoints.checkpoint();
    } catch (e) {
      side.end('gone');
      throw e;
    }
    return new SideLine(volume, side);
  }

  /** Go on with one that is partial. */
  resume(record: KeptRoot): SideLine {
    const { volume } = this;
    volume.mustBeWritable('receive');
    const side = new SideTree(volume.state, record, false);
    volume.state.sideLines.add(side);
    return new SideLine(volume, side);
  }

  /** It is broken off, and kept: what came is durable when this resolves. Rejects with EIO: a later checkpoint does it. */
  leave({ side }: SideLine): Promise<void> {
    return this.end(side, 'kept');
  }

  /** It is broken off, and goes. Rejects with EIO: a later checkpoint does it. */
  abort({ side }: SideLine): Promise<void> {
    return this.end(side, 'gone');
  }

  private async end(side: SideTree, over: 'kept' | 'gone'): Promise<void> {
    const { checkpoints, leaving } = this.volume;
    side.end(over);
    await checkpoints.checkpoint();
    leaving.start();
  }

  /** Give up one that nobody writes. Rejects with ENOENT, EBUSY (somebody goes on with it), EIO. */
  async remove(id: number): Promise<void> {
    const { state, checkpoints, leaving } = this.volume;
    await run(() => {
      const root = state.roots.get(id);
      if (root === undefined) throw new FsError('ENOENT', 'receive');
      if (this.isWritten(id)) throw new FsError('EBUSY', 'receive');
      const gone = { ...root, state: rootState.deleted, name: '' };
      const items = [putRoot(gone)];
      state.system.prepare(items);
      state.system.change(items);
      state.roots.set(gone);
      state.changed = true;
    });
    await checkpoints.checkpoint();
    leaving.start();
  }

  /** It is whole: a snapshot from one checkpoint on. The name has been claimed. */
  async finish(line: SideLine, name: string, seconds: number): Promise<void> {
    const { checkpoints, leaving } = this.volume;
    const finishing = new Finishing(line.side, name, seconds);
    checkpoints.await(finishing);
    try {
      while (!finishing.done) await checkpoints.checkpoint();
    } finally {
      checkpoints.forget(finishing);
    }
    leaving.start();
  }

  /** When the volume is opened: what was being received, and not to be kept, goes. */
  async recover(): Promise<void> {
    for (const { id } of this.ofState(rootState.receiving)) await this.remove(id);
  }
}

export const isSame = (a: RootIdentity, b: RootIdentity): boolean =>
  a.id === b.id && a.epoch === b.epoch && Buffer.compare(a.uuid, b.uuid) === 0;

export const isNone = ({ id, epoch, uuid }: RootIdentity): boolean =>
  id === 0 && epoch === 0 && uuid.every((byte) => byte === 0);

/** The identity of no snapshot. */
export const none: RootIdentity = { uuid: new Uint8Array(16), epoch: 0, id: 0 };

export const beginning: StreamPosition = { inode: 0, kind: 0, offset: 0 };

class Finishing implements Moment {
  done = false;

  constructor(
    private readonly side: SideTree,
    private readonly name: string,
    private readonly seconds: number,
  ) {}

  flush(): boolean {
    return true;
  }

  require(): void {
    this.side.require();
  }

  happen(): void {
    this.side.become(this.name, this.seconds);
    this.done = true;
  }
}
