/** The relocation map as `varve df --by-cause` shows it, of a mount or of an image. */
import { pageSize } from '../units.js';
import { mapSize, type Resettled } from '../volume/moved-pages.js';
import type { VolumeState } from '../volume/state.js';
import { formatSize } from './size.js';

export interface RelocationFacts {
  readonly entries: number;
  /** Bytes that they speak for. */
  readonly moved: number;
  /** Bytes of the nodes that hold them. */
  readonly bytes: number;
  /** Since the mount; null: of an image. */
  readonly resettled: { readonly entries: number; readonly bytes: number; readonly nodes: number } | null;
}

/** May read the system tree. Rejects with EIO, EUCLEAN. */
export async function relocationFacts(state: VolumeState, resettled?: Resettled): Promise<RelocationFacts> {
  const { entries, pages, leaves } = await mapSize(state);
  return {
    entries,
    moved: pages * pageSize,
    bytes: leaves * state.cache.nodeBytes,
    resettled:
      resettled === undefined
        ? null
        : { entries: resettled.entries, bytes: resettled.pages * pageSize, nodes: resettled.nodes },
  };
}

export function relocationText({ entries, moved, bytes, resettled }: RelocationFacts): string {
  const map = `${entries} ${entries === 1 ? 'entry' : 'entries'} for ${formatSize(moved)}, in ${formatSize(bytes)}`;
  if (resettled === null || resettled.entries === 0) return map;
  return `${map}; ${resettled.entries} removed since the mount by laying ${formatSize(resettled.bytes)} anew`;
}
