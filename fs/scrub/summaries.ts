/**
 * Verifies the summaries that something depends on: those of sealed segments with tree nodes or moved pages. The
 * cleaner learns from them what such a page is; without them the segment could not be emptied any more. (Data pages
 * lie where their address says until they are moved, and an open segment gets its last summaries when it is sealed.)
 *
 * Summaries are never live, so only pages that are not live are read; they are judged by the code of the cleaner. A
 * segment that is freed meanwhile is left alone: nothing in it is needed any more.
 */
import { liveRuns } from '../cleaner/live-runs.js';
import { FsError } from '../errors.js';
import { placeOffset } from '../format/geometry.js';
import { placeState } from '../format/segment-table.js';
import { headKind } from '../log/segment-table.js';
import { type ImageOffset, type Place, pageSize } from '../units.js';
import type { VolumeState } from '../volume/state.js';
import { mediumOf } from './tree-sweep.js';

export interface SummaryEvents {
  /** So many bytes were read. */
  read(bytes: number): Promise<void>;
  /** The summaries of a segment are whole. */
  good(): void;
  bad(problem: string, offset: ImageOffset): void;
}

/** Most pages read at once. */
const mostPages = 64;

export class SummaryVerifier {
  private readonly buffer: Uint8Array;

  constructor(
    private readonly state: VolumeState,
    private readonly events: SummaryEvents,
  ) {
    this.buffer = new Uint8Array(state.log.perSegment * pageSize);
  }

  async verify(): Promise<void> {
    const { places } = this.state.geometry;
    for (let place = 0; place < places; place++) if (this.matters(place)) await this.verifyPlace(place);
  }

  private matters(place: Place): boolean {
    const { table } = this.state;
    const head = table.head[place];
    if (table.live[place] === 0 || table.state[place] !== placeState.sealed) return false;
    return head === headKind.node || head === headKind.cold;
  }

  private async verifyPlace(place: Place): Promise<void> {
    const { table, log } = this.state;
    const serial = table.serial[place];
    this.buffer.fill(0);
    let failure: string | undefined;
    for (let page = 0; page < log.perSegment; page++) {
      let count = 0;
      while (count < mostPages && page + count < log.perSegment && !table.isLive(place, page + count)) count++;
      if (count === 0) continue;
      failure ??= await this.read(place, page, count);
      await this.events.read(count * pageSize);
      page += count;
    }
    if (table.serial[place] !== serial || !this.matters(place)) return;
    const whole = liveRuns(table, place, this.buffer) !== undefined;
    if (whole) return this.events.good();
    const reason = failure ?? 'they do not describe all live pages';
    const where = placeOffset(this.state.geometry, place, 0);
    this.events.bad(`those of segment ${serial}: ${reason}`, where);
  }

  /** Why it could not be read; undefined: it was. */
  private async read(place: Place, page: number, count: number): Promise<string | undefined> {
    const into = this.buffer.subarray(page * pageSize, (page + count) * pageSize);
    try {
      await this.state.log.readPlace(place, page, count, into, mediumOf(this.state));
      return undefined;
    } catch (e) {
      if (e instanceof FsError) return e.message;
      throw e;
    }
  }
}
