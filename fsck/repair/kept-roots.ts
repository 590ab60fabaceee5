/**
 * What the system tree says of snapshots, put right: the live root follows the newest snapshot that is there, a root
 * without the one before it the next older one, and notes of dropped runs that are not true go. What is then held by
 * nobody is given back by the recount; what is held too long, with the last snapshot.
 */
import { DroppedRun, itemKind, RootRecord } from '../../fs/format/item.js';
import { readU64 } from '../../fs/format/struct.js';
import type { VolumeState } from '../../fs/volume/state.js';
import type { Survey } from '../check.js';
import type { KeptRootItem } from '../kept-roots.js';
import type { Item } from '../system-items.js';

/** The items of the system tree but for relocations, mended; what the open volume knows of them is set too. */
export function mendKeptRoots(state: VolumeState, { kept, roots }: Survey): Item[] {
  const sound = new Map(roots.roots.map((root) => [root.id, root]));
  const byAge = roots.roots.toSorted((a, b) => a.generation - b.generation || a.id - b.id);
  const olderThan = (generation: number, id: number): KeptRootItem | undefined => {
    let [low, high] = [0, byAge.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      const root = byAge[middle];
      if (root.generation < generation || (root.generation === generation && root.id < id)) low = middle + 1;
      else high = middle;
    }
    return byAge[low - 1];
  };
  const before = sound.has(state.newestRoot) ? sound.get(state.newestRoot) : olderThan(Number.POSITIVE_INFINITY, 0);
  state.newestRoot = before?.id ?? 0;
  state.newestSnapshot = before?.generation ?? 0;
  if (state.newestSnapshot === 0) state.space.held = 0;
  const items: Item[] = [];
  for (const item of kept) {
    if (item.kind === itemKind.root) {
      const root = sound.get(item.offset);
      if (root === undefined) continue;
      if (root.parent === 0 || sound.has(root.parent)) items.push({ ...item, value: rootValue(root) });
      else {
        const parent = olderThan(root.generation, root.id)?.id ?? 0;
        items.push({ ...item, value: rootValue({ ...root, parent, held: parent === 0 ? 0 : root.nodes }) });
      }
    } else if (item.kind === itemKind.dropped) {
      const value = trueRuns(item, (address) => !roots.isWrong(item.inode, item.offset, address));
      if (value.length > 0) items.push({ ...item, value });
    } else items.push(item);
  }
  return items;
}

function rootValue(root: RootRecord): Uint8Array {
  const value = new Uint8Array(RootRecord.size);
  RootRecord.write(new DataView(value.buffer), 0, root);
  return value;
}

function trueRuns({ value }: Item, keep: (address: number) => boolean): Uint8Array {
  const view = new DataView(value.buffer, value.byteOffset, value.length);
  const parts: Uint8Array[] = [];
  for (let at = 0; at + DroppedRun.size <= value.length; at += DroppedRun.size) {
    if (keep(readU64(view, at + DroppedRun.offsetOf.address))) parts.push(value.subarray(at, at + DroppedRun.size));
  }
  return Buffer.concat(parts);
}
