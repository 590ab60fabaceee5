/**
 * What a file holds follows from seed, path and version alone, so that a reader knows each byte without having kept
 * any. The bytes look random (no compression helps), and a page of another file, place or version never passes for
 * the right one but by chance.
 */

/** What decides the bytes: made by `keyOf`. */
export type ContentKey = number;

/** The key of a version of a file (FNV-1a over the path, mixed with the rest). */
export function keyOf(seed: number, path: string, version: number): ContentKey {
  let hash = 0x811c9dc5;
  for (let i = 0; i < path.length; i++) hash = Math.imul(hash ^ path.charCodeAt(i), 0x01000193);
  return mix(mix(mix(hash) ^ seed) ^ version);
}

/** The finalizer of MurmurHash3. */
function mix(word: number): number {
  let x = word;
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return x ^ (x >>> 16);
}

/** The bytes [offset, offset + length) of a file under that key. */
export function contents(key: ContentKey, offset: number, length: number): Uint8Array {
  const first = Math.floor(offset / 4);
  const words = new Int32Array(Math.ceil((offset + length) / 4) - first);
  for (let i = 0; i < words.length; i++) words[i] = mix(Math.imul(first + i, 0x9e3779b1) ^ key);
  const skip = offset - first * 4;
  return new Uint8Array(words.buffer, skip, length);
}

/** Where `found` first differs from the bytes of the key from `offset`, as an offset in the file; -1 if nowhere. */
export function firstDifference(key: ContentKey, offset: number, found: Uint8Array): number {
  const wanted = contents(key, offset, found.length);
  if (Buffer.compare(wanted, found) === 0) return -1;
  return offset + found.findIndex((byte, i) => byte !== wanted[i]);
}
