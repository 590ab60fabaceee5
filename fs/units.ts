/**
 * The units of Varve. Pages and bytes never share a bare number: the brands cost nothing at run time.
 * All of them are integers below 2^53.
 */
declare const unit: unique symbol;
type Branded<Name extends string> = number & { readonly [unit]?: Name };

/** Bytes from the start of the image. */
export type ImageOffset = Branded<'ImageOffset'>;
/** Bytes from the start of a file. */
export type ByteOffset = Branded<'ByteOffset'>;
/** 4 KiB pages from the start of a file. */
export type PageNumber = Branded<'PageNumber'>;
/** Which of the volume's places for a segment, from 0. */
export type Place = Branded<'Place'>;
/** Which segment in the order of writing, from 1; never reused. */
export type Serial = Branded<'Serial'>;
/** A moment in the log: serial x pages per segment + page in the segment. */
export type Address = Branded<'Address'>;
/** Inode number, 1 (the root directory) to 2^48 - 1; never reused. */
export type InodeNumber = Branded<'InodeNumber'>;
/** The interval between two checkpoints, from 1. */
export type Generation = Branded<'Generation'>;

/**
 * 0, kept as V8 keeps fractions and what is large. A member that begins as a small integer and later is not one gives its
 * object another shape, and V8 throws away the code that knows the first: members that will be large or computed from floats
 * begin with this.
 */
export const wideZero = -0;

export const pageSize = 4096;
export const pageShift = 12;
/** Most pages in one extent, and in one unit of a transform: 128 KiB. */
export const extentPages = 32;
export const rootInode: InodeNumber = 1;
/** Inode numbers are below this. */
export const endOfInodes: InodeNumber = 2 ** 48;
/** Volume-wide items (orphans, quotas) live under this inode number, which no file has. */
export const volumeInode: InodeNumber = 0;
export const maxNameBytes = 255;
/** Largest file, in bytes: 8 TiB. */
export const maxFileSize: ByteOffset = 8 * 2 ** 40;
