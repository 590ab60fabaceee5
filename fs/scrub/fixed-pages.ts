/**
 * Verifies what has a fixed place: both copies of the superblock, the checkpoint slots, and the copies of the
 * segment table's pages that the newest checkpoint names. Nothing of it is read between a mount and the next, so
 * without a scrub it would rot unnoticed.
 *
 * Commits write slots and table pages. So each verdict is about one version of a page: it counts only if that version
 * had arrived on the disk before the page was read, and no commit has replaced it until it was judged.
 */
import { FsError } from '../errors.js';
import { selfChecksum } from '../format/checksum.js';
import { slotOffset, tableOffset, tablePages } from '../format/geometry.js';
import { indexPageMagic, livePageMagic, TablePage } from '../format/segment-table.js';
import { currentCopy } from '../log/table-pages.js';
import type { Readable } from '../store/store.js';
import { type ImageOffset, pageSize } from '../units.js';
import { parseSlot } from '../volume/checkpoint-slots.js';
import { superblockPage } from '../volume/superblock.js';
import type { Volume } from '../volume/volume.js';
import type { ScrubbedKind } from './report.js';
import { mediumOf } from './tree-sweep.js';

export interface FixedEvents {
  /** So many bytes were read and judged. */
  read(bytes: number): Promise<void>;
  bad(what: ScrubbedKind, problem: string, offset: ImageOffset): void;
}

/** Pages that are read and judged together. */
interface Piece {
  readonly what: ScrubbedKind;
  readonly length: number;
  offset(): ImageOffset;
  /** Changes whenever a commit begins to write these pages. */
  version(): number;
  /** What is wrong with the bytes, or undefined. */
  judge(bytes: Uint8Array): string | undefined;
}

/** Commits that may come between before a piece is left alone: what is rewritten all the time has no time to rot. */
const mostTries = 50;

export class FixedPages {
  constructor(
    private readonly volume: Volume,
    private readonly events: FixedEvents,
  ) {}

  async verify(): Promise<void> {
    for (const piece of this.superblocks()) await this.judged(piece);
    for (const slot of [0, 1]) await this.judged(this.slot(slot));
    const { state } = this.volume;
    for (let index = 0; index < tablePages(state.geometry); index++) {
      if (currentCopy(state.tableMap, index) !== 0) await this.judged(this.tablePage(index));
    }
  }

  private superblocks(): Piece[] {
    const { superblock } = this.volume.state;
    const expected = superblockPage(superblock);
    const copy = (superblock.imagePages - 1) * pageSize;
    return [0, copy].map((offset) => ({
      what: 'superblock',
      length: pageSize,
      offset: () => offset,
      version: () => 0,
      judge: (bytes) =>
        Buffer.compare(bytes, expected) === 0
          ? undefined
          : `${offset === 0 ? 'the first page' : 'its copy in the last page'} is not what was written`,
    }));
  }

  private slot(slot: number): Piece {
    const { state, readOnly } = this.volume;
    const { geometry } = state;
    const isNewest = () => slot !== state.slot;
    const generation = () => state.log.generation - (isNewest() ? 1 : 2);
    const name = `slot ${'AB'[slot]}`;
    return {
      what: 'checkpoint',
      length: geometry.checkpointPages * pageSize,
      offset: () => slotOffset(geometry, slot),
      version: generation,
      judge: (bytes) => {
        // A volume that is only read may stand on one good checkpoint; and what was never written is zeros.
        if (!isNewest() && (readOnly || bytes.every((byte) => byte === 0))) return undefined;
        const found = parseSlot(geometry, bytes)?.checkpoint;
        if (found === undefined || found.slot !== slot) return `${name} does not verify`;
        if (readOnly || !isNewest() || found.generation === generation()) return undefined;
        return `${name} holds generation ${found.generation} instead of ${generation()}`;
      },
    };
  }

  private tablePage(index: number): Piece {
    const { state } = this.volume;
    const { geometry } = state;
    const isIndex = index < geometry.indexPages;
    const number = isIndex ? index : index - geometry.indexPages;
    const name = `${isIndex ? 'index' : 'live-map'} page ${number}`;
    return {
      what: 'segment-table',
      length: pageSize,
      offset: () => tableOffset(geometry, index, currentCopy(state.tableMap, index) - 1),
      version: () => currentCopy(state.tableMap, index),
      judge: (bytes) => {
        const header = TablePage.read(new DataView(bytes.buffer, bytes.byteOffset));
        if (
          header.magic !== (isIndex ? indexPageMagic : livePageMagic) ||
          header.index !== number ||
          header.brand !== geometry.brand
        )
          return `${name} is not there`;
        return header.checksum === selfChecksum(bytes, TablePage.offsetOf.checksum)
          ? undefined
          : `${name} fails its checksum`;
      },
    };
  }

  private async judged(piece: Piece): Promise<void> {
    const bytes = new Uint8Array(piece.length);
    let failed = 0;
    for (let tries = 0; tries < mostTries; tries++) {
      const version = piece.version();
      // The commit that began to write this version, if it has not ended.
      await this.volume.state.committing?.catch(() => undefined);
      if (piece.version() !== version) continue;
      const offset = piece.offset();
      const failure = await readFresh(mediumOf(this.volume.state), offset, bytes);
      const same = piece.version() === version;
      const problem = failure ?? (same ? piece.judge(bytes) : undefined);
      await this.events.read(piece.length);
      if (same && problem === undefined) return;
      if (!same || ++failed < 2) continue;
      this.events.bad(piece.what, problem as string, offset);
      return;
    }
  }
}

/** Why it could not be read; undefined: it was. */
async function readFresh(from: Readable, offset: ImageOffset, into: Uint8Array): Promise<string | undefined> {
  try {
    await from.read(offset, into);
    return undefined;
  } catch (e) {
    if (e instanceof FsError) return e.message;
    throw e;
  }
}
