/**
 * The log: pages are appended under addresses that are moments in it, read back by address, and released. It
 * knows pages and places; what pages mean is the business of the layers above.
 *
 * An address is (segment serial, page). The segment table says at which place a serial lies; if no place holds
 * it, the cleaner has moved its live pages and `relocations` knows where to.
 */
import { CorruptionError } from '../errors.js';
import { placeOffset, segmentPages } from '../format/geometry.js';
import { mostPieces, type Pieces } from '../store/pieces.js';
import type { Readable, Store } from '../store/store.js';
import { type Address, type Generation, type Place, pageSize, type Serial } from '../units.js';
import type { Flight } from './flight.js';
import { Head, type HeadOwner } from './head.js';
import { Prewriter } from './prewriter.js';
import { headKind, type SegmentTable } from './segment-table.js';

/** Where the cleaner put runs of pages. */
export interface Relocations {
  /** The run that holds `address`: its first address, length and target; undefined if it was not moved. May throw Suspend. */
  find(address: Address): { address: Address; pages: number; target: Address } | undefined;
}

/** Bytes that were in flight when they were read, and where they go. */
interface Patch {
  readonly into: Uint8Array;
  readonly at: number;
  readonly bytes: Uint8Array;
}

const apply = (patches: readonly Patch[]): void => {
  for (const { into, at, bytes } of patches) into.set(bytes, at);
};

export interface LogEvents {
  /** A head has opened a segment. */
  opened(head: number, place: Place, serial: Serial): void;
  /** The store has failed: nothing may be promised any more. */
  failed(error: unknown): void;
}

export class Log implements HeadOwner {
  readonly node: Head;
  readonly data: Head;
  readonly cold: Head;
  /** The open generation. */
  generation: Generation = 1;
  relocations: Relocations = { find: () => undefined };
  /** Moved pages that were released; their entries are looked up before the next commit. */
  readonly deferred: { address: Address; pages: number }[] = [];
  /** Pages handed to the store since the volume was opened. */
  pagesWritten = 0;
  /** Pages that `read` was asked for. */
  pagesRead = 0;
  readonly perSegment: number;
  readonly prewriter: Prewriter;
  private readonly flights = new Set<Flight>();
  private readonly landings = new Set<Promise<void>>();

  constructor(
    readonly store: Store,
    readonly table: SegmentTable,
    private readonly events: LogEvents,
  ) {
    this.perSegment = segmentPages(table.geometry);
    this.prewriter = new Prewriter(store, table.geometry);
    this.node = new Head(headKind.node, this);
    this.data = new Head(headKind.data, this);
    this.cold = new Head(headKind.cold, this);
  }

  get heads(): readonly Head[] {
    return [this.node, this.data, this.cold];
  }

  opened(head: number, place: Place, serial: Serial): void {
    this.events.opened(head, place, serial);
  }

  /** Hand a flight to the store. */
  issue(flight: Flight): void {
    this.pagesWritten += flight.pages;
    this.prewriter.reached(flight.place, flight.page + flight.pages);
    const offset = placeOffset(this.table.geometry, flight.place, flight.page);
    let pending: Promise<void> | undefined;
    try {
      const { pending: zeros } = this.prewriter;
      pending =
        zeros === undefined
          ? this.store.write(offset, flight.buffers)
          : zeros.then(() => this.store.write(offset, flight.buffers));
    } catch (e) {
      this.refused(flight, e);
      return;
    }
    if (pending === undefined) {
      flight.landed();
      return;
    }
    this.flights.add(flight);
    const landing: Promise<void> = pending
      .then(
        () => {
          this.flights.delete(flight);
          flight.landed();
        },
        (e: unknown) => this.refused(flight, e),
      )
      .finally(() => this.landings.delete(landing));
    this.landings.add(landing);
  }

  /** Nothing is written any more, but what was accepted can still be read: the flight stays. */
  private refused(flight: Flight, error: unknown): void {
    this.flights.add(flight);
    flight.refused();
    this.events.failed(error);
  }

  /** All writes issued so far have arrived (not: are durable). Undefined when they have already. */
  landed(): Promise<unknown> | undefined {
    return this.landings.size === 0 ? undefined : Promise.all(this.landings);
  }

