/**
 * Feature bits, as in ext4: a reader ignores unknown `compatible` bits, mounts read-only with unknown
 * `readOnlyCompatible` bits, and refuses unknown `incompatible` ones.
 */
export const compatibleFeatures = {} as const satisfies Record<string, number>;
export const readOnlyCompatibleFeatures = {} as const satisfies Record<string, number>;
export const incompatibleFeatures = {
  /** Some pages are stored transformed: `transforms` in the superblock names the chains. */
  transforms: 1,
  /** All that carries names or contents is encrypted; `keySlots` in the superblock wraps the key. */
  encryption: 2,
} as const satisfies Record<string, number>;

/** Whether the bits of a superblock say that the volume is encrypted. */
export const isEncrypted = ({ incompatible }: { readonly incompatible: number }): boolean =>
  Math.floor(incompatible / incompatibleFeatures.encryption) % 2 === 1;

const union = (bits: Record<string, number>): number => Object.values(bits).reduce((sum, bit) => sum + bit, 0);

/** Bits set in `found` that this program does not know, as a number; 0 if it knows all. Arithmetic, as bits may lie above 2^32. */
export function unknownBits(found: number, known: Record<string, number>): number {
  const all = union(known);
  let unknown = 0;
  for (let bit = 1, rest = found; rest >= 1; bit *= 2, rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1 && Math.floor(all / bit) % 2 === 0) unknown += bit;
  }
  return unknown;
}
