/**
 * Opens an encrypted volume's key for a program: the secret is found, tried on the key slots, and the key goes to the
 * keyring, where whoever reads the superblock finds it. From then on the process leaves no core behind.
 */
import { VolumeError } from '../errors.js';
import { isEncrypted } from '../format/features.js';
import type { Superblock } from '../format/superblock.js';
import { prctl } from '../host/prctl.js';
import type { Store } from '../store/store.js';
import { unlock } from '../transform/key-slots.js';
import { keep, keyOf } from '../transform/keyring.js';
import { lookAtSuperblock } from '../volume/superblock.js';
import { findSecret, isGiven, type SecretOptions } from './secret.js';

const setDumpable = 4;

let chosen: SecretOptions = {};

/** What the options of this run of the program say, for all that it opens. */
export function chooseSecret(options: SecretOptions): void {
  chosen = options;
}

/** The key of the volume in `store`, if it is encrypted. Throws VolumeError: 'wrong-key', or 'usage' for a key that is not needed. */
export async function unlockStore(store: Store, options = chosen): Promise<void> {
  const superblock = await lookAtSuperblock(store);
  if (!isEncrypted(superblock)) {
    // Who gives a key expects that what is written is encrypted.
    if (isGiven(options)) throw new VolumeError('usage', `${store.name} is not encrypted: it needs no key`);
    return;
  }
  const named = options.keyFile !== undefined || options.passphraseFd !== undefined;
  if (keyOf(superblock.uuid) !== undefined && !named) return;
  keep(superblock.uuid, (await openSlot(superblock, store.name, options)).key);
}

/** The key of a volume, and the slot that the secret opens. Throws VolumeError 'wrong-key'. */
export async function openSlot(
  superblock: Superblock,
  image: string,
  options = chosen,
): Promise<ReturnType<typeof unlock>> {
  hideMemory();
  const secret = await findSecret(options, image);
  try {
    return unlock(superblock, secret, image);
  } finally {
    secret.bytes.fill(0);
  }
}

const nothing = (): void => undefined;

/**
 * No core dump, and no other process of the user may look into this one. See prctl(2), PR_SET_DUMPABLE. Whoever may signal
 * it could also have Node open its debugger, on a port for all users: a listener takes that signal's meaning away.
 */
export function hideMemory(): void {
  prctl(setDumpable, 0, 0, 0, 0);
  // Besides any other listener, which may go before this process does.
  if (!process.listeners('SIGUSR1').includes(nothing)) process.on('SIGUSR1', nothing);
}
