/**
 * Kept roots in memory: snapshots, those of the history, and the ends of lines that are not the live one. There are few
 * (thousands), so all of them stay in memory; their records are items of the system tree, and change with the checkpoint that holds them.
 *
 * A root follows the snapshot that is its `parent`; the live root follows `VolumeState.newestRoot`.
 *
 * Invariants
 * 1. Every parent is a kept snapshot or of the history, and not leaving; or 0.
 * 2. No two snapshots that are in use have the same name, and no two ends of lines.
 * 3. Whoever goes from a root to its parent, and on, comes to an end.
 */
import { CorruptionError } from '../errors.js';
import { itemKind, RootRecord, rootKind, rootState } from '../format/item.js';
import { run } from '../suspend.js';
import type { Delete, Put } from '../tree/batch.js';
import type { Tree } from '../tree/tree.js';
import { volumeInode } from '../units.js';

export interface KeptRoot extends RootRecord {
  readonly id: number;
}

export class KeptRoots {
  private readonly roots = new Map<number, KeptRoot>();
  /** Of each parent, those that follow it and are not leaving. */
  private readonly followersOf = new Map<number, Set<number>>();
  /** Those that are leaving. */
  private readonly going = new Set<number>();
  /** Deleted ones that nothing keeps but, maybe, the live root. */
  private readonly loose = new Set<number>();

  get(id: number): KeptRoot | undefined {
    return this.roots.get(id);
  }

  set(root: KeptRoot): void {
    this.unlink(root.id);
    this.roots.set(root.id, root);
    if (root.state === rootState.leaving) this.going.add(root.id);
    else {
      const others = this.followersOf.get(root.parent);
      if (others === undefined) this.followersOf.set(root.parent, new Set([root.id]));
      else others.add(root.id);
      this.settle(root.parent);
    }
    this.settle(root.id);
  }

  delete(id: number): void {
    this.unlink(id);
    this.roots.delete(id);
    this.loose.delete(id);
  }

  private unlink(id: number): void {
    const root = this.roots.get(id);
    if (root === undefined || this.going.delete(id)) return;
    const others = this.followersOf.get(root.parent);
    others?.delete(id);
    if (others?.size === 0) this.followersOf.delete(root.parent);
    this.settle(root.parent);
  }

  /** Find out anew whether a root is loose. What a line is based on that is being received stays as it is. */
  private settle(id: number): void {
    const [heir, second] = this.followersOf.get(id) ?? [];
    const isHeld = second !== undefined || (this.roots.get(heir)?.state ?? rootState.inUse) >= rootState.receiving;
    if (this.roots.get(id)?.state === rootState.deleted && !isHeld) this.loose.add(id);
    else this.loose.delete(id);
  }

  /**
   * The root that goes, or goes on going, next: one that is leaving; else one that is deleted and that one root follows at
   * most. The live root follows `newest`. Costs the same however many there are.
   */
  nextToLeave(newest: number): KeptRoot | undefined {
    for (const id of this.going) return this.roots.get(id);
    for (const id of this.loose) if (id !== newest || !this.followersOf.has(id)) return this.roots.get(id);
    return undefined;
  }

  all(): IterableIterator<KeptRoot> {
    return this.roots.values();
  }

  /** Snapshots in use, the oldest first. */
  snapshots(): KeptRoot[] {
    return this.inOrder(isSnapshot);
  }

  /** Roots of the history in use, the oldest first. */
  history(): KeptRoot[] {
    return this.inOrder(({ kind, state }) => kind === rootKind.history && state === rootState.inUse);
  }

  /** The same with those that have become snapshots. */
  past(): KeptRoot[] {
    return this.inOrder(({ window, state }) => window > 0 && state === rootState.inUse);
  }

  private inOrder(wanted: (root: KeptRoot) => boolean): KeptRoot[] {
    const found: KeptRoot[] = [];
    for (const root of this.roots.values()) if (wanted(root)) found.push(root);
    return found.sort((a, b) => a.generation - b.generation || a.id - b.id);
  }

  /** Ends of lines in use. */
  lines(): KeptRoot[] {
    return [...this.roots.values()].filter(({ kind, state }) => kind === rootKind.line && state === rootState.inUse);
  }

  /** A snapshot in use. */
  snapshot(name: string): KeptRoot | undefined {
    for (const root of this.roots.values()) if (root.name === name && isSnapshot(root)) return root;
    return undefined;
  }

  /** A root that follows a snapshot, the live one not among them; undefined: none does. */
  heir(id: number): KeptRoot | undefined {
    const [first] = this.followersOf.get(id) ?? [];
    return this.roots.get(first);
  }
}

const isSnapshot = (root: KeptRoot): boolean => root.kind === rootKind.snapshot && root.state === rootState.inUse;

/** The item of a root as it is now. */
export function putRoot(root: KeptRoot): Put {
  const value = new Uint8Array(RootRecord.size);
  RootRecord.write(new DataView(value.buffer), 0, root);
  return { type: 'put', inode: volumeInode, kind: itemKind.root, offset: root.id, value };
}

export const deleteRoot = (id: number): Delete => ({
  type: 'delete',
  inode: volumeInode,
  kind: itemKind.root,
  offset: id,
});

/** Read all kept roots from the system tree. */
export async function loadRoots(system: Tree): Promise<KeptRoots> {
  const roots = new KeptRoots();
  for (let next = 0; ; ) {
    const found = await run(() => {
      const cursor = system.seek(volumeInode, itemKind.root, next);
      if (!cursor.valid || cursor.inode !== volumeInode || cursor.kind !== itemKind.root) return undefined;
      const { offset, value } = cursor;
      if (value.length !== RootRecord.size)
        throw new CorruptionError('kept root', `id ${offset}`, `${value.length} bytes`);
      const copy = value.slice();
      return { ...RootRecord.read(new DataView(copy.buffer)), id: offset };
    });
    if (found === undefined) break;
    roots.set(found);
    next = found.id + 1;
  }
  for (const id of ringsOf(roots.all())) throw new CorruptionError('kept root', `id ${id}`, 'follows itself');
  return roots;
}

/** Ids of roots from which the way from parent to parent leads back to them: no sound volume has such. */
export function ringsOf(roots: Iterable<Pick<KeptRoot, 'id' | 'parent'>>): Set<number> {
  const parents = new Map<number, number>();
  for (const { id, parent } of roots) parents.set(id, parent);
  const rings = new Set<number>();
  const seen = new Set<number>();
  for (const start of parents.keys()) {
    const path = new Set<number>();
    let id = start;
    for (; parents.has(id) && !seen.has(id); id = parents.get(id) as number) {
      seen.add(id);
      path.add(id);
    }
    // Where the way meets itself; it may have met an older one as well.
    for (; path.delete(id); id = parents.get(id) as number) rings.add(id);
  }
  return rings;
}
