import { createSecretKey, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { opensslGcm } from '../../fs/host/openssl-gcm.js';
import { byNodeCrypto } from '../../fs/transform/aes-gcm.js';

const key = (fill: number) => createSecretKey(new Uint8Array(32).fill(fill));
const nonce = (count: number): Uint8Array => new Uint8Array(12).fill(count);
const bound = new Uint8Array([1, 2, 3]);

describe('messages', () => {
  const direct = opensslGcm();
  if (direct === undefined) throw new Error('this node does not export OpenSSL');
  const ways = { openssl: direct, 'node:crypto': byNodeCrypto };

  it('are the same by both ways, under keys that change, and open by the other', () => {
    const keys = [key(1), key(1), key(2), key(1)];
    for (const [i, bytes] of [0, 1, 4096, 70_000].entries()) {
      const plain = new Uint8Array(randomBytes(bytes));
      const results = Object.values(ways).map((gcm) => {
        const [into, tag] = [new Uint8Array(bytes), new Uint8Array(16)];
        gcm.encrypt(keys[i], nonce(i), i % 2 === 0 ? bound : new Uint8Array(0), plain, into, tag);
        return { into, tag };
      });
      const [{ into, tag }, other] = results;
      expect([Buffer.compare(into, other.into), Buffer.compare(tag, other.tag)]).toEqual([0, 0]);
      for (const gcm of Object.values(ways)) {
        const back = into.slice();
        expect(gcm.decrypt(keys[i], nonce(i), i % 2 === 0 ? bound : new Uint8Array(0), back, back, tag)).toBe(true);
        expect(Buffer.compare(back, plain)).toBe(0);
      }
    }
  });

  it.each(Object.entries(ways))('that are not what was encrypted become zeros (%s)', (_, gcm) => {
    const message = new Uint8Array(5000).fill(7);
    const tag = new Uint8Array(16);
    gcm.encrypt(key(1), nonce(1), bound, message, message, tag);
    const flipped = (bytes: Uint8Array, at: number) => bytes.map((byte, i) => (i === at ? byte ^ 1 : byte));
    const open = (k: number, n: number, ad: Uint8Array, stored: Uint8Array, t: Uint8Array) => {
      const into = stored.slice();
      return { authentic: gcm.decrypt(key(k), nonce(n), ad, into, into, t), into };
    };
    expect(open(1, 1, bound, message, tag).authentic).toBe(true);
    for (const wrong of [
      open(2, 1, bound, message, tag),
      open(1, 2, bound, message, tag),
      open(1, 1, flipped(bound, 2), message, tag),
      open(1, 1, bound, flipped(message, 4999), tag),
      open(1, 1, bound, message, flipped(tag, 15)),
    ]) {
      expect(wrong.authentic).toBe(false);
      expect(wrong.into.every((byte) => byte === 0)).toBe(true);
    }
    expect(open(1, 1, bound, message, tag).into.every((byte) => byte === 7)).toBe(true);
  });

  it('of which a part is too short never reach OpenSSL', () => {
    const gcm = ways.openssl;
    const [message, tag] = [new Uint8Array(100), new Uint8Array(16)];
    const short = createSecretKey(new Uint8Array(16));
    for (const call of [gcm.encrypt, gcm.decrypt]) {
      for (const wrong of [
        () => call(short, nonce(1), bound, message, message, tag),
        () => call(key(1), nonce(1).subarray(1), bound, message, message, tag),
        () => call(key(1), nonce(1), bound, message, message.subarray(1), tag),
        () => call(key(1), nonce(1), bound, message, message, tag.subarray(1)),
      ])
        expect(wrong).toThrow(RangeError);
    }
    const plain = message.slice();
    gcm.encrypt(key(1), nonce(1), bound, message, message, tag);
    expect(gcm.decrypt(key(1), nonce(1), bound, message, message, tag)).toBe(true);
    expect(message).toEqual(plain);
  });
});
