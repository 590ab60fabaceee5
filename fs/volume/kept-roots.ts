/**
 * Kept roots in memory: snapshots, those of the history, and the ends of lines that are not the live one. There are few
 * (thousands), so all of them stay in memory; their records are items of the system tree, and change with the checkpoint that holds them.
 *
 * A root follows the snapshot that is its `parent`; the live root follows `VolumeState.newestRoot`.
 *
 * Invariants
 * 1. Every parent is a kept snapshot or of the history, and not leaving; or 0.
 * 2. No two snapshots that are in use have the same name, and no two ends of lines.
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

  get(id: number): KeptRoot | undefined {
    return this.roots.get(id);
  }

  set(root: KeptRoot): void {
    this.roots.set(root.id, root);
  }

  delete(id: number): void {
    this.roots.delete(id);
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

  /** Roots that follow a snapshot, the live one not among them. */
  followers(id: number): KeptRoot[] {
    return [...this.roots.values()].filter((root) => root.parent === id && root.state !== rootState.leaving);
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
    if (found === undefined) return roots;
    roots.set(found);
    next = found.id + 1;
  }
}
