/**
 * Records of the on-disk format, declared once: from a declaration come the type, the size, the offsets, the
 * reader, the writer and the table in docs/FORMAT.md. All numbers are little-endian and packed without padding.
 *
 * Reading and writing a whole record allocates an object and suits headers; code that walks an array of
 * records in a page uses `offsetOf` with a DataView, field by field.
 */

export interface Field<T> {
  readonly type: string;
  readonly size: number;
  readonly doc: string;
  get(view: DataView, at: number): T;
  set(view: DataView, at: number, value: T): void;
}

const field =
  <T>(
    type: string,
    size: number,
    get: (view: DataView, at: number) => T,
    set: (view: DataView, at: number, value: T) => void,
  ) =>
  (doc: string): Field<T> => ({ type, size, doc, get, set });

export const u8 = field(
  'u8',
  1,
  (v, at) => v.getUint8(at),
  (v, at, n: number) => v.setUint8(at, n),
);
export const u16 = field(
  'u16',
  2,
  (v, at) => v.getUint16(at, true),
  (v, at, n: number) => v.setUint16(at, n, true),
);
export const u32 = field(
  'u32',
  4,
  (v, at) => v.getUint32(at, true),
  (v, at, n: number) => v.setUint32(at, n, true),
);

/** Read an unsigned 64-bit number; what does not fit into 53 bits comes out as 2^53, which no field may hold. */
export function readU64(view: DataView, at: number): number {
  const high = view.getUint32(at + 4, true);
  // As an integer, which V8 keeps in fewer ways than the sum.
  if (high === 0) return view.getUint32(at, true);
  return high < 0x200000 ? high * 0x100000000 + view.getUint32(at, true) : 2 ** 53;
}

export function writeU64(view: DataView, at: number, value: number): void {
  view.setUint32(at, value >>> 0, true);
  view.setUint32(at + 4, Math.floor(value / 0x100000000), true);
}

/** An unsigned 64-bit field whose values stay below 2^53. */
export const u64 = field('u64', 8, readU64, writeU64);

/** A signed 64-bit number of seconds, within 2^53. */
export const i64 = field(
  'i64',
  8,
  (v, at) => v.getInt32(at + 4, true) * 0x100000000 + v.getUint32(at, true),
  (v, at, n: number) => {
    v.setUint32(at, n >>> 0, true);
    v.setInt32(at + 4, Math.floor(n / 0x100000000), true);
  },
);

/** A fixed number of bytes, copied. */
export const bytes = (size: number) =>
  field(
    `bytes[${size}]`,
    size,
    (v, at) => new Uint8Array(v.buffer.slice(v.byteOffset + at, v.byteOffset + at + size)),
    (v, at, value: Uint8Array) => {
      const into = new Uint8Array(v.buffer, v.byteOffset + at, size);
      into.fill(0);
      into.set(value.subarray(0, size));
    },
  );

/** UTF-8 text in a fixed number of bytes, padded with zeros. */
export const text = (size: number) =>
  field(
    `text[${size}]`,
    size,
    (v, at) => {
      const raw = Buffer.from(v.buffer, v.byteOffset + at, size);
      const end = raw.indexOf(0);
      return raw.toString('utf8', 0, end < 0 ? size : end);
    },
    (v, at, value: string) => {
      const into = Buffer.from(v.buffer, v.byteOffset + at, size);
      into.fill(0);
      into.write(value, 0, size, 'utf8');
    },
  );

/** Another record in place. */
export const record = <T>(inner: Struct<T>) =>
  field(
    inner.name,
    inner.size,
    (v, at) => inner.read(v, at),
    (v, at, value: T) => inner.write(v, at, value),
  );

export interface Struct<T> {
  readonly name: string;
  readonly size: number;
  readonly fields: Readonly<Record<string, Field<unknown>>>;
  readonly offsetOf: Readonly<Record<keyof T, number>>;
  read(view: DataView, at?: number): T;
  write(view: DataView, at: number, value: T): void;
}

export type Of<S> = S extends Struct<infer T> ? T : never;

type ValueOf<F> = F extends Field<infer T> ? T : never;

/** All declared records by name, in order of declaration; docs/FORMAT.md is made from it. */
export const records = new Map<string, Struct<never>>();

/** Declare a record. `name` is unique in the format. */
export function struct<F extends Record<string, Field<unknown>>>(
  name: string,
  fields: F,
): Struct<{ -readonly [K in keyof F]: ValueOf<F[K]> }> {
  type T = { -readonly [K in keyof F]: ValueOf<F[K]> };
  if (records.has(name)) throw new Error(`record ${name} is declared twice`);
  const list = Object.entries(fields) as [keyof T, Field<T[keyof T]>][];
  const offsetOf = {} as Record<keyof T, number>;
  let size = 0;
  for (const [key, f] of list) {
    offsetOf[key] = size;
    size += f.size;
  }
  // An object that gets its members one by one is a hash table to V8 from the thirteenth on. JSON.parse makes one with
  // the shape that a literal in the code has.
  const zeros = JSON.stringify(Object.fromEntries(list.map(([key]) => [key, 0])));
  const made: Struct<T> = {
    name,
    size,
    fields: fields as unknown as Record<string, Field<unknown>>,
    offsetOf,
    read(view, at = 0) {
      const value = JSON.parse(zeros) as T;
      for (const [key, f] of list) value[key] = f.get(view, at + offsetOf[key]);
      return value;
    },
    write(view, at, value) {
      for (const [key, f] of list) f.set(view, at + offsetOf[key], value[key]);
    },
  };
  records.set(name, made as unknown as Struct<never>);
  return made;
}
