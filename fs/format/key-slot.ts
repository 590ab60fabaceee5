import { bytes, type Of, struct, text, u8, u16, u32, u64 } from './struct.js';

export const keySlots = 8;
export const keySlotBytes = 192;

export const slotKind = { empty: 0, passphrase: 1, keyFile: 2 } as const;

/** One way to the key of an encrypted volume: the key, wrapped by AES-256-GCM under one made of a secret. */
export const KeySlot = struct('key-slot', {
  kind: u8('0 empty, 1 passphrase (scrypt), 2 key file (HKDF)'),
  costShift: u8('scrypt: log2 of N, 10 to 20'),
  blockSize: u16('scrypt: r, 1 to 32; 128 x r x N is at most 256 MiB, and p is 1'),
  reserved: u32('must be 0'),
  created: u64('seconds since 1970'),
  salt: bytes(32)('random; of scrypt or HKDF. No two wrappings have the same, so the nonce is zero'),
  name: text(64)('what people call it, UTF-8'),
  wrapped: bytes(32)('the key, encrypted; what precedes it and the UUID of the volume are authenticated'),
  tag: bytes(16)('authentication tag'),
});
export type KeySlot = Of<typeof KeySlot>;
