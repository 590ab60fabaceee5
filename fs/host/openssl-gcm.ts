/**
 * AES-256-GCM by the OpenSSL that the node binary exports, called as it is. Serves sealing (transform/aes-gcm.ts).
 *
 * node:crypto makes three objects and new memory for the result of each message; here one context serves all that follow each
 * other under a key, and the result goes where the caller wants it. A message of 4 KiB takes 2.6 us instead of 8.3, one of
 * 32 KiB 12.9 instead of 26.2 (Node 20, 2026).
 *
 * Invariants
 * 1. A context has the key that was used last, and nothing of a message: each begins with its own nonce.
 * 2. What does not verify is zeros when the caller hears of it.
 * 3. OpenSSL hears of no buffer that is shorter than what it reads or writes there.
 */
import type { KeyObject } from 'node:crypto';
import koffi from 'koffi';

/** Messages under a key. `into` has the length of what is given, and may be the same memory. */
export interface Gcm {
  /** `nonce`: 12 bytes, which never come twice under the key. The tag's 16 bytes go into `tag`. */
  encrypt(
    key: KeyObject,
    nonce: Uint8Array,
    bound: Uint8Array,
    plain: Uint8Array,
    into: Uint8Array,
    tag: Uint8Array,
  ): void;
  /** False, and zeros in `into`, when the bytes are not what was encrypted or bound. */
  decrypt(
    key: KeyObject,
    nonce: Uint8Array,
    bound: Uint8Array,
    stored: Uint8Array,
    into: Uint8Array,
    tag: Uint8Array,
  ): boolean;
}

const keyBytes = 32;
const nonceBytes = 12;
const tagBytes = 16;
const getTag = 0x10;
const setTag = 0x11;

type Pointer = Uint8Array | Int32Array | null;

interface Functions {
  readonly aes256Gcm: unknown;
  init(context: unknown, cipher: unknown, engine: null, key: Pointer, nonce: Pointer, encrypts: number): number;
  update(context: unknown, into: Pointer, length: Pointer, from: Pointer, bytes: number): number;
  final(context: unknown, into: Pointer, length: Pointer): number;
  control(context: unknown, what: number, bytes: number, value: Pointer): number;
  newContext(): unknown;
}

function functions(): Functions {
  const node = koffi.load(null);
  return {
    aes256Gcm: (node.func('void *EVP_aes_256_gcm()') as () => unknown)(),
    init: node.func('int EVP_CipherInit_ex(void *c, void *cipher, void *engine, void *key, void *iv, int enc)'),
    update: node.func('int EVP_CipherUpdate(void *c, void *out, void *length, void *in, int bytes)'),
    final: node.func('int EVP_CipherFinal_ex(void *c, void *out, void *length)'),
    control: node.func('int EVP_CIPHER_CTX_ctrl(void *c, int what, int bytes, void *value)'),
    newContext: node.func('void *EVP_CIPHER_CTX_new()'),
  };
}

/** One for each direction, for the life of the process. */
class Context {
  private readonly context: unknown;
  private key: KeyObject | undefined;
  private readonly length = new Int32Array(1);
  private readonly rest = new Uint8Array(tagBytes);

  constructor(
    private readonly openssl: Functions,
    private readonly encrypts: number,
  ) {
    this.context = openssl.newContext();
    must(this.context === null ? 0 : 1);
    must(openssl.init(this.context, openssl.aes256Gcm, null, null, null, encrypts));
  }

  begin(key: KeyObject, nonce: Uint8Array, bound: Uint8Array): void {
    const { openssl, context, encrypts } = this;
    mustHave('nonce', nonce.length, nonceBytes);
    if (key === this.key) must(openssl.init(context, null, null, null, nonce, encrypts));
    else this.change(key, nonce);
    if (bound.length > 0) must(openssl.update(context, null, this.length, bound, bound.length));
  }

  private change(key: KeyObject, nonce: Uint8Array): void {
    mustHave('key', key.symmetricKeySize, keyBytes);
    this.key = undefined;
    const raw = key.export();
    const done = this.openssl.init(this.context, null, null, raw, nonce, this.encrypts);
    raw.fill(0);
    must(done);
    this.key = key;
  }

  update(from: Uint8Array, into: Uint8Array): void {
    if (into.length !== from.length) throw new RangeError(`${from.length} bytes do not go into ${into.length}`);
    if (from.length > 0) must(this.openssl.update(this.context, into, this.length, from, from.length));
  }

  /** Whether it verifies, of a context that decrypts. */
  final(): boolean {
    return this.openssl.final(this.context, this.rest, this.length) === 1;
  }

  tag(what: number, tag: Uint8Array): void {
    mustHave('tag', tag.length, tagBytes);
    must(this.openssl.control(this.context, what, tagBytes, tag));
  }
}

function must(done: number): void {
  if (done !== 1) throw new Error('AES-256-GCM: OpenSSL refuses what it has always done');
}

function mustHave(what: string, bytes: number | undefined, wanted: number): void {
  if (bytes !== wanted) throw new RangeError(`a ${what} has ${wanted} bytes, not ${bytes}`);
}

/** Undefined where node does not export OpenSSL's functions, or these have no AES-256-GCM. */
export function opensslGcm(): Gcm | undefined {
  let [encrypting, decrypting]: Context[] = [];
  try {
    const found = functions();
    encrypting = new Context(found, 1);
    decrypting = new Context(found, 0);
  } catch {
    // Koffi says so for a symbol that is missing, as in a node that was built otherwise; or OpenSSL has no such cipher.
    return undefined;
  }
  return {
    encrypt(key, nonce, bound, plain, into, tag) {
      encrypting.begin(key, nonce, bound);
      encrypting.update(plain, into);
      must(encrypting.final() ? 1 : 0);
      encrypting.tag(getTag, tag);
    },
    decrypt(key, nonce, bound, stored, into, tag) {
      decrypting.begin(key, nonce, bound);
      decrypting.tag(setTag, tag);
      decrypting.update(stored, into);
      const authentic = decrypting.final();
      if (!authentic) into.fill(0);
      return authentic;
    },
  };
}
