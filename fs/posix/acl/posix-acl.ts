/**
 * POSIX ACLs as Linux has them (POSIX 1003.1e draft 17, acl(5)): the bytes of `system.posix_acl_access` and
 * `system.posix_acl_default` (linux/posix_acl_xattr.h), and the arithmetic between an ACL and a mode.
 *
 * Invariants of an Acl
 * 1. Entries come in the order owner, named users, owning group, named groups, mask, others.
 * 2. There is one entry each for owner, owning group and others; one mask, if any user or group is named, and at most
 *    one otherwise.
 * 3. An ACL that says no more than a mode does is not stored: `isMinimal` tells.
 */
import { FsError } from '../../errors.js';

export const aclTag = { owner: 1, user: 2, group: 4, namedGroup: 8, mask: 16, others: 32 } as const;

/** What of a file's permissions a set of bits means; execution is search for a directory. */
export const permission = { read: 4, write: 2, execute: 1 } as const;

export interface AclEntry {
  /** One of `aclTag`. */
  readonly tag: number;
  /** `permission` bits, 0 to 7. */
  readonly permissions: number;
  /** uid or gid of a named entry; `noId` for others. */
  readonly id: number;
}

export type Acl = readonly AclEntry[];

/** The id of an entry that names nobody. */
export const noId = 0xffffffff;
const version = 2;
const headerBytes = 4;
const entryBytes = 8;

/** Throws EOPNOTSUPP for another version, EINVAL for bytes that are no ACL. */
export function decodeAcl(bytes: Uint8Array, operation: string, inode?: number): Acl {
  const wrong = (detail: string): FsError => new FsError('EINVAL', operation, inode, detail);
  if (bytes.length < headerBytes) throw wrong(`an ACL of ${bytes.length} bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (view.getUint32(0, true) !== version) throw new FsError('EOPNOTSUPP', operation, inode, 'version of an ACL');
  if ((bytes.length - headerBytes) % entryBytes !== 0) throw wrong(`an ACL of ${bytes.length} bytes`);
  const acl: AclEntry[] = [];
  for (let at = headerBytes; at < bytes.length; at += entryBytes) {
    const tag = view.getUint16(at, true);
    const named = tag === aclTag.user || tag === aclTag.namedGroup;
    acl.push({ tag, permissions: view.getUint16(at + 2, true), id: named ? view.getUint32(at + 4, true) : noId });
  }
  const problem = problemOf(acl);
  if (problem !== undefined) throw wrong(problem);
  return acl;
}

export function encodeAcl(acl: Acl): Uint8Array {
  const bytes = new Uint8Array(headerBytes + acl.length * entryBytes);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, version, true);
  for (const [i, { tag, permissions, id }] of acl.entries()) {
    const at = headerBytes + i * entryBytes;
    view.setUint16(at, tag, true);
    view.setUint16(at + 2, permissions, true);
    view.setUint32(at + 4, id, true);
  }
  return bytes;
}

/** Whether the bytes hold no entry at all: setting such an ACL removes it. */
export const isEmptyAcl = (bytes: Uint8Array): boolean =>
  bytes.length === 0 ||
  (bytes.length === headerBytes &&
    new DataView(bytes.buffer, bytes.byteOffset, headerBytes).getUint32(0, true) === version);

/** What is wrong with a list of entries; undefined when invariants 1 and 2 hold. */
function problemOf(acl: Acl): string | undefined {
  let before = 0;
  let named = false;
  for (const { tag, permissions, id } of acl) {
    if (permissions > 7) return `permissions ${permissions}`;
    const repeats = tag === aclTag.user || tag === aclTag.namedGroup;
    if (!Object.values<number>(aclTag).includes(tag) || tag < before || (tag === before && !repeats)) {
      return `entry ${tag} after ${before}`;
    }
    if (repeats && id === noId) return 'an entry names nobody';
    named ||= repeats;
    before = tag;
  }
  for (const needed of [aclTag.owner, aclTag.group, aclTag.others]) {
    if (entryOf(acl, needed) === undefined) return `no entry ${needed}`;
  }
  return named && entryOf(acl, aclTag.mask) === undefined ? 'no mask' : undefined;
}

export function entryOf(acl: Acl, tag: number): AclEntry | undefined {
  for (const entry of acl) if (entry.tag === tag) return entry;
  return undefined;
}

/** Says no more than the nine bits of a mode. */
export const isMinimal = (acl: Acl): boolean => acl.length === 3;

/** The nine bits under which the ACL is seen by who knows only modes: the group's are the mask, if there is one. */
export function modeOf(acl: Acl): number {
  const bits = (tag: number): number => entryOf(acl, tag)?.permissions ?? 0;
  const group = entryOf(acl, aclTag.mask) ?? entryOf(acl, aclTag.group);
  return (bits(aclTag.owner) << 6) | ((group?.permissions ?? 0) << 3) | bits(aclTag.others);
}

/** The ACL after chmod: the group's bits go to the mask, if there is one. */
export const withMode = (acl: Acl, mode: number): Acl => mapModeBits(acl, mode, (_, bits) => bits);

/** Of a default ACL: the access ACL and the nine mode bits of a new entry that was asked for with `mode`. */
export function inherited(acl: Acl, mode: number): { readonly acl: Acl; readonly mode: number } {
  const access = mapModeBits(acl, mode, (permissions, bits) => permissions & bits);
  return { acl: access, mode: modeOf(access) };
}

/** Another ACL in which those entries that the mode shows are changed. */
function mapModeBits(acl: Acl, mode: number, change: (permissions: number, bits: number) => number): Acl {
  const groupTag = entryOf(acl, aclTag.mask) === undefined ? aclTag.group : aclTag.mask;
  return acl.map((entry) => {
    const shift = entry.tag === aclTag.owner ? 6 : entry.tag === groupTag ? 3 : entry.tag === aclTag.others ? 0 : -1;
    return shift < 0 ? entry : { ...entry, permissions: change(entry.permissions, (mode >> shift) & 7) };
  });
}
