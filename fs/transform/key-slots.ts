/**
 * The eight key slots of a superblock: each wraps the key of the volume under what is made of a passphrase (scrypt, RFC
 * 7914) or of a key file (HKDF, RFC 5869; a file of random bytes needs no stretching). Slots come and go without a page
 * being written anew, as the key itself stays.
 *
 * Invariants
 * 1. Whether a secret is right is found out by the same work: all slots of its kind are tried, also after one has opened.
 * 2. What an image asks for is bounded: 256 MiB for scrypt and p = 1, or the slot is passed over.
 */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes, scryptSync } from 'node:crypto';
import { VolumeError } from '../errors.js';
import { KeySlot, keySlotBytes, keySlots, slotKind } from '../format/key-slot.js';
import type { Superblock } from '../format/superblock.js';
import { aesGcmName } from './aes-gcm.js';
import { keyBytes, VolumeKey } from './volume-key.js';

/** What a person knows or has. */
export interface Secret {
  readonly kind: 'passphrase' | 'keyFile';
  readonly bytes: Uint8Array;
}

/** scrypt's memory for one slot, at most. */
const mostMemory = 256 * 2 ** 20;
/** For new slots: 64 MiB, about 0.2 s (Node 20, 2026). */
export const usualCost = { costShift: 16, blockSize: 8 };
export type Cost = typeof usualCost;

/** A slot in use, as people see it. */
export interface SlotInfo {
  readonly slot: number;
  readonly kind: 'passphrase' | 'key file' | 'unknown';
  readonly name: string;
  /** Seconds since 1970, as the image says. */
  readonly created: number;
  /** Bytes of memory that scrypt needs; 0 for a key file. */
  readonly memory: number;
}

const zeroNonce = new Uint8Array(12);
const boundBytes = KeySlot.offsetOf.wrapped;

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
const slotBytes = ({ keySlots: table }: Pick<Superblock, 'keySlots'>, slot: number): Uint8Array =>
  table.subarray(slot * keySlotBytes, (slot + 1) * keySlotBytes);
const kindOf = (secret: Secret): number => slotKind[secret.kind];

function kindName(kind: number): SlotInfo['kind'] {
  if (kind === slotKind.passphrase) return 'passphrase';
  return kind === slotKind.keyFile ? 'key file' : 'unknown';
}

/** Slots in use. */
export function listSlots(superblock: Pick<Superblock, 'keySlots'>): SlotInfo[] {
  const found: SlotInfo[] = [];
  for (let slot = 0; slot < keySlots; slot++) {
    const { kind, name, created, costShift, blockSize } = KeySlot.read(viewOf(slotBytes(superblock, slot)));
    if (kind === slotKind.empty) continue;
    const memory = kind === slotKind.passphrase ? 128 * blockSize * 2 ** costShift : 0;
    found.push({ slot, kind: kindName(kind), name, created, memory });
  }
  return found;
}

/** The key of the volume, by a secret. `slot`: the one that it opens. Throws VolumeError 'wrong-key'. */
export function unlock(
  superblock: Pick<Superblock, 'keySlots' | 'uuid'>,
  secret: Secret,
  image: string,
): { readonly key: VolumeKey; readonly slot: number } {
  let found: { key: VolumeKey; slot: number } | undefined;
  for (let slot = 0; slot < keySlots; slot++) {
    const opened = tryOne(superblock, slot, secret);
    if (opened === undefined) continue;
    found ??= { key: new VolumeKey(opened), slot };
    opened.fill(0);
  }
  if (found !== undefined) return found;
  const what = secret.kind === 'passphrase' ? 'passphrase' : 'key file';
  throw new VolumeError('wrong-key', `${image}: no key slot opens with this ${what}`);
}

