/**
 * The key of an encrypted volume, and what is made of it: for each opening of the volume a session key, by HKDF with a
 * random salt that every seal names. Within a session messages are counted, and the count is the nonce.
 *
 * Invariants
 * 1. No nonce comes twice under a key. A process that opens a volume draws 128 random bits, and counts in memory alone: so
 *    neither a crash, nor a rollback, nor two copies of one image that are both written can lead back to a count.
 * 2. Raw keys are in KeyObjects, which nothing prints, and in buffers that are filled with zeros after use.
 */
import { createSecretKey, hkdfSync, type KeyObject, randomBytes } from 'node:crypto';
import { Seal, type Sealer } from '../format/seal.js';
import { writeU64 } from '../format/struct.js';
import { aesGcm } from './aes-gcm.js';

/** What a chain of transforms knows it by. */
export const aesGcmId = 4;

export const keyBytes = 32;
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
    const gcm = aesGcm();
    return {
      seal: (kind, bound, plain, into, seal) => {
        this.used?.(salt, kind, counter);
        seal.set(salt, 0);
        writeU64(new DataView(seal.buffer, seal.byteOffset), counterAt, counter++);
        gcm.encrypt(this.#session(seal), nonce(kind, seal), bound, plain, into, tagOf(seal));
      },
      open: (kind, bound, stored, into, seal) =>
        gcm.decrypt(this.#session(seal), nonce(kind, seal), bound, stored, into, tagOf(seal)),
    };
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

const tagOf = (seal: Uint8Array): Uint8Array => seal.subarray(tagAt, Seal.size);

const iv = new Uint8Array(12);
const ivView = new DataView(iv.buffer);

/** Kind, then count. It is used at once. */
function nonce(kind: number, seal: Uint8Array): Uint8Array {
  ivView.setUint32(0, kind, true);
  iv.set(seal.subarray(counterAt, tagAt), 4);
  return iv;
}
