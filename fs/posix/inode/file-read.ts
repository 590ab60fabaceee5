/**
 * Reading file data. A read is planned first (what comes from memory, what is a hole, which runs of the log), and
 * only then are pages asked of the log, as planning may suspend and reads under way could not be called back.
 *
 * Whole pages go straight into the caller's buffer; the first and last page of an unaligned read go through a
 * scratch page. Pages of several extents that follow each other in the log are read as one run. Nothing is
 * allocated per page.
 *
 * Invariants
 * 1. Every page from the log is checked against the CRC32C in its extent before the read is answered.
 * 2. A mismatch is corruption only if the page lies where it lay and the file's extents are the same: otherwise it
 *    was moved or rewritten meanwhile, and the read begins again.
 */

import { checksum, followedByPage } from '../../format/checksum.js';
import { itemKind } from '../../format/item.js';
import { Pieces } from '../../store/pieces.js';
import { run, Suspend } from '../../suspend.js';
import { type Address, type ByteOffset, type PageNumber, pageSize } from '../../units.js';
import type { Context } from './context.js';
import { corrupt } from './damage.js';
import { ExtentCursor } from './extent-map.js';
import { extentPageChecksum } from './extent-value.js';
import type { Gatherer } from './gather.js';
import type { Inode } from './inode.js';
import { copyPart } from './page-part.js';
import { pageOfUnit, UnitRead } from './unit-read.js';

/** Runs of the log that a read needs. Plans are reused. */
class ReadPlan {
  runs = 0;
  pages = 0;
  mapVersion = 0;
  readonly address: Address[] = [];
  readonly count: number[] = [];
  /** Where in the caller's buffer the run begins; negative when only the end of a page is wanted. */
  readonly target: number[] = [];
  /** Whole pages, read into the caller's buffer; otherwise one page through a scratch page. */
  readonly direct: boolean[] = [];
  readonly page: PageNumber[] = [];
  readonly token: number[] = [];
  readonly buffer: Uint8Array[] = [];
  /** Units to read and decode. */
  readonly units: UnitRead[] = [];
  sums = new Uint32Array(320);

  /** `count` pages from `page` on, whose checksums begin with number `index` of those of the extent. */
  add(
    address: Address,
    page: PageNumber,
    target: number,
    count: number,
    whole: boolean,
    extent: Uint8Array,
    index: number,
  ): void {
    this.addSums(extent, index, count);
    const last = this.runs - 1;
    if (whole && last >= 0 && this.direct[last]) {
      const before = this.count[last];
      if (this.address[last] + before === address && this.target[last] + before * pageSize === target) {
        this.count[last] = before + count;
        return;
      }
    }
    this.address[this.runs] = address;
    this.count[this.runs] = count;
    this.target[this.runs] = target;
    this.direct[this.runs] = whole;
    this.page[this.runs] = page;
    this.runs++;
  }

  private addSums(extent: Uint8Array, index: number, count: number): void {
    if (this.pages + count > this.sums.length) {
      const larger = new Uint32Array(Math.max(this.sums.length * 2, this.pages + count));
      larger.set(this.sums);
      this.sums = larger;
    }
    for (let i = 0; i < count; i++) this.sums[this.pages++] = extentPageChecksum(extent, index + i);
  }
}

/** A read of so many pieces meets a fragmented file. */
const leastPieces = 4;

const idlePlans: ReadPlan[] = [];
const noBuffer = new Uint8Array(0);
/** The log is asked for them in the stretch in which they are noted. */
const pieces = new Pieces();

/**
 * Fill `into` with the file's bytes from `offset`; fewer only at the end of the file. Bytes of `into` past the count
 * returned may change. `again`: a mismatch was seen before, so the next one counts.
 */
export function readFile(
  context: Context,
  inode: Inode,
  offset: ByteOffset,
  into: Uint8Array,
  again = false,
): number | Promise<number> {
  const length = Math.min(into.length, inode.record.size - offset);
  if (length <= 0) return 0;
  if (inode.mayBeInline && readInline(context, inode, offset, into, length)) return length;
  const plan = idlePlans.pop() ?? new ReadPlan();
  let pending: Promise<unknown> | undefined;
  try {
    planRead(context, inode, offset, into, length, plan);
    if (plan.runs === 0 && plan.units.length === 0) return length;
    pending = issue(context, into, plan);
    if (pending === undefined) {
      verify(context, inode, into, length, plan, true);
      if (context.gatherer !== undefined) gather(context.gatherer, inode, offset, length, plan);
      return length;
    }
  } finally {
    if (pending === undefined) giveBack(plan);
  }
  return finish(context, inode, offset, into, length, plan, pending, again);
}

