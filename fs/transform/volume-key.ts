/**
 * The key of an encrypted volume, and what is made of it: for each opening of the volume a session key, by HKDF with a
 * random salt that every seal names. Within a session messages are counted, and the count is the nonce.
 *
 * Invariants
 * 1. No nonce comes twice under a key. A process that opens a volume draws 128 random bits, and counts in memory alone: so
 *    neither a crash, nor a rollback, nor two copies of one image that are both written can lead back to a count.
 * 2. Raw keys are in KeyObjects, which nothing prints, and in buffers that are filled with zeros after use.
 */
import { createCipheriv, createDecipheriv, createSecretKey, hkdfSync, type KeyObject, randomBytes } from 'node:crypto';
import { Seal, type Sealer } from '../format/seal.js';
import { writeU64 } from '../format/struct.js';

/** What a chain of transforms knows it by. */
export const aesGcmId = 4;
export const aesGcmName = 'aes-256-gcm';

export const keyBytes = 32;
const tagBytes = 16;
const saltBytes = Seal.offsetOf.counter;
const { counter: counterAt, tag: tagAt } = Seal.offsetOf;
/** Session keys that are remembered: openings of which something is being read. */
const mostSessions = 1024;

/** Told of each nonce that is about to be used: salt of the session, kind and count. For tests. */
export type NonceLog = (salt: Uint8Array, kind: number, counter: number) => void;

export class VolumeKey {
  readonly #key: KeyObject;
  readonly #sessions = new Map<string, KeyObject>();
  #last = '';
  #lastKey: KeyObject | undefined;

  /** `key`: 32 bytes, which are copied. */
  constructor(
    key: Uint8Array,
    private readonly used?: NonceLog,
  ) {
    if (key.length !== keyBytes) throw new RangeError(`a key has ${keyBytes} bytes`);
    this.#key = createSecretKey(key);
  }

  /** A copy of the key, to be wrapped; the caller fills it with zeros. */
  export(): Buffer {
    return this.#key.export();
  }

  /** What a process that opens the volume seals with: a session of its own, that begins with the first message. */
  opening(): Sealer {
    const salt = randomBytes(saltBytes);
    let counter = 0;
    return {
      seal: (kind, bound, plain, seal) => {
        this.used?.(salt, kind, counter);
        seal.set(salt, 0);
        writeU64(new DataView(seal.buffer, seal.byteOffset), counterAt, counter++);
        return this.#encrypt(kind, bound, plain, seal);
      },
      open: (kind, bound, stored, seal) => this.#decrypt(kind, bound, stored, seal),
    };
  }

  #encrypt(kind: number, bound: Uint8Array, plain: Uint8Array, seal: Uint8Array): Uint8Array {
    const cipher = createCipheriv(aesGcmName, this.#session(seal), nonce(kind, seal), { authTagLength: tagBytes });
    cipher.setAAD(bound);
    const stored = cipher.update(plain);
    cipher.final();
    seal.set(cipher.getAuthTag(), tagAt);
    return stored;
  }

  #decrypt(kind: number, bound: Uint8Array, stored: Uint8Array, seal: Uint8Array): Uint8Array | undefined {
    const cipher = createDecipheriv(aesGcmName, this.#session(seal), nonce(kind, seal), { authTagLength: tagBytes });
    cipher.setAAD(bound);
    cipher.setAuthTag(seal.subarray(tagAt, tagAt + tagBytes));
    const plain = cipher.update(stored);
    try {
      cipher.final();
    } catch {
      // The one way in which it says so. What was decrypted is nobody's.
      plain.fill(0);
      return undefined;
    }
    return plain;
  }

  #session(seal: Uint8Array): KeyObject {
    const name = Buffer.from(seal.buffer, seal.byteOffset, saltBytes).toString('latin1');
    if (this.#lastKey !== undefined && name === this.#last) return this.#lastKey;
    let key = this.#sessions.get(name);
    if (key === undefined) {
      const raw = Buffer.from(hkdfSync('sha256', this.#key, seal.subarray(0, saltBytes), 'varve session', keyBytes));
      key = createSecretKey(raw);
      raw.fill(0);
      // Salts of an image that lies would fill the memory.
      if (this.#sessions.size >= mostSessions) this.#sessions.clear();
      this.#sessions.set(name, key);
    }
    this.#last = name;
    this.#lastKey = key;
    return key;
  }
}

const iv = new Uint8Array(12);
const ivView = new DataView(iv.buffer);

/** Kind, then count. It is used at once. */
function nonce(kind: number, seal: Uint8Array): Uint8Array {
  ivView.setUint32(0, kind, true);
  iv.set(seal.subarray(counterAt, tagAt), 4);
  return iv;
}
