/**
 * Damage to an image: bits and bytes anywhere, pages exchanged, zeroed and copied, the end cut off, and fields of its
 * metadata set to extremes under checksums that are right.
 */
import { below, chance, type Random } from '../../fs/store/random.js';
import type { SparseBytes } from '../../fs/store/sparse-bytes.js';
import { pageSize } from '../../fs/units.js';
import type { Anatomy, FieldAt, Part } from './anatomy.js';

/** What to damage. */
export interface Patient {
  readonly anatomy: Anatomy;
  /** Offsets of all pages that are not zeros. */
  readonly used: readonly number[];
}

export interface Damage {
  /** In words, for the report of a failure. */
  readonly what: string;
  readonly kind: 'bit' | 'bytes' | 'pages' | 'size' | 'fields';
  /** Of one bit: the metadata in which it lies, if any. */
  readonly part?: Part | undefined;
  /** Bytes that the image has afterwards, if that is what is wrong. */
  readonly size?: number;
}

const pick = <T>(list: readonly T[], random: Random): T => list[below(random, list.length)];

/** Bytes that hurt more often than others. */
const spiteful = [0, 1, 0x7f, 0x80, 0xfe, 0xff];

export function damage(image: SparseBytes, patient: Patient, random: Random): Damage {
  const dice = random();
  if (dice < 0.25) return flipInMetadata(image, patient, random);
  if (dice < 0.3) return flipAnywhere(image, patient, random);
  if (dice < 0.4) return scratch(image, patient, random);
  if (dice < 0.5) return disorder(image, patient, random);
  if (dice < 0.53) return resize(image, random);
  return misstate(image, patient, random);
}

function flipInMetadata(image: SparseBytes, { anatomy }: Patient, random: Random): Damage {
  // Any kind of metadata as often as another, but for the journal and the summaries, of which there are many.
  const what = pick([...new Set(anatomy.parts.map((part) => part.what))], random);
  const part = pick(
    anatomy.parts.filter((one) => one.what === what),
    random,
  );
  return { ...flip(image, part.offset + below(random, part.length), below(random, 8)), part };
}

function flipAnywhere(image: SparseBytes, { anatomy, used }: Patient, random: Random): Damage {
  const at = pick(used, random) + below(random, pageSize);
  const part = anatomy.parts.find(({ offset, length }) => at >= offset && at < offset + length);
  return { ...flip(image, at, below(random, 8)), part };
}

function flip(image: SparseBytes, at: number, bit: number): Damage {
  const byte = new Uint8Array(1);
  image.read(at, byte);
  byte[0] ^= 1 << bit;
  image.write(at, byte);
  return { kind: 'bit', what: `bit ${bit} of byte ${at}` };
}

function scratch(image: SparseBytes, { used }: Patient, random: Random): Damage {
  const places: string[] = [];
  for (let n = 1 + below(random, 3); n > 0; n--) {
    const bytes = new Uint8Array(1 + below(random, 16));
    const value = chance(random, 0.5) ? pick(spiteful, random) : undefined;
    for (let i = 0; i < bytes.length; i++) bytes[i] = value ?? below(random, 256);
    const at = pick(used, random) + below(random, pageSize - bytes.length);
    image.write(at, bytes);
    places.push(`${bytes.length} at ${at}`);
  }
  return { kind: 'bytes', what: `bytes: ${places.join(', ')}` };
}

function disorder(image: SparseBytes, { used }: Patient, random: Random): Damage {
  const [a, b] = [pick(used, random), pick(used, random)];
  const pages = [a, b].map((at) => {
    const page = new Uint8Array(pageSize);
    image.read(at, page);
    return page;
  });
  const how = pick(['zeroed', 'exchanged with', 'written over with'] as const, random);
  if (how === 'zeroed') image.write(a, new Uint8Array(pageSize));
  else image.write(a, pages[1]);
  if (how === 'exchanged with') image.write(b, pages[0]);
  return { kind: 'pages', what: `the page at ${a} ${how}${how === 'zeroed' ? '' : ` that at ${b}`}` };
}

function resize(image: SparseBytes, random: Random): Damage {
  const size = pick(
    [0, 1, 511, pageSize, below(random, image.size), pageSize * below(random, image.size / pageSize), image.size - 1],
    random,
  );
  return { kind: 'size', what: `cut to ${size} bytes`, size };
}

/** One to three fields, mostly one, with all checksums made right. */
function misstate(image: SparseBytes, { anatomy }: Patient, random: Random): Damage {
  const names = [...anatomy.fields.keys()];
  const told: string[] = [];
  for (let n = chance(random, 0.7) ? 1 : 2 + below(random, 2); n > 0; n--) {
    const name = pick(names, random);
    const list = anatomy.fields.get(name) ?? [];
    const field = pick(list, random);
    const value = extreme(image, field, list, random);
    image.write(field.at, value);
    // Its own checksum wrong is one way of many.
    if (!name.endsWith('.checksum') || field.size !== 4 || chance(random, 0.7)) field.part.seal(image);
    told.push(`${name} at ${field.at} (${field.part.what}) = 0x${Buffer.from(value).reverse().toString('hex')}`);
  }
  return { kind: 'fields', what: told.join(', ') };
}

/** A value for the field that is seldom tried: little-endian. */
function extreme(image: SparseBytes, field: FieldAt, alike: readonly FieldAt[], random: Random): Uint8Array {
  const value = new Uint8Array(field.size);
  image.read(field.at, value);
  switch (below(random, 8)) {
    case 0:
      return value.fill(0);
    case 1:
      return value.fill(0xff);
    case 2: {
      value.fill(0);
      value[below(random, value.length)] = 1 << below(random, 8);
      return value;
    }
    case 3: {
      // The largest number of so many bits.
      const bits = below(random, 8 * value.length);
      return value.map((_, i) => 2 ** Math.max(0, Math.min(8, bits - 8 * i)) - 1);
    }
    case 4: {
      // What another one of its kind says.
      image.read(pick(alike, random).at, value);
      return value;
    }
    case 5:
    case 6: {
      const by = chance(random, 0.5) ? 1 : 255;
      let carry = by;
      for (let i = 0; i < Math.min(8, value.length); i++) {
        carry += value[i];
        value[i] = carry & 255;
        carry = (carry >> 8) + (by === 255 ? 255 : 0);
      }
      return value;
    }
    default:
      return value.map(() => below(random, 256));
  }
}
