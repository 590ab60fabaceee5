/**
 * A batch: puts and deletes on the ordered map that happen together or not at all, with the pages that become
 * live (claims) and those that are no longer needed (releases). It is the unit of atomicity in memory, in the
 * journal and in recovery.
 *
 * Bounds: at most `maxEntries` entries and `maxBytes` bytes of values, so that a reserve of space for one batch
 * exists. Callers split larger work into batches that each leave a consistent map.
 * A batch names each key at most once: its puts are done before its deletes.
 */
import type { Address, Generation, InodeNumber } from '../units.js';

export const maxEntries = 1000;
export const maxBytes = 96 * 1024;

export interface Put {
  readonly type: 'put';
  readonly inode: InodeNumber;
  readonly kind: number;
  readonly offset: number;
  readonly value: Uint8Array;
}

export interface Delete {
  readonly type: 'delete';
  readonly inode: InodeNumber;
  readonly kind: number;
  readonly offset: number;
}

export interface Pages {
  readonly address: Address;
  readonly pages: number;
  readonly birth: Generation;
  /** Of a claim: CRC32C of the list of the pages' CRC32Cs (each u32, little-endian). Of a release: 0. */
  readonly checksum: number;
}

export class Batch {
  readonly items: (Put | Delete)[] = [];
  /** Address 0: pages promised (fallocate) or, in releases, no longer promised. */
  readonly claims: Pages[] = [];
  readonly releases: Pages[] = [];
  /** Change of the number of inodes. */
  inodes = 0;
  /** The batch gives space back (unlink, truncate), or space was reserved for it (flushing): it may use the reserve. */
  frees = false;
  bytes = 0;

  /** The value is not copied: the caller leaves it alone afterwards. */
  put(inode: InodeNumber, kind: number, offset: number, value: Uint8Array): this {
    this.items.push({ type: 'put', inode, kind, offset, value });
    this.bytes += value.length;
    return this;
  }

  delete(inode: InodeNumber, kind: number, offset: number): this {
    this.items.push({ type: 'delete', inode, kind, offset });
    return this;
  }

  claim(address: Address, pages: number, birth: Generation, checksum: number): this {
    this.claims.push({ address, pages, birth, checksum });
    return this;
  }

  release(address: Address, pages: number, birth: Generation): this {
    this.releases.push({ address, pages, birth, checksum: 0 });
    return this;
  }

  get entries(): number {
    return this.items.length + this.claims.length + this.releases.length;
  }
}
