/**
 * Checkpoints: how a generation ends. All dirty nodes get their places in one synchronous stretch (about 10 us a
 * node), together with the segment table and the journal's position: that is the frozen state of generation g, and
 * operations that follow belong to g + 1. Then, while requests are served:
 *
 *     nodes, summaries, table pages -> barrier -> checkpoint slot -> barrier
 *
 * Crash safety: until the slot is durable, the other slot's state is untouched: nodes and table copies were
 * written elsewhere, and no place that it refers to is reused before the checkpoint after this one is durable.
 */

import { asDamage, FsError } from '../errors.js';
import type { Checkpoint } from '../format/checkpoint.js';
import { checksum } from '../format/checksum.js';
import { nodePages, placeOffset, segmentPages, slotOffset } from '../format/geometry.js';
import type { Pointer } from '../format/pointer.js';
import { runKind } from '../format/segment-summary.js';
import { sealNode } from '../format/tree-node.js';
import { freezeTable, type TableWrite } from '../log/table-pages.js';
import { Suspend } from '../suspend.js';
import { keyInode, keyKind, keyOffset } from '../tree/key.js';
import type { Node } from '../tree/node.js';
import { type Tree, treeId } from '../tree/tree.js';
import { pageSize } from '../units.js';
import { headerPage, slotPages } from './checkpoint-slots.js';
import type { Moment } from './moment.js';
import { settleReleases } from './releases.js';
import { barrier, mustWork, type VolumeState } from './state.js';

/** Nodes are handed to the store in copies of this many pages, or as many as are dirty. */
const chunkPages = 256;

/** A checkpoint after which the volume has another superblock: another geometry, or a chain of transforms more. */
export interface Switch {
  /** Change geometry, table and map in memory, when the generation is frozen. */
  freeze(): void;
  /** Make the superblock durable that says so: slot, table and nodes are. */
  persist(): Promise<void>;
}

interface Frozen {
  readonly generation: number;
  readonly slot: Uint8Array;
  readonly slotNumber: number;
  readonly tables: readonly TableWrite[];
}

export class Checkpoints {
  private queued: Promise<void> | undefined;
  private moments: Moment[] = [];

  constructor(
    private readonly state: VolumeState,
    /** Seconds since 1970. */
    private readonly seconds: () => number,
    /** Places that are not needed soon go back to the host. */
    private readonly discards = true,
  ) {}

  private get running(): Promise<void> | undefined {
    return this.state.committing;
  }
  private set running(under: Promise<void> | undefined) {
    this.state.committing = under;
  }

  /** A checkpoint that holds everything applied before the call. Calls that come while one runs share the next. */
  checkpoint(): Promise<void> {
    if (this.running === undefined) return this.begin(false);
    this.queued ??= this.running
      .catch(() => undefined)
      .then(() => {
        this.queued = undefined;
        return this.checkpoint();
      });
    return this.queued;
  }

  /** Like `checkpoint`, but without a new one when nothing has changed since the last. */
  async cover(): Promise<void> {
    mustWork(this.state, 'fsync');
    await (this.state.changed ? this.checkpoint() : this.running);
  }

  /**
   * A checkpoint after which nothing is to be replayed: the last one of a volume that is closed, or the first after a
   * recovery. It waits for those under way, and those asked for meanwhile wait for it: two at once would mix.
   */
  async close(): Promise<void> {
    while (this.running !== undefined) await (this.queued ?? this.running).catch(() => undefined);
    await this.begin(true);
  }

  /** A checkpoint with which another geometry comes into force. Those asked for meanwhile wait for it. */
  async switchTo(change: Switch): Promise<void> {
    while (this.running !== undefined) await (this.queued ?? this.running).catch(() => undefined);
    await this.begin(false, change);
  }

  /** What is flushed in the first stretch may find that a commit must come first: it must see that one is under way. */
  private begin(clean: boolean, change?: Switch): Promise<void> {
    let follow: (written: Promise<void>) => void = () => undefined;
    const running = new Promise<void>((resolve) => {
      follow = resolve;
    });
    this.running = running;
    const written = this.write(clean, change).finally(() => {
      this.running = undefined;
    });
    follow(written);
    return running;
  }

