/**
 * Who may use how much. Two questions are kept apart:
 *
 * - Is there space? Answered from what is live, promised and reserved against the capacity; never from how far the
 *   cleaner has come. This alone decides ENOSPC.
 * - Is there a place to write to right now? If not, whoever asks waits until a commit or the cleaner has made one.
 *
 * The reserved segments are three: a commit's worth, a cleaning's worth, and slack that keeps cleaning cheap.
 * Ordinary data may not take the last `cleaning` places, the cleaner not the last `commit` ones.
 */
import { FsError } from '../errors.js';
import { capacityPages, type Layout, nodePages, segmentPages } from '../format/geometry.js';
import type { SegmentTable } from '../log/segment-table.js';

/** Most nodes that one commit writes. */
const mostNodesAtOnce = 2048;

export class Space {
  /** Pages of dirty data that have no address yet. */
  reserved = 0;
  /** Pages of reserved extents (fallocate). */
  promised = 0;
  /** Pages that are released but still count as live until the next commit looks up where they lie. */
  deferred = 0;
  /** Nodes of the live tree that a snapshot holds too, at most so many: each is copied before it changes. */
  held = 0;
  capacity = 0;
  /** Reusable places that only a commit may take. */
  commitPlaces = 0;
  /** Reusable places that only a commit or the cleaner may take. */
  cleaningPlaces = 0;
  /** Fewer reusable places than this: the cleaner works in the background. */
  lowPlaces = 0;
  /** Most dirty nodes: a commit of them fits into `commitPlaces`. */
  mostDirtyNodes = 0;
  readonly perNode: number;

  constructor(
    geometry: Layout,
    private readonly table: SegmentTable,
    private readonly dirtyNodes: () => number,
  ) {
    this.perNode = nodePages(geometry);
    this.fit(geometry);
  }

  /** The volume has this geometry from now on: one with fewer places than before must hold what there is. */
  fit(geometry: Layout): void {
    this.capacity = capacityPages(geometry);
    const nodesPerSegment = 0.9 * Math.floor((segmentPages(geometry) - 1) / this.perNode);
    const between = (least: number, wanted: number, most: number) =>
      Math.max(least, Math.min(Math.floor(wanted), most));
    const { places, reservedSegments } = geometry;
    // What is kept free beyond need makes the rest of the log as much fuller, and each cleaning dearer.
    this.commitPlaces = between(6, reservedSegments / 3, 3 + Math.ceil(mostNodesAtOnce / nodesPerSegment));
    this.cleaningPlaces = this.commitPlaces + between(4, reservedSegments / 4, 8);
    this.lowPlaces = this.cleaningPlaces + between(4, places / 32, 8);
    this.mostDirtyNodes = Math.min(mostNodesAtOnce, Math.floor((this.commitPlaces - 3) * nodesPerSegment));
  }

  /** Pages that new data may still take; negative while the reserve is being used. */
  get available(): number {
    const nodes = this.dirtyNodes() * this.perNode;
    const copies = this.copiesOf(this.held);
    return this.capacity - (this.table.livePages - this.deferred) - nodes - copies - this.promised - this.reserved;
  }

  /**
   * Pages set aside for nodes that a snapshot holds: a copy of each, and the chunks that say what was dropped with it.
   * So whatever changes on a full volume (unlink, overwriting) has room for the map.
   */
  copiesOf(nodes: number): number {
    return nodes * (this.perNode + 2);
  }

  /** Pages kept free for the nodes that dirty data will need: extents of single pages in the worst case. */
  private get metadata(): number {
    return 16 + Math.ceil(this.reserved / 32);
  }

  /**
   * Set pages aside. `replaces` of them will give a page back when they are flushed. Throws ENOSPC; returns false
   * when that many replacements are under way that a flush and a commit must come first.
   */
  reserve(pages: number, replaces: number): boolean {
    const { available } = this;
    if (pages - replaces + this.metadata > available && !(replaces === pages && replaces > 0)) {
      throw new FsError('ENOSPC', 'write', undefined, `${Math.max(0, available)} pages are free`);
    }
    const overdraft = (this.commitPlaces * segmentPages(this.table.geometry)) / 4;
    if (available - pages < -overdraft) {
      // A flush gives back at most what is reserved: if that is not enough, waiting is in vain.
      if (available + this.reserved - pages >= -overdraft) return false;
      throw new FsError('ENOSPC', 'write', undefined, `${Math.max(0, available)} pages are free`);
    }
    this.reserved += pages;
    return true;
  }

  unreserve(pages: number): void {
    this.reserved -= pages;
  }

  /** Whether the map may grow: a batch that gives nothing back needs room for the nodes that it may add. */
  get mayGrow(): boolean {
    return this.available > 8 * this.perNode;
  }
}
