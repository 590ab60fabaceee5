/**
 * Hash of a name: where a directory entry or an extended attribute sorts among its siblings. Part of the format:
 * the same name and seed must give the same number for ever (golden values in test/format/name-hash.test.ts).
 *
 * HalfSipHash-1-3 with 64 bits of output, of which 45 are kept. Keyed with a random seed of the volume, so that
 * nobody can prepare names that collide; made of 32-bit operations, which suit JavaScript: 0.1 us for a name of 16
 * bytes (Node 20, 2026).
 *
 * Items of colliding names are numbered: offset = hash x 256 + number. The hash stays below 2^45 - 1, so that
 * offset + 3 (the cookie of a directory entry, after those of `.` and `..`) is still below 2^53.
 */

/** Most names with the same hash in one directory. */
export const namesPerHash = 256;

const highest = 2 ** 45 - 2;

/** 0 to 2^45 - 2. `seed` is below 2^53. */
export function hash45(name: Uint8Array, seed: number): number {
  const k0 = seed | 0;
  const k1 = Math.floor(seed / 0x100000000) | 0;
  let v0 = k0;
  let v1 = k1 ^ 0xee;
  let v2 = 0x6c796765 ^ k0;
  let v3 = 0x74656462 ^ k1;
  let low = 0;

  const length = name.length;
  const words = length >> 2;
  // Rounds: one for each word and one for the tail with the length, then 3 for each half of the output.
  for (let round = 0; round < words + 7; round++) {
    let m = 0;
    if (round < words) {
      const at = round << 2;
      m = name[at] | (name[at + 1] << 8) | (name[at + 2] << 16) | (name[at + 3] << 24);
    } else if (round === words) {
      m = length << 24;
      for (let i = length & 3; i > 0; i--) m |= name[(words << 2) + i - 1] << ((i - 1) << 3);
    } else if (round === words + 1) {
      v2 ^= 0xee;
    } else if (round === words + 4) {
      low = v1 ^ v3;
      v1 ^= 0xdd;
    }
    v3 ^= m;
    v0 = (v0 + v1) | 0;
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
    v0 = (v0 << 16) | (v0 >>> 16);
    v2 = (v2 + v3) | 0;
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
    v0 = (v0 + v3) | 0;
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
    v2 = (v2 + v1) | 0;
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
    v2 = (v2 << 16) | (v2 >>> 16);
    v0 ^= m;
  }
  const hash = ((v1 ^ v3) & 0x1fff) * 0x100000000 + (low >>> 0);
  return hash > highest ? highest : hash;
}

/** Offset of the first item that a name with this hash may have; the others follow it. */
export const firstOffset = (hash: number): number => hash * namesPerHash;
