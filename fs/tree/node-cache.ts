/**
 * Nodes in memory, by address. Clean nodes can be dropped at any time between operations; dirty ones stay until
 * a commit has written them. Which to drop: the clock algorithm (Corbató, 1968).
 *
 * Invariants
 * 1. Operations hold on to nodes only within one synchronous stretch; eviction happens between stretches.
 * 2. A node in the cache has passed its checks; its bytes never change while it is clean.
 * 3. Writes of nodes are made from copies, so that the memory of a node is never in flight.
 * 4. An operation that needs more nodes at a time than the budget has gets them in the end: each that is read again soon after
 *    it was evicted makes room for one more, until the next commit (the ghost entries of ARC; Megiddo & Modha, 2003).
 */
import { CorruptionError } from '../errors.js';
import { checksum } from '../format/checksum.js';
import type { Pointer } from '../format/pointer.js';
import { type Sealer, sealRoom } from '../format/seal.js';
import { openNode } from '../format/tree-node.js';
import type { Log } from '../log/log.js';
import { Suspend } from '../suspend.js';
import { type Address, type Generation, pageSize } from '../units.js';
import { words } from './key.js';
import { firstVirtual, Node } from './node.js';

/** Evicted nodes whose memory is kept for the next fetch. */
const mostSpare = 64;
/** Addresses of evicted nodes that are remembered, and most nodes beyond the budget: a batch changes no more items. */
const mostGhosts = 1024;

export class NodeCache {
  private readonly nodes = new Map<Address, Node>();
  private readonly spare: Node[] = [];
  private readonly fetching = new Map<Address, Promise<void>>();
  private hand: IterableIterator<Node> | undefined;
  private trimming = false;
  private readonly ghosts = new Set<Address>();
  /** Nodes that there may be beyond the budget. */
  private excess = 0;
  /** More nodes than this: it is worth looking for some to drop. */
  private trimAt: number;
  private nextVirtual = firstVirtual;
  /** Nodes that are dirty. */
  dirty = 0;
  misses = 0;

  constructor(
    private readonly log: Log,
    readonly nodeBytes: number,
    /** How many nodes to keep, dirty ones included; there may be more within an operation. */
    readonly budget: number,
    /** Told of a node that is not what its pointer promises: nothing built on it may be written. */
    private readonly corrupt: (error: CorruptionError) => void = () => undefined,
    /** Of an encrypted volume. */
    private readonly sealer?: Sealer,
  ) {
    this.trimAt = budget;
  }

  /** Bytes of a node for header, slots and values. */
  get nodeSize(): number {
    return this.nodeBytes - sealRoom(this.sealer);
  }

  private blank(): Node {
    return this.spare.pop() ?? new Node(this.nodeBytes, sealRoom(this.sealer));
  }

  get size(): number {
    return this.nodes.size;
  }

  /** A node in memory, or undefined. */
  peek(address: Address): Node | undefined {
    const node = this.nodes.get(address);
    if (node !== undefined) node.used = true;
    return node;
  }

  /**
   * The node that a pointer names. Throws Suspend while it is read, CorruptionError if it is not what the pointer
   * and the level promise.
   */
  get(pointer: Pointer, level: number, tree: number, maxBirth: Generation): Node {
    const cached = this.peek(pointer.address);
    if (cached !== undefined) return cached;
    const under = this.fetching.get(pointer.address);
    if (under !== undefined) throw new Suspend(under, 'node');
    this.misses++;
    if (this.ghosts.delete(pointer.address) && this.excess < mostGhosts) this.excess++;
    if (pointer.pages * pageSize !== this.nodeBytes) {
      throw this.problem(`address ${pointer.address}`, `its pointer says ${pointer.pages} pages`);
    }
    const node = this.blank();
    // Looking up where moved pages lie searches another tree: the search that brought us here goes on afterwards.
    const [w0, w1, w2, w3] = words;
    const wait = this.read(pointer, node);
    if (wait === undefined) {
      this.admit(node, pointer, level, tree, maxBirth);
      words[0] = w0;
      words[1] = w1;
      words[2] = w2;
      words[3] = w3;
      return node;
    }
    const { freed } = this.log.table;
    const fetch = wait
      .then(() => {
        // The cleaner may have moved it, and its old place been written again: whoever waits looks it up anew.
        if (this.log.table.freed !== freed && checksum(node.bytes) !== pointer.checksum) return;
        this.admit(node, pointer, level, tree, maxBirth);
      })
      .finally(() => this.fetching.delete(pointer.address));
    fetch.catch(() => undefined); // whoever waits is told; nobody may be waiting
    this.fetching.set(pointer.address, fetch);
    throw new Suspend(fetch, 'node');
  }