function tryOne(superblock: Pick<Superblock, 'keySlots' | 'uuid'>, slot: number, secret: Secret): Buffer | undefined {
  const bytes = slotBytes(superblock, slot);
  const found = KeySlot.read(viewOf(bytes));
  if (found.kind !== kindOf(secret) || !affordable(found)) return undefined;
  const wrapping = stretch(secret, found);
  const cipher = createDecipheriv(aesGcmName, wrapping, zeroNonce, { authTagLength: 16 });
  wrapping.fill(0);
  cipher.setAAD(boundTo(superblock.uuid, bytes));
  cipher.setAuthTag(found.tag);
  const key = cipher.update(found.wrapped);
  try {
    cipher.final();
  } catch {
    // Another secret's slot.
    key.fill(0);
    return undefined;
  }
  return key;
}

/** Whether what a slot asks for is within bounds: an image may say anything. */
function affordable({ kind, costShift, blockSize }: KeySlot): boolean {
  if (kind === slotKind.keyFile) return true;
  if (costShift < 10 || costShift > 20 || blockSize < 1 || blockSize > 32) return false;
  return 128 * blockSize * 2 ** costShift <= mostMemory;
}

/** The wrapping key of a secret; the caller fills it with zeros. */
function stretch({ kind, bytes }: Secret, { salt, costShift, blockSize }: KeySlot): Buffer {
  if (kind === 'keyFile') return Buffer.from(hkdfSync('sha256', bytes, salt, 'varve key file', keyBytes));
  const options = { N: 2 ** costShift, r: blockSize, p: 1, maxmem: 2 * mostMemory };
  return scryptSync(bytes, salt, keyBytes, options);
}

/** Of the volume and the slot, all that is not secret. */
const boundTo = (uuid: Uint8Array, slot: Uint8Array): Buffer => Buffer.concat([uuid, slot.subarray(0, boundBytes)]);

/** Wrap the key into a free slot of the superblock in memory. Returns its number. Throws VolumeError 'usage' when all are in use. */
export function addSlot(
  superblock: Pick<Superblock, 'keySlots' | 'uuid'>,
  key: VolumeKey,
  secret: Secret,
  about: { readonly name?: string; readonly seconds: number; readonly cost?: Cost },
): number {
  for (let slot = 0; slot < keySlots; slot++) {
    const bytes = slotBytes(superblock, slot);
    if (bytes[KeySlot.offsetOf.kind] !== slotKind.empty) continue;
    const isFile = secret.kind === 'keyFile';
    const made: KeySlot = {
      kind: kindOf(secret),
      ...(isFile ? { costShift: 0, blockSize: 0 } : (about.cost ?? usualCost)),
      reserved: 0,
      created: about.seconds,
      salt: randomBytes(32),
      name: about.name ?? '',
      wrapped: new Uint8Array(keyBytes),
      tag: new Uint8Array(16),
    };
    KeySlot.write(viewOf(bytes), 0, made);
    const wrapping = stretch(secret, made);
    const cipher = createCipheriv(aesGcmName, wrapping, zeroNonce, { authTagLength: 16 });
    wrapping.fill(0);
    cipher.setAAD(boundTo(superblock.uuid, bytes));
    const raw = key.export();
    bytes.set(cipher.update(raw), KeySlot.offsetOf.wrapped);
    raw.fill(0);
    cipher.final();
    bytes.set(cipher.getAuthTag(), KeySlot.offsetOf.tag);
    return slot;
  }
  throw new VolumeError('usage', `all ${keySlots} key slots are in use: remove one first`);
}

/** Empty a slot of the superblock in memory. Throws VolumeError 'usage' for one that is not in use, or is the last. */
export function removeSlot(superblock: Pick<Superblock, 'keySlots'>, slot: number): void {
  const inUse = listSlots(superblock);
  if (!inUse.some((info) => info.slot === slot)) throw new VolumeError('usage', `key slot ${slot} is not in use`);
  if (inUse.length === 1) throw new VolumeError('usage', 'the last key slot stays: nobody could open the volume');
  slotBytes(superblock, slot).fill(0);
}
