/**
 * What lies where, as far as it can be known: from the pages of the segment table that verify, and for the others
 * from what the places hold. In memory it is as large as the segment table.
 *
 * A place counts as free to be written only if the table said so and was right about everything else; nothing else
 * may be written over while it is being looked for.
 */
import type { Checkpoint } from '../../fs/format/checkpoint.js';
import { indexEntriesPerPage } from '../../fs/format/geometry.js';
import { IndexEntry, placeState, TablePage } from '../../fs/format/segment-table.js';
import { headKind } from '../../fs/log/segment-table.js';
import type { Place, Serial } from '../../fs/units.js';
import type { Claims } from '../claims.js';
import type { Image } from '../image.js';
import { readTablePage } from '../segment-table.js';
import type { MovedPages } from './moves.js';
import { newestSegment, type PlaceContents, readPlace } from './summaries.js';

/** Serials from here on leave no room for addresses. */
export const endOfSerials = (perSegment: number): Serial => 2 ** 50 / perSegment;

export class Places {
  readonly serial: Float64Array;
  readonly generation: Float64Array;
  readonly state: Uint8Array;
  readonly head: Uint8Array;
  /** 1: nothing that could be of use lies there, it may be written now. */
  readonly usable: Uint8Array;
  /** 1: there is a copy of a checkpoint in it. */
  readonly holdsCheckpoint: Uint8Array;
  /** Places whose entry was taken from what they hold. */
  rebuilt = 0;

  constructor(private readonly image: Image) {
    const { places } = image.geometry;
    this.serial = new Float64Array(places);
    this.generation = new Float64Array(places);
    this.state = new Uint8Array(places);
    this.head = new Uint8Array(places);
    this.usable = new Uint8Array(places);
    this.holdsCheckpoint = new Uint8Array(places);
  }

  /** From the table of the image's checkpoint. */
  static async ofTable(image: Image): Promise<Places> {
    const places = new Places(image);
    const { geometry } = image;
    for (let index = 0; index < geometry.indexPages; index++) {
      const first = index * indexEntriesPerPage;
      const end = Math.min(first + indexEntriesPerPage, geometry.places);
      const page = await readTablePage(image, index);
      for (let place = first; place < end; place++) {
        if (typeof page === 'string') await places.rebuild(place);
        else if (page === undefined) places.usable[place] = 1;
        else await places.take(place, page, TablePage.size + (place - first) * IndexEntry.size);
      }
    }
    await places.settleTwins();
    return places;
  }

  /** From what all places hold, in an image whose table is not known. `told` hears of all copies of checkpoints. */
  static async ofContents(image: Image, told: (copies: readonly Checkpoint[]) => void): Promise<Places> {
    const places = new Places(image);
    for (let place = 0; place < image.geometry.places; place++) told((await places.rebuild(place)).checkpoints);
    await places.settleTwins();
    return places;
  }

  private async take(place: Place, page: Uint8Array, at: number): Promise<void> {
    const entry = IndexEntry.read(new DataView(page.buffer, page.byteOffset), at);
    const { serial, generation, state, head } = entry;
    const { checkpoint } = this.image;
    const free = state === placeState.free;
    const sane =
      state <= placeState.journal &&
      head <= headKind.journal &&
      serial < endOfSerials(this.image.perSegment) &&
      (free || (serial > 0 && serial < checkpoint.nextSerial));
    if (!sane) {
      await this.rebuild(place);
      return;
    }
    this.serial[place] = serial;
    this.generation[place] = generation;
    this.head[place] = head;
    // No segment goes on being written, and what a journal held is replayed or of no use.
    this.state[place] = free || state === placeState.journal ? placeState.free : placeState.sealed;
    const ripe = serial === 0 || generation < checkpoint.generation;
    this.usable[place] = free && ripe ? 1 : 0;
  }

  /** Enter what the place holds. */
  private async rebuild(place: Place): Promise<PlaceContents> {
    this.rebuilt++;
    const contents = await readPlace(this.image.store, this.image.geometry, place);
    const found = newestSegment(contents, this.image.perSegment);
    const known = found !== undefined && found.serial > 0 && found.serial < endOfSerials(this.image.perSegment);
    this.state[place] = known ? placeState.sealed : placeState.free;
    this.serial[place] = known ? found.serial : 0;
    this.generation[place] = known ? found.generation : 0;
    this.head[place] = known ? found.head : 0;
    this.usable[place] = contents.blank ? 1 : 0;
    this.holdsCheckpoint[place] = contents.checkpoints.length > 0 ? 1 : 0;
    return contents;
  }