  private async write(clean: boolean, change?: Switch): Promise<void> {
    const { state } = this;
    let begun = false;
    try {
      mustWork(state, 'commit');
      const frozen = await this.frozen(clean, change);
      begun = true;
      await this.persist(frozen);
      await change?.persist();
      state.counters.checkpoints++;
      state.journal.checkpointed();
      await this.giveBack(frozen.generation);
    } catch (e) {
      // A read that fails before the state is frozen leaves everything as it was: the next checkpoint tries again.
      const failure = asDamage(e, 'checkpoint');
      if (begun || !(failure instanceof FsError && failure.code === 'EIO')) state.fail(failure);
      throw failure;
    }
  }

  /** Settle what must be, and freeze, in one synchronous stretch: operations may release more during each wait. */
  private async frozen(clean: boolean, change?: Switch): Promise<Frozen> {
    for (;;) {
      try {
        const due = this.due();
        // Nodes that this copies are released.
        this.state.usage.settle(this.state.main);
        for (const side of this.state.sideLines) side.settle();
        settleReleases(this.state);
        for (const side of this.state.sideLines) side.require();
        for (const moment of due) moment.require();
        this.moments = this.moments.filter((moment) => !due.includes(moment));
        return this.freeze(clean, due, change);
      } catch (e) {
        if (!(e instanceof Suspend)) throw e;
        await e.until;
      }
    }
  }

  /** The moments that have come. */
  private due(): Moment[] {
    const due: Moment[] = [];
    for (const moment of this.moments) {
      if (due.length > 0 && (moment.alone || due[0].alone)) continue;
      if (moment.flush()) due.push(moment);
    }
    return due;
  }

  /** Something that shall happen with a checkpoint: the next one, or one after it. */
  await(moment: Moment): void {
    this.moments.push(moment);
  }

  /** It shall not happen any more. */
  forget(moment: Moment): void {
    this.moments = this.moments.filter((other) => other !== moment);
  }

  /** End the generation in memory, in one synchronous stretch. */
  private freeze(clean: boolean, due: readonly Moment[], change?: Switch): Frozen {
    const { state } = this;
    const { log, table, journal } = state;
    const generation = log.generation;
    const writer = new NodeWriter(state);
    state.main.writeDirty((node) => writer.append(node, state.main));
    for (const side of state.sideLines) side.write((node) => writer.append(node, side.tree), generation);
    for (const moment of due) moment.happen(generation);
    state.system.writeDirty((node) => writer.append(node, state.system));
    writer.flush();
    // The copy for salvage: its place in the log is taken now, its contents follow below.
    log.node.flush();
    const copy = new Uint8Array(pageSize);
    // With room for the summary behind it, so that neither is sent before its contents are there.
    log.node.append(copy, 1, 2, { kind: runKind.checkpoint, inode: 0, offset: generation, level: 0 }, undefined);
    for (const head of log.heads) head.describe();
    const position = journal.freeze(generation);
    if (clean) journal.retire(generation);
    table.sweep(generation);
    change?.freeze();
    const { writes, map } = freezeTable(table, state.tableMap, generation);
    const checkpoint = this.record(generation, clean, position);
    copy.set(headerPage(state.geometry, checkpoint));
    for (const head of log.heads) head.flush();
    const slot = slotPages(state.geometry, checkpoint, map);
    const slotNumber = state.slot;
    state.tableMap = map;
    state.slot = 1 - slotNumber;
    state.changed = false;
    log.generation = generation + 1;
    return { generation, slot, slotNumber, tables: writes };
  }