  /** Where a page lies: place * pages per segment + page, or -1 if nowhere. May throw Suspend for moved pages. */
  where(address: Address): number {
    const place = this.table.placeOf(Math.floor(address / this.perSegment));
    if (place >= 0) return place * this.perSegment + (address % this.perSegment);
    const moved = this.relocations.find(address);
    if (moved === undefined) return -1;
    const target = moved.target + (address - moved.address);
    const targetPlace = this.table.placeOf(Math.floor(target / this.perSegment));
    return targetPlace < 0 ? -1 : targetPlace * this.perSegment + (target % this.perSegment);
  }

  /**
   * Note among `pieces` where a run of pages lies that goes to `buffer`, from byte `at` on. Returns `where` of its first
   * page. Throws Suspend while the place of moved pages must be looked up, CorruptionError when the address leads nowhere.
   */
  locate(address: Address, pages: number, buffer: Uint8Array, at: number, pieces: Pieces): number {
    const { geometry } = this.table;
    const place = this.table.placeOf(Math.floor(address / this.perSegment));
    if (place >= 0) {
      const page = this.pageOf(address, pages);
      pieces.add(placeOffset(geometry, place, page), pages * pageSize, buffer, at);
      return place * this.perSegment + page;
    }
    const runs = this.movedRuns(address, pages);
    let filled = at;
    for (const { place, page, pages } of runs) {
      pieces.add(placeOffset(geometry, place, page), pages * pageSize, buffer, filled);
      filled += pages * pageSize;
    }
    return runs[0].place * this.perSegment + runs[0].page;
  }

  /** A run of pages will probably be read soon. Throws as `locate` does. */
  expect(address: Address, pages: number): void {
    const { store } = this;
    if (store.expect === undefined) return;
    const { geometry } = this.table;
    const place = this.table.placeOf(Math.floor(address / this.perSegment));
    if (place >= 0) {
      store.expect(placeOffset(geometry, place, this.pageOf(address, pages)), pages * pageSize);
      return;
    }
    for (const { place, page, pages: count } of this.movedRuns(address, pages))
      store.expect(placeOffset(geometry, place, page), count * pageSize);
  }

  /** Fill pieces that were located in the same stretch. Undefined when done in place. */
  readPieces(pieces: Pieces): Promise<void> | undefined {
    this.pagesRead += pieces.total / pageSize;
    const patches = this.inFlight ? this.patchesOf(pieces) : undefined;
    // More than a request can want: a caller of another kind, or a volume that nobody would write so.
    const each = this.store.readPieces === undefined || pieces.count > mostPieces;
    const wait = each ? this.readEach(pieces) : this.store.readPieces?.(pieces);
    if (patches === undefined) return wait;
    if (wait !== undefined) return wait.then(() => apply(patches));
    apply(patches);
    return undefined;
  }

  private readEach(pieces: Pieces): Promise<void> | undefined {
    const waits: Promise<void>[] = [];
    try {
      for (let i = 0; i < pieces.count; i++) {
        const wait = this.store.read(pieces.offset[i], pieces.view(i));
        if (wait !== undefined) waits.push(wait);
      }
    } catch (e) {
      if (waits.length === 0) throw e;
      waits.push(Promise.reject(e));
    }
    return waits.length === 0 ? undefined : allDone(waits);
  }

  private patchesOf(pieces: Pieces): Patch[] {
    const { geometry } = this.table;
    const patches: Patch[] = [];
    for (let i = 0; i < pieces.count; i++) {
      const page = pieces.offset[i] / pageSize - geometry.segmentStart;
      const place = Math.floor(page / this.perSegment);
      const flying = this.flying(place);
      if (flying === undefined) continue;
      this.takeFrom(flying, place, page % this.perSegment, pieces.bytes[i] / pageSize, pieces.view(i), patches);
    }
    return patches;
  }

  /** Add what `into` is to get from flights once it is read. Copies: when that is, their buffers may be others'. */
  private takeFrom(
    flying: readonly Flight[],
    place: Place,
    page: number,
    pages: number,
    into: Uint8Array,
    patches: Patch[],
  ): void {
    for (const flight of flying) {
      const first = Math.max(page, flight.page);
      const count = Math.min(page + pages, flight.page + flight.pages) - first;
      if (count <= 0) continue;
      const bytes = new Uint8Array(count * pageSize);
      flight.copyOut(place, first, count, bytes);
      patches.push({ into, at: (first - page) * pageSize, bytes });
    }
  }

