/**
 * Messages of AES-256-GCM (NIST SP 800-38D): by OpenSSL as node exports it, and where it does not, by node:crypto, which gives the
 * same bytes in twice the time.
 */
import { createCipheriv, createDecipheriv } from 'node:crypto';
import { type Gcm, opensslGcm } from '../host/openssl-gcm.js';

export const aesGcmName = 'aes-256-gcm';
const options = { authTagLength: 16 };

export const byNodeCrypto: Gcm = {
  encrypt(key, nonce, bound, plain, into, tag) {
    const cipher = createCipheriv(aesGcmName, key, nonce, options);
    cipher.setAAD(bound);
    into.set(cipher.update(plain));
    cipher.final();
    tag.set(cipher.getAuthTag());
  },
  decrypt(key, nonce, bound, stored, into, tag) {
    const cipher = createDecipheriv(aesGcmName, key, nonce, options);
    cipher.setAAD(bound);
    cipher.setAuthTag(tag);
    const plain = cipher.update(stored);
    try {
      cipher.final();
    } catch {
      // The one way in which it says so. What was decrypted is nobody's.
      plain.fill(0);
      into.fill(0);
      return false;
    }
    into.set(plain);
    plain.fill(0);
    return true;
  },
};

let chosen: Gcm | undefined;

/** The one of this process: made when a volume is encrypted, as most are not. */
export function aesGcm(): Gcm {
  chosen ??= opensslGcm() ?? byNodeCrypto;
  return chosen;
}
