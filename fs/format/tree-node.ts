import { openPart, Seal, type Sealer, sealedKind, sealPart } from './seal.js';
import { type Of, struct, u8, u16, u32, u64, writeU64 } from './struct.js';

export const nodeMagic = 0x646f6e56; // "Vnod"

/**
 * A node of a tree: header, slots in key order growing upwards, values growing downwards from the end. The
 * same bytes serve in memory. Leaves (level 0) hold items; inner nodes hold a pointer for each child, under the
 * child's lowest key (the first slot's key counts as lower than all).
 */
export const NodeHeader = struct('node-header', {
  magic: u32('0x646f6e56'),
  count: u16('slots in use'),
  level: u8('0 for a leaf'),
  tree: u8('0 file tree, 1 system tree'),
  heap: u16('offset of the lowest value'),
  garbage: u16('bytes in the heap that no slot refers to'),
  root: u32('id of the root (branch) that wrote it'),
  birth: u64('generation that wrote it'),
  brand: u64('that of the superblock'),
});
export type NodeHeader = Of<typeof NodeHeader>;

/** A slot: the key as four words, compared from the first to the last, and where its value lies. */
export const NodeSlot = struct('node-slot', {
  inodeHigh: u32('inode number / 2^16'),
  inodeLowAndKind: u32('(inode number mod 2^16) x 2^16 + kind'),
  offsetHigh: u32('offset / 2^32'),
  offsetLow: u32('offset mod 2^32'),
  value: u16('offset of the value in the node'),
  length: u16('bytes of the value'),
});
export type NodeSlot = Of<typeof NodeSlot>;

const bound = new Uint8Array(8 + NodeHeader.size);
const boundView = new DataView(bound.buffer);

/** What is bound to slots and values: the address of the node, and its header. */
function boundTo(address: number, bytes: Uint8Array): Uint8Array {
  writeU64(boundView, 0, address);
  bound.set(bytes.subarray(0, NodeHeader.size), 8);
  return bound;
}

const part = ({ length }: Uint8Array) => [NodeHeader.size, length - Seal.size, length - Seal.size] as const;

/** Encrypt slots and values of a node's bytes; its checksum is made afterwards. */
export const sealNode = (sealer: Sealer, address: number, bytes: Uint8Array): void =>
  sealPart(sealer, sealedKind.node, boundTo(address, bytes), bytes, part(bytes));

/** Decrypt a node that has the right checksum. False: it is not what was sealed under that address. */
export const openNode = (sealer: Sealer, address: number, bytes: Uint8Array): boolean =>
  openPart(sealer, sealedKind.node, boundTo(address, bytes), bytes, part(bytes));
