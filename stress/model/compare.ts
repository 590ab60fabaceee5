/**
 * Compares what the model and the system under test answered, and whole trees.
 */
import type { Attributes, FileSystemApi, Time } from '../../fs/posix/api.js';
import { run } from '../../fs/suspend.js';
import { pageSize } from '../../fs/units.js';
import type { Contents } from './contents.js';
import { type Dump, dump, readContents } from './dump.js';
import type { Model } from './model.js';
import { factOf, fileType, isDirectory } from './nodes.js';
import { differences, entryKey, type Facts, inodeKey, xattrFact, xattrKey } from './state.js';

const timeText = (time: Time): string => `${time.seconds}.${String(time.nanos).padStart(9, '0')}`;

/** Differences between attributes. Sizes of directories, blocks, flags and generations are the system's own affair. */
export function compareAttributes(expected: Attributes, found: Attributes): string[] {
  const list: string[] = [];
  const directory = (expected.mode & fileType.mask) === fileType.directory;
  for (const field of ['inode', 'mode', 'links', 'uid', 'gid', 'device', 'size'] as const) {
    if (field === 'size' && directory) continue;
    if (expected[field] !== found[field]) list.push(`${field}: expected ${expected[field]}, found ${found[field]}`);
  }
  for (const field of ['mtime', 'ctime', 'btime'] as const) {
    const [a, b] = [timeText(expected[field]), timeText(found[field])];
    if (a !== b) list.push(`${field}: expected ${a}, found ${b}`);
  }
  return list.map((line) => `inode ${expected.inode}: ${line}`);
}

export function compareBytes(what: string, expected: Uint8Array, found: Uint8Array): string[] {
  if (expected.length !== found.length) return [`${what}: expected ${expected.length} bytes, found ${found.length}`];
  if (Buffer.compare(expected, found) === 0) return [];
  const at = expected.findIndex((byte, i) => byte !== found[i]);
  const part = (bytes: Uint8Array): string => Buffer.from(bytes.subarray(at, at + 12)).toString('hex');
  return [`${what}: differs at byte ${at}: expected ${part(expected)}, found ${part(found)}`];
}

export function compareContents(inode: number, expected: Contents, found: Contents): string[] {
  if (expected.size !== found.size) return [`inode ${inode}: size: expected ${expected.size}, found ${found.size}`];
  const pages = new Set([...expected.written(), ...found.written()]);
  for (const page of pages) {
    const list = compareBytes(`inode ${inode}, page ${page}`, expected.page(page), found.page(page));
    if (list.length > 0 && page * pageSize < expected.size) return list;
  }
  return [];
}

/** Each byte must be as in `before` or as in `after`; the first few pages that differ. */
export function compareEither(inode: number, before: Contents, after: Contents, found: Contents): string[] {
  const problems = [...found.written(), ...after.written(), ...before.written()].flatMap((page) => {
    const bytes = found.page(page);
    const [a, b] = [before.page(page), after.page(page)];
    return bytes.every((byte, i) => byte === a[i] || byte === b[i])
      ? []
      : compareBytes(`inode ${inode}, page ${page}`, a, bytes);
  });
  return problems.slice(0, 5);
}

/** Facts of the model about all that has a name. */
export function factsOf(model: Model): Facts {
  const facts: Facts = new Map();
  for (const node of model.nodes.values()) {
    if (node.links === 0) continue;
    facts.set(inodeKey(node.inode), factOf(node));
    for (const [name, inode] of node.entries ?? []) facts.set(entryKey(node.inode, name), String(inode));
    for (const [name, value] of node.xattrs) facts.set(xattrKey(node.inode, name), xattrFact(value));
  }
  return facts;
}

/** Everything: names, attributes, contents, also of files that are held without a name. */
export async function compareTrees(model: Model, api: FileSystemApi): Promise<string[]> {
  const found = await dump(api);
  const list = differences(factsOf(model), found.facts);
  if (list.length > 0) return list;
  for (const node of model.nodes.values()) {
    if (node.links === 0) list.push(...(await compareHeld(model, api, node.inode)));
    else list.push(...compareNode(model, node.inode, found));
    if (list.length > 10) break;
  }
  return list;
}

function compareNode(model: Model, inode: number, found: Dump): string[] {
  const node = model.node(inode);
  const attributes = found.attributes.get(inode);
  if (!attributes) return [`inode ${inode} was not found`];
  const list = compareAttributes(model.getattr(inode), attributes);
  const contents = found.files.get(inode);
  if (node.contents && contents) list.push(...compareContents(inode, node.contents, contents));
  return list;
}

async function compareHeld(model: Model, api: FileSystemApi, inode: number): Promise<string[]> {
  const node = model.node(inode);
  const attributes = await run(() => api.getattr(inode));
  const list = compareAttributes(model.getattr(inode), attributes);
  if (isDirectory(node) || !node.contents || list.length > 0) return list;
  return compareContents(inode, node.contents, await readContents(api, inode, attributes.size));
}
