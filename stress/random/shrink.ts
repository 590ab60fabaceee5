/**
 * Makes a failing list shorter: parts are left out as long as what is left still fails (delta debugging: Zeller and
 * Hildebrandt, "Simplifying and isolating failure-inducing input", IEEE TSE 28 (2), 2002). What is left may fail in
 * another way than the whole.
 */

/** The shortest list found with at most `tries` calls of `fails`; `list` itself must fail. Keeps the order. */
export async function shrink<T>(
  list: readonly T[],
  fails: (part: readonly T[]) => Promise<boolean>,
  tries: number,
): Promise<readonly T[]> {
  let left = list;
  let used = 0;
  for (let size = Math.ceil(left.length / 2); size >= 1 && used < tries; ) {
    let shorter = false;
    for (let at = 0; at < left.length && left.length > 1 && used < tries; ) {
      const part = [...left.slice(0, at), ...left.slice(at + size)];
      used++;
      if (part.length > 0 && (await fails(part))) {
        left = part;
        shorter = true;
      } else at += size;
    }
    if (size === 1 && !shorter) break;
    size = Math.max(1, Math.min(Math.floor(size / 2), left.length));
  }
  return left;
}
