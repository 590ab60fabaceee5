/** What a root holds that is kept: a snapshot, a branch, a stream. Taken of the model or of what was found; compared with what is found later. */
import type { Attributes } from '../../fs/posix/api.js';
import { compareContents, factsOf } from './compare.js';
import type { Contents } from './contents.js';
import type { Dump } from './dump.js';
import type { Model } from './model.js';
import { differences, type Facts } from './state.js';

export interface Holding {
  readonly facts: Facts;
  readonly files: ReadonlyMap<number, Contents>;
  /** Of each inode: when it and its contents changed. */
  readonly times: ReadonlyMap<number, string>;
  /** Address and checksum of the root's node, once that is known: with these, and each pointer below true, all is. */
  root?: string;
}

const timesOf = ({ mtime, ctime }: Pick<Attributes, 'mtime' | 'ctime'>): string =>
  `${mtime.seconds}.${mtime.nanos} ${ctime.seconds}.${ctime.nanos}`;

/** All of the model that has a name. */
export function holdingOfModel(model: Model): Holding {
  const files = new Map<number, Contents>();
  const times = new Map<number, string>();
  for (const node of model.nodes.values()) {
    if (node.links === 0) continue;
    if (node.contents) files.set(node.inode, node.contents);
    times.set(node.inode, timesOf(node));
  }
  return { facts: factsOf(model), files, times };
}

export function holdingOf({ facts, files, attributes }: Dump): Holding {
  const times = new Map([...attributes].map(([inode, found]) => [inode, timesOf(found)]));
  return { facts, files, times };
}

/** What is wrong, for people; nothing if all is as it was. */
export function compareHolding(what: string, expected: Holding, found: Dump): string[] {
  const list = differences(expected.facts, found.facts);
  for (const [inode, contents] of expected.files) {
    if (list.length > 10) break;
    const other = found.files.get(inode);
    if (other) list.push(...compareContents(inode, contents, other));
  }
  for (const [inode, attributes] of found.attributes) {
    if (list.length > 10) break;
    const [before, now] = [expected.times.get(inode), timesOf(attributes)];
    if (before !== now) list.push(`inode ${inode}: changed at ${before}, found ${now}`);
  }
  return list.map((line) => `${what}: ${line}`);
}
