/**
 * The tree of a line that is written beside the live one: a stream is received into it. It shares everything with the
 * live tree that is not a tree: the cache of nodes, the log, the generations. What it drops is noted as the live line
 * does it.
 *
 * It is not in the journal: a crash finds it as the last checkpoint left it, with the note of how far that was. Nobody
 * was told of more.
 *
 * Invariants
 * 1. Its record among the kept roots says, with each checkpoint, what its tree is then: nodes and pages of it that the
 *    checkpoint counts as live are exactly those that the record leads to.
 * 2. What it follows stays as long as it is there (leaving.ts), so what that holds is known by its birth alone.
 */
import { rootKind, rootState, type Usage } from '../format/item.js';
import type { Pointer } from '../format/pointer.js';
import type { LoggedBatch } from '../log/batch-codec.js';
import type { Delete, Put } from '../tree/batch.js';
import type { Node } from '../tree/node.js';
import { Tree, treeId } from '../tree/tree.js';
import type { Address, Generation } from '../units.js';
import { giveBack } from './apply.js';
import { DroppedRuns } from './dropped-runs.js';
import { type KeptRoot, putRoot } from './kept-roots.js';
import type { VolumeState } from './state.js';
import { type Holder, UsageSums } from './usage.js';

export class SideTree {
  readonly tree: Tree;
  readonly dropped = new DroppedRuns(0);
  private readonly usage = new UsageSums();
  private inodes: number;
  private pages: number;
  private promised: number;
  private changed = true;
  /** Nobody writes it any more: the next generation that ends has it as it is, or as one to be given back. */
  private over: 'kept' | 'gone' | undefined;

  /** `record`: what it is now. `empty`: it has no tree yet. */
  constructor(
    private readonly state: VolumeState,
    private record: KeptRoot,
    empty: boolean,
  ) {
    const floor = state.roots.get(record.parent)?.generation ?? 0;
    const owner = {
      get generation(): Generation {
        return state.log.generation;
      },
      releaseNode: (address: Address, pages: number, birth: Generation) => this.drop(address, pages, birth, floor),
      itemChanges: this.usage.itemChanges,
    };
    const { pointer, height, nodes } = record;
    const root = empty ? undefined : { pointer, height, nodes };
    this.tree = new Tree(state.cache, owner, treeId.main, record.id, root);
    this.inodes = record.inodes;
    this.pages = record.pages;
    this.promised = record.promised;
    this.floor = floor;
  }

  /** Pages born at or before this generation are held by what the line follows. */
  readonly floor: Generation;

  get id(): number {
    return this.record.id;
  }

  get identity(): KeptRoot['identity'] {
    return this.record.identity;
  }

  get inodeCount(): number {
    return this.inodes;
  }

  get received(): KeptRoot['received'] {
    return this.record.received;
  }

  /** Up to which key all has come: it counts from the next checkpoint on, with what was applied before. */
  set received(position: KeptRoot['received']) {
    this.record = { ...this.record, received: position };
    this.changed = true;
  }

  /** Whether it is to be given back. */
  get isGone(): boolean {
    return this.over === 'gone';
  }

  /** It is not written any more: from the next checkpoint on it is a part that stays, or it goes. */
  end(over: 'kept' | 'gone'): void {
    this.over = over;
    if (over === 'gone') this.record = { ...this.record, state: rootState.deleted, name: '' };
    this.changed = true;
    this.state.changed = true;
  }

  /** Do all of a batch. What it needs is in memory. */
  apply(batch: LoggedBatch, inodes: number): void {
    const { log } = this.state;
    this.tree.change(batch.items as readonly (Put | Delete)[]);
    for (const claim of batch.claims) {
      if (claim.address === 0) this.promised += claim.pages;
      else {
        log.claim(claim.address, claim.pages);
        this.pages += claim.pages;
      }
    }
    for (const { address, pages, birth } of batch.releases) {
      if (address === 0) this.promised -= pages;
      else {
        this.pages -= pages;
        this.drop(address, pages, birth, this.floor);
      }
    }
    this.inodes += inodes;
    this.changed = true;
    this.state.changed = true;
  }

  private drop(address: Address, pages: number, birth: Generation, floor: Generation): void {
    if (birth <= floor) this.dropped.add(address, pages, birth);
    else giveBack(this.state, address, pages);
  }

  /** What a user, group or project uses of it. May throw Suspend. */
  usageOf(holder: Holder, id: number): Usage {
    return this.usage.of(this.tree, holder, id);
  }

  /** A generation is about to end: what users use of the tree goes into it. May throw Suspend before it changes anything. */
  settle(): void {
    if (this.usage.waiting > 0) this.changed = true;
    this.usage.settle(this.tree);
  }

  /** Bring in what `write` and `become` change of the system tree. May throw Suspend. */
  require(): void {
    this.state.system.prepare([putRoot(this.record)]);
  }

  /** A generation ends: write what is dirty, and note what the tree is now. */
  write(append: (node: Node) => Pointer, generation: Generation): void {
    this.tree.writeDirty(append);
    if (this.over !== undefined) this.state.sideLines.delete(this);
    if (!this.changed) return;
    this.changed = false;
    const { tree, inodes, pages, promised, state } = this;
    const { root: pointer, height, nodes } = tree;
    const mark = state.dropped.next;
    this.put({ ...this.record, pointer, height, nodes, held: nodes, inodes, pages, promised, mark, generation });
  }

  /** It is a snapshot from now on, and not written any more. After `write`, in the same stretch. */
  become(name: string, seconds: number): void {
    const received = { inode: 0, kind: 0, offset: 0 };
    this.put({ ...this.record, kind: rootKind.snapshot, state: rootState.inUse, name, seconds, received });
    this.state.sideLines.delete(this);
  }

  private put(record: KeptRoot): void {
    this.record = record;
    this.state.system.change([putRoot(record)]);
    this.state.roots.set(record);
  }
}