  private record(
    generation: number,
    clean: boolean,
    position: ReturnType<VolumeState['journal']['freeze']>,
  ): Checkpoint {
    const { state } = this;
    return {
      magic: 0,
      checksum: 0,
      generation,
      epoch: state.epoch,
      brand: state.geometry.brand,
      clean: clean ? 1 : 0,
      slot: state.slot,
      flags: 0,
      mapBytes: 0,
      seconds: this.seconds(),
      mainRoot: state.main.root,
      systemRoot: state.system.root,
      rootId: state.rootId,
      lineName: state.lineName,
      mainHeight: state.main.height,
      systemHeight: state.system.height,
      newestSnapshot: state.newestSnapshot,
      newestRoot: state.newestRoot,
      nextRoot: state.nextRoot,
      nextDropped: state.dropped.next,
      mainPages: state.mainPages,
      mainNodes: state.main.nodes,
      heldNodes: state.space.held,
      systemNodes: state.system.nodes,
      nextSerial: state.table.nextSerial,
      nextInode: state.nextInode,
      inodes: state.inodes,
      livePages: state.table.livePages,
      promisedPages: state.space.promised,
      nodeHead: state.log.node.position,
      dataHead: state.log.data.position,
      coldHead: state.log.cold.position,
      ...position,
    };
  }

  private async persist(frozen: Frozen): Promise<void> {
    const { store, geometry, log, counters } = this.state;
    counters.checkpointPages += frozen.tables.length + frozen.slot.length / pageSize;
    for (const { offset, page } of frozen.tables) {
      mustWork(this.state, 'commit');
      const wait = store.write(offset, [page]);
      if (wait !== undefined) await wait;
    }
    await log.landed();
    await barrier(this.state);
    await store.write(slotOffset(geometry, frozen.slotNumber), [frozen.slot]);
    await barrier(this.state);
  }

  /** Places freed before this generation may be written again; the host gets back what is not needed soon. */
  private async giveBack(generation: number): Promise<void> {
    const { table, geometry, store, space, log } = this.state;
    const bytes = segmentPages(geometry) * pageSize;
    // Written places are quicker to write again than new ones: keep some.
    const ripe = table.ripen(generation);
    const kept = this.discards ? Math.max(0, Math.max(space.lowPlaces, 16) - table.reusablePlaces) : ripe.length;
    table.reuse(ripe.slice(0, kept));
    // Nobody may write a place whose discard is still to come.
    const given = ripe.slice(kept);
    for (const place of given) {
      log.prewriter.discarded(place);
      await store.discard(placeOffset(geometry, place, 0), bytes);
    }
    table.reuse(given);
  }
}

/** Copies dirty nodes into chunks and appends these to the node head. */
class NodeWriter {
  private chunk = new Uint8Array(0);
  private used = 0;
  private readonly pages: number;

  constructor(private readonly state: VolumeState) {
    this.pages = nodePages(state.geometry);
  }

  append(node: Node, tree: Tree): Pointer {
    const size = node.bytes.length;
    if (this.used + size > this.chunk.length) {
      this.chunk = new Uint8Array(Math.min(chunkPages * pageSize, Math.max(1, this.state.cache.dirty) * size));
      this.used = 0;
    }
    const bytes = this.chunk.subarray(this.used, this.used + size);
    this.used += size;
    const { log, geometry } = this.state;
    node.brand = geometry.brand;
    bytes.set(node.bytes);
    // The head may hand it on at once, and it is bound to where it lies.
    const address = log.node.ready(this.pages);
    if (geometry.sealer !== undefined) sealNode(geometry.sealer, address, bytes);
    const empty = node.count === 0;
    log.node.append(
      bytes,
      this.pages,
      this.pages,
      {
        kind: tree.id === treeId.system ? runKind.systemNode : runKind.node,
        inode: empty ? 0 : keyInode(node.keyWord(0, 0), node.keyWord(0, 1)),
        itemKind: empty ? 0 : keyKind(node.keyWord(0, 1)),
        offset: empty ? 0 : keyOffset(node.keyWord(0, 2), node.keyWord(0, 3)),
        level: node.level,
      },
      undefined,
    );
    log.claim(address, this.pages);
    return {
      address,
      birth: node.birth,
      checksum: checksum(bytes),
      pages: this.pages,
      transform: 0,
      flags: 0,
      storedBytes: size,
      plainBytes: size,
    };
  }

  flush(): void {
    this.chunk = new Uint8Array(0);
  }
}
