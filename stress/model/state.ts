/**
 * The metadata of a tree as a set of facts, each a key and a value, so that two trees, or a tree and a moment in
 * the history of another, can be compared fact by fact:
 *
 *   i INODE          type and permissions, owner, group, links, device, target of a symbolic link
 *   d PARENT/NAME    inode number
 *   x INODE/NAME     value of an extended attribute
 *
 * Sizes, times and contents are not among them: a crash may take those back further than the names.
 */
import { createHash } from 'node:crypto';

export type Facts = Map<string, string>;
/** What an operation changed; undefined: the fact is gone. */
export type Changes = ReadonlyMap<string, string | undefined>;

export interface Described {
  readonly inode: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly links: number;
  readonly device: number;
}

/** Bytes as a string of the same length, which a Map can have as a key. */
export const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');
export const bytesOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'latin1'));

export const inodeKey = (inode: number): string => `i ${inode}`;
export const entryKey = (parent: number, name: string): string => `d ${parent}/${name}`;
export const xattrKey = (inode: number, name: string): string => `x ${inode}/${name}`;

export function inodeFact(node: Described, target: Uint8Array | undefined): string {
  const { mode, uid, gid, links, device } = node;
  return `mode ${mode.toString(8)} uid ${uid} gid ${gid} links ${links} device ${device}${target ? ` -> ${textOf(target)}` : ''}`;
}

export const xattrFact = (value: Uint8Array): string =>
  `${value.length} bytes ${createHash('sha1').update(value).digest('hex')}`;

export function applyChanges(facts: Facts, changes: Changes): void {
  for (const [key, value] of changes) {
    if (value === undefined) facts.delete(key);
    else facts.set(key, value);
  }
}

/** Up to `most` differences, for people. */
export function differences(expected: Facts, found: Facts, most = 10): string[] {
  const list: string[] = [];
  for (const [key, value] of expected) {
    const other = found.get(key);
    if (other !== value) list.push(`${key}: expected ${value}, found ${other ?? 'nothing'}`);
    if (list.length >= most) return list;
  }
  for (const [key, value] of found) {
    if (!expected.has(key)) list.push(`${key}: expected nothing, found ${value}`);
    if (list.length >= most) return list;
  }
  return list;
}