  /**
   * Fill `into` with `pages` pages from `address`. Undefined when done in place. Throws Suspend while the place of
   * moved pages must be looked up, CorruptionError when the address leads nowhere. `from`: another way to the store's
   * bytes.
   */
  read(address: Address, pages: number, into: Uint8Array, from: Readable = this.store): Promise<void> | undefined {
    this.pagesRead += pages;
    const place = this.table.placeOf(Math.floor(address / this.perSegment));
    if (place >= 0) return this.readPlace(place, this.pageOf(address, pages), pages, into, from);
    return this.readMoved(address, pages, into, from);
  }

  private readMoved(address: Address, pages: number, into: Uint8Array, from: Readable): Promise<void> | undefined {
    const waits: Promise<void>[] = [];
    let filled = 0;
    for (const { place, page, pages: count } of this.movedRuns(address, pages)) {
      const bytes = count * pageSize;
      const part = into.subarray(filled, filled + bytes);
      try {
        const wait = this.readPlace(place, page, count, part, from);
        if (wait !== undefined) waits.push(wait);
      } catch (e) {
        if (waits.length === 0) throw e;
        waits.push(Promise.reject(e));
        break;
      }
      filled += bytes;
    }
    return waits.length === 0 ? undefined : allDone(waits);
  }

  /** Where the cleaner has put them. May throw Suspend. */
  private movedRuns(address: Address, pages: number): { place: Place; page: number; pages: number }[] {
    const runs: { place: Place; page: number; pages: number }[] = [];
    for (let at = address, left = pages; left > 0; ) {
      const run = this.relocations.find(at);
      if (run === undefined) throw new CorruptionError('pointer', `address ${at}`, 'leads to no segment');
      const skip = at - run.address;
      const count = Math.min(left, run.pages - skip);
      const target = run.target + skip;
      const place = this.table.placeOf(Math.floor(target / this.perSegment));
      if (place < 0)
        throw new CorruptionError('relocation', `address ${address}`, `target ${target} leads to no segment`);
      runs.push({ place, page: target % this.perSegment, pages: count });
      at += count;
      left -= count;
    }
    return runs;
  }

  /** Read by place: for the cleaner, which takes pages as they lie. */
  readPlace(
    place: Place,
    page: number,
    pages: number,
    into: Uint8Array,
    from: Readable = this.store,
  ): Promise<void> | undefined {
    const flying = this.flying(place);
    const whole = flying?.find((f) => f.covers(place, page, pages));
    if (whole !== undefined) {
      whole.copyOut(place, page, pages, into);
      return undefined;
    }
    const wait = from.read(placeOffset(this.table.geometry, place, page), into);
    if (flying === undefined) return wait;
    // Part of it is in flight.
    const patches: Patch[] = [];
    this.takeFrom(flying, place, page, pages, into, patches);
    if (wait !== undefined) return wait.then(() => apply(patches));
    apply(patches);
    return undefined;
  }

  private flying(place: Place): Flight[] | undefined {
    let found: Flight[] | undefined;
    for (const flight of this.flights) {
      if (flight.place === place) found = [...(found ?? []), flight];
    }
    for (const head of this.heads) {
      if (head.gathering?.place === place) found = [...(found ?? []), head.gathering];
    }
    return found;
  }

  private get inFlight(): boolean {
    return this.flights.size > 0 || this.heads.some((head) => head.gathering !== undefined);
  }

  /** Pages begin to be referred to. They lie where their address says. */
  claim(address: Address, pages: number): void {
    const place = this.table.placeOf(Math.floor(address / this.perSegment));
    if (place < 0) throw new CorruptionError('claim', `address ${address}`, 'leads to no segment');
    this.table.setLive(place, this.pageOf(address, pages), pages);
  }

  /** The page of its segment. Behind the last one lie the bits of another place. */
  private pageOf(address: Address, pages: number): number {
    const page = address % this.perSegment;
    if (page + pages <= this.perSegment) return page;
    throw new CorruptionError('pointer', `address ${address}`, `${pages} pages leave the segment`);
  }

  /** Nothing refers to these pages any more. Moved ones are given back before the next commit. */
  release(address: Address, pages: number): void {
    const place = this.table.placeOf(Math.floor(address / this.perSegment));
    if (place < 0) this.deferred.push({ address, pages });
    else this.table.clearLive(place, this.pageOf(address, pages), pages, this.generation);
  }
}

/** Like Promise.all, but a failure is told only when nothing is under way any more that fills the caller's buffer. */
async function allDone(waits: readonly Promise<void>[]): Promise<void> {
  await Promise.allSettled(waits);
  for (const wait of waits) await wait;
}
