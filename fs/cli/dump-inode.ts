/** `varve dump IMAGE inode N`: everything that the tree holds about one inode. */
import { FsError, VolumeError } from '../errors.js';
import { Dirent, ExtentHeader, InodeRecord, itemKind, Xattr } from '../format/item.js';
import { firstOffset, hash45, namesPerHash } from '../format/name-hash.js';
import { run } from '../suspend.js';
import { extentPages, type InodeNumber, rootInode } from '../units.js';
import type { VolumeState } from '../volume/state.js';
import { kindName } from './dump-journal.js';
import { pairs } from './output.js';
import { type RawImage, rawState } from './raw-image.js';

export interface DumpedInode {
  readonly inode: InodeNumber;
  readonly record: InodeRecord | undefined;
  readonly items: readonly DumpedItem[];
}

export interface DumpedItem {
  readonly kind: string;
  readonly offset: number;
  readonly bytes: number;
  readonly facts: Readonly<Record<string, string | number>>;
}

/** `which`: inode number, or path from the root. Throws VolumeError 'not-found' or 'usage'. */
export async function dumpInode(image: RawImage, which: string): Promise<DumpedInode> {
  const state = await rawState(image);
  const inode = which.startsWith('/') ? await resolve(state, which) : numberOf(which);
  let record: InodeRecord | undefined;
  const items: DumpedItem[] = [];
  for await (const { kind, offset, value } of itemsOf(state, inode)) {
    const view = new DataView(value.buffer, value.byteOffset, value.length);
    if (kind === itemKind.inode && value.length === InodeRecord.size) record = InodeRecord.read(view);
    else
      items.push({ kind: kindName(kind), offset, bytes: value.length, facts: await factsOf(state, kind, value, view) });
  }
  if (record === undefined && items.length === 0) throw new VolumeError('not-found', `there is no inode ${inode}`);
  return { inode, record, items };
}

function numberOf(text: string): InodeNumber {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new VolumeError('usage', `'${text}' is neither an inode number nor a path that begins with /`);
}

/** Items of an inode in key order, as copies. */
async function* itemsOf(
  state: VolumeState,
  inode: InodeNumber,
): AsyncIterable<{ kind: number; offset: number; value: Uint8Array }> {
  let kind = 0;
  let offset = 0;
  for (;;) {
    const found = await run(() => {
      const cursor = state.main.seek(inode, kind, offset);
      if (!cursor.valid || cursor.inode !== inode) return undefined;
      return { kind: cursor.kind, offset: cursor.offset, value: cursor.value.slice() };
    });
    if (found === undefined) return;
    yield found;
    kind = found.kind;
    offset = found.offset + 1;
  }
}

async function resolve(state: VolumeState, path: string): Promise<InodeNumber> {
  let inode: InodeNumber = rootInode;
  for (const part of path.split('/').filter((name) => name !== '')) {
    const name = Buffer.from(part);
    const next = await run(() => entryOf(state, inode, name));
    if (next === undefined) throw new VolumeError('not-found', `${path}: there is no '${part}' in directory ${inode}`);
    inode = next;
  }
  return inode;
}

function entryOf(state: VolumeState, directory: InodeNumber, name: Buffer): InodeNumber | undefined {
  const first = firstOffset(hash45(name, state.superblock.nameSeed));
  for (const cursor = state.main.seek(directory, itemKind.dirent, first); cursor.valid; cursor.next()) {
    if (cursor.inode !== directory || cursor.kind !== itemKind.dirent || cursor.offset >= first + namesPerHash)
      return undefined;
    const { value } = cursor;
    if (name.equals(value.subarray(Dirent.size))) {
      return Dirent.read(new DataView(value.buffer, value.byteOffset, value.length)).inode;
    }
  }
  return undefined;
}

async function factsOf(
  state: VolumeState,
  kind: number,
  value: Uint8Array,
  view: DataView,
): Promise<Readonly<Record<string, string | number>>> {
  if (kind === itemKind.dirent && value.length > Dirent.size) {
    const { inode, type } = Dirent.read(view);
    return { name: Buffer.from(value.subarray(Dirent.size)).toString('utf8'), inode, type };
  }
  if (kind === itemKind.extent && value.length >= ExtentHeader.size) {
    const { pointer } = ExtentHeader.read(view);
    const { address, pages, birth, transform } = pointer;
    if (address === 0) return { pages, reserved: 'yes' };
    return { pages, address, ...(await whereIs(state, address, pages)), birth, transform };
  }
  if (kind === itemKind.xattr && value.length >= Xattr.size) {
    const { nameBytes, valueBytes, pieces } = Xattr.read(view);
    const name = Buffer.from(value.subarray(Xattr.size, Xattr.size + nameBytes)).toString('utf8');
    return { name, valueBytes, pieces };
  }
  return {};
}

/** Where its first page lies; and where all of them, as `place:page+pages`, if the cleaner has parted them. */
async function whereIs(state: VolumeState, address: number, pages: number): Promise<Record<string, string | number>> {
  const { perSegment } = state.log;
  try {
    const runs: { at: number; pages: number }[] = [];
    for (let page = 0; page < Math.max(1, Math.min(pages, extentPages)); page++) {
      const at = await run(() => state.log.where(address + page));
      if (at < 0) return { place: 'nowhere' };
      const last = runs.at(-1);
      if (last !== undefined && last.at + last.pages === at) last.pages++;
      else runs.push({ at, pages: 1 });
    }
    const [{ at }] = runs;
    const first = { place: Math.floor(at / perSegment), page: at % perSegment };
    if (runs.length === 1) return first;
    const lies = runs.map((one) => `${Math.floor(one.at / perSegment)}:${one.at % perSegment}+${one.pages}`);
    return { ...first, lies: lies.join(' ') };
  } catch (e) {
    if (e instanceof FsError && e.code === 'EUCLEAN') return { place: 'unknown (the system tree is damaged)' };
    throw e;
  }
}

export function inodeText({ inode, record, items }: DumpedInode): string {
  const lines = [`inode ${inode}`];
  if (record === undefined) lines.push('no inode record');
  else lines.push(pairs(Object.entries(record).map(([name, value]) => [name, shown(name, value)])));
  for (const { kind, offset, bytes, facts } of items) {
    const list = Object.entries(facts).map(
      ([name, value]) => `${name} ${typeof value === 'string' ? JSON.stringify(value) : value}`,
    );
    lines.push(`${kind} ${offset}: ${list.length > 0 ? list.join(', ') : `${bytes} bytes`}`);
  }
  return lines.join('\n');
}

function shown(name: string, value: number): string {
  if (name === 'mode') return `0${value.toString(8)}`;
  return name.endsWith('Seconds') ? `${value} (${instant(value)})` : String(value);
}

/** A time that a damaged record may hold is not always a date. */
function instant(seconds: number): string {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? 'no date' : date.toISOString();
}