  /** A serial is in one place: of several, that which really holds it. */
  private async settleTwins(): Promise<void> {
    const owner = new Map<Serial, Place>();
    for (let place = 0; place < this.state.length; place++) {
      if (this.state[place] === placeState.free) continue;
      const serial = this.serial[place];
      const other = owner.get(serial);
      if (other === undefined) owner.set(serial, place);
      else if (await this.holds(other, serial)) {
        await this.rebuild(place);
        if (this.serial[place] === serial) this.forget(place);
      } else {
        owner.set(serial, place);
        await this.rebuild(other);
        if (this.serial[other] === serial) this.forget(other);
      }
    }
  }

  private async holds(place: Place, serial: Serial): Promise<boolean> {
    const { store, geometry, perSegment } = this.image;
    return newestSegment(await readPlace(store, geometry, place), perSegment)?.serial === serial;
  }

  /** What lies there lies elsewhere too, and counts there. */
  private forget(place: Place): void {
    this.clear(place);
    this.serial[place] = 0;
  }

  private clear(place: Place): void {
    this.state[place] = placeState.free;
    this.usable[place] = 0;
  }

  /**
   * Places that the table calls free and that hold serials which pointers need: they were freed by mistake. True if
   * there were any.
   */
  adopt(missing: ReadonlySet<Serial>): boolean {
    let any = false;
    for (let place = 0; place < this.state.length; place++) {
      if (this.state[place] !== placeState.free || !missing.has(this.serial[place]) || this.serial[place] === 0)
        continue;
      this.state[place] = placeState.sealed;
      this.usable[place] = 0;
      any = true;
    }
    return any;
  }

  /** The same, to try something out with. */
  clone(): Places {
    const copy = new Places(this.image);
    for (const part of ['serial', 'generation', 'state', 'head', 'usable', 'holdsCheckpoint'] as const)
      copy[part].set(this[part]);
    copy.rebuilt = this.rebuilt;
    return copy;
  }

  /**
   * Take the segments from which something was moved for gone, until one of their pages is missing (`adopt`): the cleaner has
   * moved all that lived in them, so a new segment may have begun to be written there, and its first summary trails its
   * pages. Not those where a page is claimed in the image: they were needed where they are when the moves were made.
   */
  doubt(image: Image, moves: readonly MovedPages[]): void {
    const { perSegment } = image;
    const moved = new Uint8Array(this.state.length);
    for (const { from, to } of moves) {
      for (let i = 0; i < from.length; i++) {
        const place = image.placeOf(Math.floor(from.values[i] / perSegment));
        if (place >= 0 && image.placeOf(Math.floor(to.values[i] / perSegment)) >= 0) moved[place] = 1;
      }
    }
    for (let place = 0; place < moved.length; place++)
      if (moved[place] === 1 && image.claims.ofPlace(place) === undefined) this.clear(place);
  }

  /** When all that can be found was claimed: segments of which nothing is needed are free and may be written over. */
  releaseUnclaimed(claims: Claims): void {
    for (let place = 0; place < this.state.length; place++) {
      if (claims.ofPlace(place) !== undefined || this.holdsCheckpoint[place] === 1) continue;
      this.state[place] = placeState.free;
      this.usable[place] = 1;
    }
  }

  /** Tell the image where each serial lies. */
  enterInto(image: Image): void {
    const inUse: Place[] = [];
    for (let place = 0; place < this.state.length; place++)
      if (this.state[place] !== placeState.free) inUse.push(place);
    image.setPlaces(
      Float64Array.from(inUse, (place) => this.serial[place]),
      Uint32Array.from(inUse),
    );
  }

  /** The highest serial of all, those of free places included. */
  get highestSerial(): Serial {
    let highest = 0;
    for (const serial of this.serial) if (serial > highest) highest = serial;
    return highest;
  }
}
