/**
 * The relocation map: where the cleaner put runs of pages that pointers still know by their first address. Its
 * entries are items of the system tree, `old address -> target, pages`.
 *
 * Invariants
 * 1. Entries do not overlap, and no target is itself the key of an entry: lookups take one step.
 * 2. A page has an entry exactly while it is live and does not lie where its address says.
 *
 * Entries change together with the live bits, in one synchronous stretch, and become durable with the same
 * checkpoint; the place that a page has left stays intact until then.
 */
import { itemKind, Relocation } from '../format/item.js';
import { readU64 } from '../format/struct.js';
import type { Relocations } from '../log/log.js';
import type { Delete, Put } from '../tree/batch.js';
import type { Tree } from '../tree/tree.js';
import { type Address, volumeInode } from '../units.js';

export interface MovedRun {
  readonly address: Address;
  readonly pages: number;
  readonly target: Address;
}

export interface MapSize {
  readonly entries: number;
  /** For which they speak. */
  readonly pages: number;
  /** Nodes that hold them. */
  readonly leaves: number;
}

export class RelocationMap implements Relocations {
  private searching = false;

  constructor(private readonly system: Tree) {}

  find(address: Address): MovedRun | undefined {
    // Nodes of this tree are never moved: one that lies nowhere is looked for in the tree that it is part of, for ever.
    if (this.searching) return undefined;
    this.searching = true;
    try {
      return this.search(address);
    } finally {
      this.searching = false;
    }
  }

  private search(address: Address): MovedRun | undefined {
    const cursor = this.system.floor(volumeInode, itemKind.relocation, address);
    if (!cursor.valid || cursor.inode !== volumeInode || cursor.kind !== itemKind.relocation) return undefined;
    const run = read(cursor.offset, cursor.value);
    return address < run.address + run.pages ? run : undefined;
  }

  /** The entries that hold pages of [address, address + pages). May throw Suspend. */
  overlapping(address: Address, pages: number): MovedRun[] {
    const found: MovedRun[] = [];
    const first = this.find(address);
    if (first !== undefined) found.push(first);
    const cursor = this.system.seek(volumeInode, itemKind.relocation, address + 1);
    for (; cursor.valid && cursor.kind === itemKind.relocation && cursor.offset < address + pages; cursor.next()) {
      found.push(read(cursor.offset, cursor.value));
    }
    return found;
  }

  /** Count the entries from `from` on: about `most`, whole leaves. `next`: to go on with. May throw Suspend. */
  measure(from: Address, most: number): MapSize & { readonly next: Address | undefined } {
    let [entries, pages, leaves] = [0, 0, 0];
    let leaf: unknown;
    const cursor = this.system.seek(volumeInode, itemKind.relocation, from);
    for (; cursor.valid && cursor.inode === volumeInode && cursor.kind === itemKind.relocation; cursor.next()) {
      if (cursor.leaf !== leaf) {
        if (entries >= most) return { entries, pages, leaves, next: cursor.offset };
        leaves++;
        leaf = cursor.leaf;
      }
      entries++;
      pages += read(cursor.offset, cursor.value).pages;
    }
    return { entries, pages, leaves, next: undefined };
  }

  /** The items that take [address, address + pages) out of the map. May throw Suspend. */
  cut(address: Address, pages: number): (Put | Delete)[] {
    const items: (Put | Delete)[] = [];
    const end = address + pages;
    for (const run of this.overlapping(address, pages)) {
      const runEnd = run.address + run.pages;
      if (run.address < address)
        items.push(put({ address: run.address, pages: address - run.address, target: run.target }));
      else items.push(remove(run.address));
      if (end < runEnd)
        items.push(put({ address: end, pages: runEnd - end, target: run.target + (end - run.address) }));
    }
    return items;
  }
}

export function put(run: MovedRun): Put {
  const value = new Uint8Array(Relocation.size);
  Relocation.write(new DataView(value.buffer), 0, { target: run.target, pages: run.pages });
  return { type: 'put', inode: volumeInode, kind: itemKind.relocation, offset: run.address, value };
}

export const remove = (address: Address): Delete => ({
  type: 'delete',
  inode: volumeInode,
  kind: itemKind.relocation,
  offset: address,
});

function read(address: Address, value: Uint8Array): MovedRun {
  const view = new DataView(value.buffer, value.byteOffset, value.length);
  return {
    address,
    target: readU64(view, Relocation.offsetOf.target),
    pages: view.getUint32(Relocation.offsetOf.pages, true),
  };
}