  private read({ address, pages }: Pointer, node: Node): Promise<void> | undefined {
    try {
      return this.log.read(address, pages, node.bytes);
    } catch (e) {
      // A pointer that leads nowhere.
      if (e instanceof CorruptionError) this.corrupt(e);
      throw e;
    }
  }

  private admit(node: Node, pointer: Pointer, level: number, tree: number, maxBirth: Generation): void {
    const where = `address ${pointer.address}`;
    const found = checksum(node.bytes);
    if (found !== pointer.checksum) {
      throw this.problem(where, `checksum ${found.toString(16)}, its pointer says ${pointer.checksum.toString(16)}`);
    }
    if (this.sealer !== undefined && !openNode(this.sealer, pointer.address, node.bytes))
      throw this.problem(where, 'it is not authentic');
    const problem = node.problem(level, tree, maxBirth);
    if (problem !== undefined) throw this.problem(where, problem);
    if (node.birth !== pointer.birth)
      throw this.problem(where, `birth ${node.birth}, its pointer says ${pointer.birth}`);
    node.address = pointer.address;
    node.dirty = false;
    node.used = true;
    this.nodes.set(pointer.address, node);
    this.trimSoon();
  }

  /** To be thrown; those who must know have been told. */
  problem(where: string, problem: string): CorruptionError {
    const error = new CorruptionError('node', where, problem);
    this.corrupt(error);
    return error;
  }

  /** A new dirty node with undefined contents. */
  create(): Node {
    const node = this.blank();
    node.address = this.nextVirtual++;
    node.dirty = true;
    node.used = true;
    this.dirty++;
    this.nodes.set(node.address, node);
    this.trimSoon();
    return node;
  }

  /** Turn a clean node into a dirty one. The bytes on disk stay; nobody needs them in memory. */
  soil(node: Node): void {
    this.nodes.delete(node.address);
    node.address = this.nextVirtual++;
    node.dirty = true;
    this.dirty++;
    this.nodes.set(node.address, node);
  }

  /** A dirty node has got its address. */
  settle(node: Node, address: Address): void {
    this.nodes.delete(node.address);
    node.address = address;
    node.dirty = false;
    this.dirty--;
    this.nodes.set(address, node);
    this.excess = 0;
    this.trimAt = this.budget;
    this.trimSoon();
  }

  /** Forget a node that left its tree. */
  drop(node: Node): void {
    this.nodes.delete(node.address);
    if (node.dirty) this.dirty--;
    node.dirty = false;
    if (this.spare.length < mostSpare) this.spare.push(node);
  }

  /** Bring the cache back to its budget once the running operation has ended. */
  trimSoon(): void {
    if (this.trimming || this.nodes.size <= this.trimAt) return;
    this.trimming = true;
    queueMicrotask(() => {
      this.trimming = false;
      this.trim();
    });
  }

  private trim(): void {
    let looks = 2 * this.nodes.size;
    const most = this.budget + this.excess;
    while (this.nodes.size > most && looks-- > 0) {
      this.hand ??= this.nodes.values();
      const next = this.hand.next();
      if (next.done) {
        this.hand = undefined;
        continue;
      }
      const node = next.value;
      if (node.dirty) continue;
      if (node.used) {
        node.used = false;
      } else {
        this.nodes.delete(node.address);
        if (this.spare.length < mostSpare) this.spare.push(node);
        this.remember(node.address);
      }
    }
    // When nearly all are dirty, looking again for each new one would cost more than the memory does.
    this.trimAt = this.nodes.size <= most ? most : this.nodes.size + (this.nodes.size >> 3);
  }

  private remember(address: Address): void {
    this.ghosts.add(address);
    if (this.ghosts.size <= mostGhosts) return;
    const [oldest] = this.ghosts;
    this.ghosts.delete(oldest);
  }

  /** Forget all clean nodes: for tests and tools that want cold reads. */
  chill(): void {
    for (const node of [...this.nodes.values()]) if (!node.dirty) this.nodes.delete(node.address);
  }
}
