/**
 * Brings single pages of a file into memory, because a part of them is about to change or to become zeros. Serves
 * write, truncate and fallocate, which suspend until the page is there and then begin again.
 *
 * A loaded page is clean: it may go again, and its bytes beyond the end of the file are zeros.
 */
import { checksum } from '../../format/checksum.js';
import { itemKind } from '../../format/item.js';
import { Suspend } from '../../suspend.js';
import { type Address, type PageNumber, pageSize } from '../../units.js';
import type { Context } from './context.js';
import { corrupt } from './damage.js';
import { ExtentCursor } from './extent-map.js';
import { extentPageChecksum } from './extent-value.js';
import type { Inode } from './inode.js';
import { pageOfUnit, UnitRead } from './unit-read.js';

/**
 * Make sure that the page is in memory, if it has contents. False: it is a hole, or reserved, and reads as zeros.
 * Throws Suspend while it is being read.
 */
export function loadPage(context: Context, inode: Inode, page: PageNumber): boolean {
  if (inode.pages !== undefined && inode.pages.frame(page) >= 0) return true;
  if (page === 0 && inode.mayBeInline && loadInline(context, inode)) return true;
  if (inode.record.pages === 0) return false;
  const cursor = new ExtentCursor(context.volume, inode.number);
  if (!cursor.find(page) || cursor.first > page || !cursor.holds(page)) return false;
  if (cursor.transform !== 0) {
    loadFromUnit(context, inode, page, cursor);
    return true;
  }
  const address = cursor.address + page - cursor.first;
  const sum = extentPageChecksum(cursor.value, page - cursor.first);

  context.writeback.demandFrames(1);
  const frame = context.frames.allocate(1);
  const into = context.frames.view(frame);
  const token = context.volume.where(address);
  let pending: Promise<void> | undefined;
  try {
    pending = context.volume.readPages(address, 1, into);
    if (pending === undefined) check(context, inode, page, address, sum, into);
  } catch (e) {
    context.frames.release(frame);
    throw e;
  }
  if (pending !== undefined) {
    throw new Suspend(loadLater(context, inode, page, { address, sum, token, frame, pending }), 'a page to change');
  }
  keep(context, inode, page, frame);
  return true;
}

/** The same for a page of a unit. */
function loadFromUnit(context: Context, inode: Inode, page: PageNumber, cursor: ExtentCursor): void {
  let plain = context.units.get(cursor.address);
  if (plain === undefined) {
    const unit = new UnitRead(context, inode.number, cursor);
    let pending: Promise<void> | undefined;
    try {
      pending = unit.issue(context);
      if (pending !== undefined) throw new Suspend(unitLater(context, inode, unit, pending), 'a unit to change');
      if (!unit.sound(context, inode, inode.mapVersion, true)) throw new Suspend(Promise.resolve(), 'a unit to change');
      plain = unit.decode(context);
    } finally {
      if (pending === undefined) unit.release();
    }
  }
  const from = pageOfUnit(plain, cursor, page);
  context.writeback.demandFrames(1);
  const frame = context.frames.allocate(1);
  context.frames.view(frame).set(from);
  keep(context, inode, page, frame);
}

async function unitLater(context: Context, inode: Inode, unit: UnitRead, pending: Promise<void>): Promise<void> {
  const { mapVersion } = inode;
  inode.busy++;
  try {
    await pending;
    if (context.volume.where(unit.address) !== unit.token || inode.mapVersion !== mapVersion || inode.gone) return;
    if (unit.sound(context, inode, mapVersion, true)) unit.decode(context);
  } finally {
    inode.busy--;
    unit.release();
  }
}

interface Load {
  readonly address: Address;
  readonly sum: number;
  readonly token: number;
  readonly frame: number;
  readonly pending: Promise<void>;
}

async function loadLater(context: Context, inode: Inode, page: PageNumber, load: Load): Promise<void> {
  const { mapVersion } = inode;
  const into = context.frames.view(load.frame);
  let kept = false;
  inode.busy++;
  try {
    await load.pending;
    const same = context.volume.where(load.address) === load.token && inode.mapVersion === mapVersion && !inode.gone;
    if (same && (inode.pages?.frame(page) ?? -1) < 0) {
      check(context, inode, page, load.address, load.sum, into);
      keep(context, inode, page, load.frame);
      kept = true;
    }
  } finally {
    inode.busy--;
    if (!kept) context.frames.release(load.frame);
  }
}

function check(
  context: Context,
  inode: Inode,
  page: PageNumber,
  address: Address,
  sum: number,
  bytes: Uint8Array,
): void {
  const found = checksum(bytes);
  if (found !== sum) throw corrupt(context, inode, page, address, sum, found);
}

function keep(context: Context, inode: Inode, page: PageNumber, frame: number): void {
  const end = inode.record.size - page * pageSize;
  if (end < pageSize) context.frames.view(frame).fill(0, Math.max(0, end));
  context.writeback.addClean(inode, page, frame);
}

/** False when no bytes are stored. */
function loadInline(context: Context, inode: Inode): boolean {
  const value = context.volume.get(inode.number, itemKind.inline, 0);
  if (value === undefined) return false;
  context.writeback.demandFrames(1);
  const frame = context.frames.allocate(1);
  const into = context.frames.view(frame);
  into.set(value);
  into.fill(0, value.length);
  keep(context, inode, 0, frame);
  return true;
}
