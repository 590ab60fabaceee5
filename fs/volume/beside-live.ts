/** What a root beside the live one has of the volume that it is in: log, transforms, clock and space are the same for all. */
import type { Pieces } from '../store/pieces.js';
import type { Address } from '../units.js';
import type { TransformChoice, VolumeApi } from './api.js';
import type { JournalMode } from './journal-mode.js';
import type { Volume } from './volume.js';

export abstract class BesideLive {
  constructor(protected readonly volume: Volume) {}

  get journal(): JournalMode {
    return this.volume.journal;
  }
  get transforms(): TransformChoice {
    return this.volume.transforms;
  }
  get unitRoom(): number {
    return this.volume.unitRoom;
  }
  get nameSeed(): number {
    return this.volume.nameSeed;
  }
  get mostPages(): number {
    return this.volume.mostPages;
  }
  get pagesAtOnce(): number {
    return this.volume.pagesAtOnce;
  }

  readPages(address: Address, pages: number, into: Uint8Array): Promise<void> | undefined {
    return this.volume.readPages(address, pages, into);
  }
  locate(address: Address, pages: number, buffer: Uint8Array, at: number, pieces: Pieces): number {
    return this.volume.locate(address, pages, buffer, at, pieces);
  }
  readPieces(pieces: Pieces): Promise<void> | undefined {
    return this.volume.readPieces(pieces);
  }
  expect(address: Address, pages: number): void {
    this.volume.expect(address, pages);
  }
  where(address: Address): number {
    return this.volume.where(address);
  }
  now(): { seconds: number; nanos: number } {
    return this.volume.now();
  }
  statistics(): ReturnType<VolumeApi['statistics']> {
    return this.volume.statistics();
  }
}
