import { type Of, struct, u8, u16, u32, u64 } from './struct.js';

export const indexPageMagic = 0x78646956; // "Vidx"
export const livePageMagic = 0x76696c56; // "Vliv"

/** Head of each page of the segment table, index and live map alike. */
export const TablePage = struct('table-page', {
  magic: u32('0x78646956 for an index page, 0x76696c56 for a live-map page'),
  checksum: u32('CRC32C of the page with this field zero'),
  index: u32('which page of its kind, from 0'),
  reserved: u32('must be 0'),
  generation: u64('generation that wrote it'),
  brand: u64('that of the superblock'),
});
export type TablePage = Of<typeof TablePage>;

/** What a place holds. */
export const placeState = {
  /** Nothing; reusable once the checkpoint after `generation` is durable. */
  free: 0,
  /** A segment that a head is filling. */
  open: 1,
  /** A full segment. */
  sealed: 2,
  /** Journal records. */
  journal: 3,
} as const;

/** Entry of an index page, one a place. */
export const IndexEntry = struct('index-entry', {
  serial: u64('serial of the segment that lies here'),
  generation: u64('generation of its last write; for a free place, in which it was freed'),
  live: u32('live pages'),
  state: u8('0 free, 1 open, 2 sealed, 3 journal'),
  head: u8('which head wrote it: 0 nodes, 1 data, 2 cold, 3 journal'),
  reserved: u16('must be 0'),
});
export type IndexEntry = Of<typeof IndexEntry>;