async function finish(
  context: Context,
  inode: Inode,
  offset: ByteOffset,
  into: Uint8Array,
  length: number,
  plan: ReadPlan,
  pending: Promise<unknown>,
  again: boolean,
): Promise<number> {
  inode.busy++;
  try {
    await pending;
    if (verify(context, inode, into, length, plan, again)) {
      if (context.gatherer !== undefined) gather(context.gatherer, inode, offset, length, plan);
      return length;
    }
  } finally {
    inode.busy--;
    giveBack(plan);
  }
  return run(() => readFile(context, context.inodes.get(inode.number, 'read'), offset, into, true));
}

/** What lies in pieces and was read is laid in one piece soon. */
function gather(gatherer: Gatherer, inode: Inode, offset: ByteOffset, length: number, plan: ReadPlan): void {
  if (plan.runs + plan.units.length > 1) gatherer.met(inode, offset, length);
}

function giveBack(plan: ReadPlan): void {
  // A list that was cut to nothing would get new memory from the next read.
  plan.buffer.fill(noBuffer, 0, plan.runs);
  plan.runs = 0;
  plan.pages = 0;
  for (const unit of plan.units) unit.release();
  plan.units.length = 0;
  idlePlans.push(plan);
}

/** False when the inline file has pages in memory, or none of its bytes are stored. */
function readInline(context: Context, inode: Inode, offset: ByteOffset, into: Uint8Array, length: number): boolean {
  if (inode.pages !== undefined) return false;
  const value = context.volume.get(inode.number, itemKind.inline, 0);
  if (value === undefined) return false;
  const part = value.subarray(offset, offset + length);
  into.set(part);
  into.fill(0, part.length, length);
  return true;
}

/** Copy what is in memory, zero what is a hole, and note in the plan what must come from the log. May throw Suspend. */
function planRead(
  context: Context,
  inode: Inode,
  offset: ByteOffset,
  into: Uint8Array,
  length: number,
  plan: ReadPlan,
): void {
  const { volume, frames } = context;
  const { pages } = inode;
  const first = Math.floor(offset / pageSize);
  const last = Math.floor((offset + length - 1) / pageSize);
  plan.mapVersion = inode.mapVersion;
  let cursor: ExtentCursor | undefined;
  // Extents before this page are passed; the cursor's extent is the next one, unless there is none.
  let more = true;
  for (let page = first; page <= last; page++) {
    const target = page * pageSize - offset;
    const frame = pages === undefined ? -1 : pages.frame(page);
    if (frame >= 0) {
      copyPart(frames.view(frame), into, target, length);
      continue;
    }
    if (cursor === undefined) {
      cursor = new ExtentCursor(volume, inode.number);
      more = inode.record.pages > 0 && cursor.find(page);
    }
    while (more && cursor.end <= page) more = cursor.next();
    if (!more || cursor.first > page || !cursor.holds(page)) {
      into.fill(0, Math.max(0, target), Math.min(length, target + pageSize));
      continue;
    }
    const index = page - cursor.first;
    if (cursor.transform !== 0) {
      planUnit(context, inode, cursor, page, into, target, length, plan);
      continue;
    }
    const whole = target >= 0 && target + pageSize <= into.length;
    let count = 1;
    if (whole) {
      // Pages of the extent that follow, up to one that is in memory or goes beyond the buffer.
      const most = Math.min(cursor.end - page, Math.floor((into.length - target) / pageSize), last + 1 - page);
      if (pages === undefined) count = most;
      else while (count < most && pages.frame(page + count) < 0) count++;
    }
    plan.add(cursor.address + index, page, target, count, whole, cursor.value, index);
    page += count - 1;
  }
}

/** A page of a unit: out of the decoded unit, if that is in memory; else the unit must be read. */
function planUnit(
  context: Context,
  inode: Inode,
  cursor: ExtentCursor,
  page: PageNumber,
  into: Uint8Array,
  target: number,
  length: number,
  plan: ReadPlan,
): void {
  const plain = context.units.get(cursor.address);
  if (plain !== undefined) {
    copyPart(pageOfUnit(plain, cursor, page), into, target, length);
    return;
  }
  let unit = plan.units.at(-1);
  if (unit?.address !== cursor.address) {
    unit = new UnitRead(context, inode.number, cursor);
    plan.units.push(unit);
  }
  unit.want(page, target);
}

/** A view costs 190 bytes, and most reads are in one piece. */
const partOf = (into: Uint8Array, from: number, bytes: number): Uint8Array =>
  from === 0 && bytes === into.length ? into : into.subarray(from, from + bytes);

