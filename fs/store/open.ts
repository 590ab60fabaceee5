/**
 * Opens the store that a volume shall live on: the image itself, or the image behind one of the stores that
 * make trouble for tests.
 */
import { DelayedStore } from './delayed.js';
import { DistantStore } from './distant.js';
import { type ImageOptions, openImageFile } from './image-file.js';
import type { Store } from './store.js';
import { VolatileStore } from './volatile-file.js';

/**
 * `file`: as it is. `volatile`: loses what no barrier followed when the process dies. `delayed`: reads come late. `distant`: a block
 * device behind a network.
 */
export const storeKinds = ['file', 'volatile', 'delayed', 'distant'] as const;
export type StoreKind = (typeof storeKinds)[number];

export interface StoreOptions extends ImageOptions {
  readonly kind?: StoreKind;
  /** By how much calls of the kinds `delayed` and `distant` are late, in milliseconds; 2 unless told. */
  readonly delayMs?: number;
}

/** Open and lock an image. Throws VolumeError, see `openImageFile`. */
export async function openStore(path: string, options: StoreOptions = {}): Promise<Store> {
  const image = await openImageFile(path, options);
  switch (options.kind ?? 'file') {
    case 'file':
      return image;
    case 'volatile':
      return new VolatileStore(image);
    case 'delayed':
      return new DelayedStore(image, options.delayMs ?? 2);
    case 'distant':
      return new DistantStore(image, options.delayMs ?? 2);
  }
}
