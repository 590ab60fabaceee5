/**
 * Keys of encrypted volumes that this process was given, by the volume's UUID. Whoever reads a superblock finds the key
 * here, so that no layer has to hand it on; whoever gets one from a person puts it here (key-slots.ts).
 */
import type { VolumeKey } from './volume-key.js';

const keys = new Map<string, VolumeKey>();
const name = (uuid: Uint8Array): string => Buffer.from(uuid).toString('hex');

/** Remember the key of a volume for the life of the process. */
export function keep(uuid: Uint8Array, key: VolumeKey): void {
  keys.set(name(uuid), key);
}

export const keyOf = (uuid: Uint8Array): VolumeKey | undefined => keys.get(name(uuid));

/** Forget it, as a process that was never told. */
export function forget(uuid: Uint8Array): void {
  keys.delete(name(uuid));
}
