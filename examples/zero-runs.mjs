// A transform for Varve in few lines: zeros, which sparse tables are full of, are stored as their number.
//
//     varve transform check examples/zero-runs.mjs
//     mkfs.varve --transform examples/zero-runs.mjs --compress zero-runs -s 1G disk.img
//     mount.varve --transform examples/zero-runs.mjs disk.img /mnt/v
//
// Stored: number of zeros (u16), of others (u16), the others; again and again. The rules are in fs/transform/transform.ts.
export default {
  id: 256,
  name: 'zero-runs',
  encode(plain, target) {
    const view = new DataView(target.buffer, target.byteOffset, target.length);
    let to = 0;
    for (let at = 0; at < plain.length; ) {
      const start = at;
      while (at < plain.length && at - start < 65535 && plain[at] === 0) at++;
      const others = at;
      while (at < plain.length && at - others < 65535 && (plain[at] !== 0 || plain[at + 1] !== 0)) at++;
      if (to + 4 + at - others > target.length) return -1;
      view.setUint16(to, others - start);
      view.setUint16(to + 2, at - others);
      target.set(plain.subarray(others, at), to + 4);
      to += 4 + at - others;
    }
    return to;
  },
  decode(stored, target) {
    const view = new DataView(stored.buffer, stored.byteOffset, stored.length);
    let to = 0;
    for (let at = 0; at < stored.length; ) {
      const [start, end] = [at + 4, at + 4 + view.getUint16(at + 2)];
      if (end > stored.length) throw new Error('cut off');
      target.fill(0, to, to + view.getUint16(at)).set(stored.subarray(start, end), to + view.getUint16(at));
      to += view.getUint16(at) + end - start;
      at = end;
    }
    if (to !== target.length) throw new Error(`${to} bytes`);
  },
};
