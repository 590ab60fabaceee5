/**
 * Opens the store that a volume shall live on: the image itself, or the image behind one of the stores that
 * make trouble for tests.
 */
import { DelayedStore } from './delayed.js';
import { type ImageOptions, openImageFile } from './image-file.js';
import type { Store } from './store.js';
import { VolatileStore } from './volatile-file.js';

/** `file`: as it is. `volatile`: loses what no barrier followed when the process dies. `delayed`: reads come late. */
export const storeKinds = ['file', 'volatile', 'delayed'] as const;
export type StoreKind = (typeof storeKinds)[number];

export interface StoreOptions extends ImageOptions {
  readonly kind?: StoreKind;
  /** By how much reads of kind `delayed` are late, in milliseconds; 2 unless told. */
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
  }
}
