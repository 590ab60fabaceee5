/**
 * Units of files as they are after decoding, by the address where they are stored: who reads a unit in small parts
 * decodes it once. An address never gets other bytes, so nothing here goes stale.
 *
 * Invariants
 * 1. At most `limit` units of 128 KiB; the one that was used longest ago goes first.
 * 2. What `get` and `take` return is valid until the next `take`: users copy at once.
 */
import { type Address, extentPages, pageSize } from '../units.js';

const unitBytes = extentPages * pageSize;

export class UnitCache {
  private readonly units = new Map<Address, Uint8Array>();
  private readonly limit: number;

  /** `bytes`: the budget; at least four units. */
  constructor(bytes: number) {
    this.limit = Math.max(4, Math.floor(bytes / unitBytes));
  }

  get(address: Address): Uint8Array | undefined {
    const found = this.units.get(address);
    if (found === undefined) return undefined;
    this.units.delete(address);
    this.units.set(address, found);
    return found;
  }

  /** Memory for the unit at `address`, of 128 KiB, which the caller fills at once, or gives back by `drop`. */
  take(address: Address): Uint8Array {
    let memory = this.units.get(address);
    if (memory !== undefined) return memory;
    if (this.units.size >= this.limit) {
      const [oldest] = this.units.keys();
      memory = this.units.get(oldest);
      this.units.delete(oldest);
    }
    memory ??= new Uint8Array(unitBytes);
    this.units.set(address, memory);
    return memory;
  }

  /** What was to be there could not be decoded. */
  drop(address: Address): void {
    this.units.delete(address);
  }
}
