/**
 * What a transform is: bytes in, bytes out. Serves the chains (chain.ts), which are what a volume names.
 *
 * Invariants, which `varve transform check` tries on any module:
 * 1. Synchronous and pure: the result depends on the arguments alone, and no argument but the target is changed.
 * 2. A unit has 1 to 131,072 bytes. What `encode` makes of one, `decode` turns back into the same bytes.
 * 3. Neither writes outside the target it is given, whatever the input; neither needs memory that the input decides.
 * 4. `decode` fills the target, whose length is the exact plain length, or throws: hostile bytes never crash it.
 */

/** Most bytes of a unit before it is transformed. */
export const maxUnitBytes = 128 * 1024;

/** A way to compress, as modules export it. */
export interface Transform {
  /** What pointers and superblocks know it by: 1 to 255 built in, 256 to 65,535 for external modules. */
  readonly id: number;
  /** What people call it: lower-case letters, digits and dashes, at most 16. */
  readonly name: string;
  /** Lowest and highest level and the one that is meant unless told; absent: there are none. */
  readonly levels?: { readonly least: number; readonly most: number; readonly usual: number };

  /**
   * Transform `plain` into `target`. Returns how many bytes that takes, from the target's start, or -1 when it does
   * not fit. `level` is in the range of `levels`; 0 where there is none.
   */
  encode(plain: Uint8Array, target: Uint8Array, level: number): number;

  /** Fill `target` with what became `stored`. Throws if those bytes are not of this length or nothing's result. */
  decode(stored: Uint8Array, target: Uint8Array): void;
}