/** Ask the log for all runs and units. Undefined when all were answered in place. */
function issue(context: Context, into: Uint8Array, plan: ReadPlan): Promise<unknown> | undefined {
  if (plan.runs + plan.units.length >= leastPieces || plan.units.length > 1) return issueTogether(context, into, plan);
  let pending: Promise<void>[] | undefined;
  try {
    for (let i = 0; i < plan.runs; i++) {
      const bytes = plan.count[i] * pageSize;
      const target = plan.target[i];
      plan.buffer[i] = plan.direct[i] ? partOf(into, target, bytes) : new Uint8Array(bytes);
      plan.token[i] = context.volume.where(plan.address[i]);
      const waiting = context.volume.readPages(plan.address[i], plan.count[i], plan.buffer[i]);
      if (waiting !== undefined) {
        pending ??= [];
        pending.push(waiting);
      }
    }
    for (let i = 0; i < plan.units.length; i++) {
      const waiting = plan.units[i].issue(context, into);
      if (waiting !== undefined) {
        pending ??= [];
        pending.push(waiting);
      }
    }
  } catch (e) {
    if (pending === undefined) throw e;
    // Reads under way still write into the caller's buffer: the answer must wait for them.
    return Promise.allSettled(pending).then(async () => {
      if (!(e instanceof Suspend)) throw e;
      await e.until;
      plan.mapVersion = -1;
    });
  }
  return pending === undefined ? undefined : settleAll(pending);
}

/** The same for what lies in many pieces: in one call. May throw Suspend. */
function issueTogether(context: Context, into: Uint8Array, plan: ReadPlan): Promise<void> | undefined {
  const { volume } = context;
  try {
    for (let i = 0; i < plan.runs; i++) {
      const direct = plan.direct[i];
      const buffer = direct ? into : new Uint8Array(pageSize);
      plan.buffer[i] = buffer;
      plan.token[i] = volume.locate(plan.address[i], plan.count[i], buffer, direct ? plan.target[i] : 0, pieces);
    }
    for (let i = 0; i < plan.units.length; i++) plan.units[i].locate(context, into, pieces);
    return volume.readPieces(pieces);
  } finally {
    pieces.clear();
  }
}

/** Like Promise.all, but does not fail before all have settled. */
async function settleAll(pending: readonly Promise<void>[]): Promise<void> {
  if (pending.length > 1) await Promise.allSettled(pending);
  for (const one of pending) await one;
}

/** Check all runs; copies parts of pages to where they belong. False: read again. */
function verify(
  context: Context,
  inode: Inode,
  into: Uint8Array,
  length: number,
  plan: ReadPlan,
  again: boolean,
): boolean {
  if (plan.mapVersion < 0) return false;
  let sum = 0;
  for (let i = 0; i < plan.runs; ) {
    const first = i++;
    const target = plan.target[first];
    let pages = plan.count[first];
    let bytes = plan.buffer[first];
    if (plan.direct[first]) {
      // What follows in the file is checked along, wherever it lies.
      while (i < plan.runs && plan.direct[i] && plan.target[i] === target + pages * pageSize) pages += plan.count[i++];
      bytes = into.subarray(target, target + pages * pageSize);
    }
    if (checksum(bytes) !== runChecksum(plan, sum, pages)) {
      const bad = firstBad(plan, sum, bytes);
      let run = first;
      let at = bad.at;
      while (at >= plan.count[run]) at -= plan.count[run++];
      const moved = context.volume.where(plan.address[run]) !== plan.token[run];
      if (!again || moved || inode.mapVersion !== plan.mapVersion || inode.gone) return false;
      throw corrupt(context, inode, plan.page[run] + at, plan.address[run] + at, plan.sums[sum + bad.at], bad.found);
    }
    sum += pages;
    if (!plan.direct[first]) copyPart(bytes, into, target, length);
  }
  for (let i = 0; i < plan.units.length; i++) {
    const unit = plan.units[i];
    if (!unit.sound(context, inode, plan.mapVersion, again)) return false;
    unit.deliver(context, into, length);
  }
  return true;
}

/** What the pages `first` and so on of the plan have as one run. */
function runChecksum(plan: ReadPlan, first: number, pages: number): number {
  let sum = plan.sums[first];
  for (let i = 1; i < pages; i++) sum = followedByPage(sum, plan.sums[first + i]);
  return sum;
}

/** The first page in the buffer whose checksum is not the plan's. */
function firstBad(plan: ReadPlan, first: number, buffer: Uint8Array): { at: number; found: number } {
  const last = buffer.length / pageSize - 1;
  for (let at = 0; ; at++) {
    const found = checksum(buffer.subarray(at * pageSize, (at + 1) * pageSize));
    if (found !== plan.sums[first + at] || at === last) return { at, found };
  }
}
