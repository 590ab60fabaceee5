/** Pages of files, on their way into the log: plain ones, which go where there is room, and units, which lie in one piece. */
import { runKind } from '../format/segment-summary.js';
import type { Log } from '../log/log.js';
import { type Address, type InodeNumber, type PageNumber, pageSize } from '../units.js';
import type { PageRun } from './api.js';

/** Append whole pages of a file to the data head, however many segments that takes; `done` when all are written. */
export function appendData(
  log: Log,
  inode: InodeNumber,
  firstPage: PageNumber,
  buffers: readonly Uint8Array[],
  done: () => void,
): PageRun[] {
  const { data } = log;
  const runs: PageRun[] = [];
  let open = 1;
  const landed = () => {
    if (--open === 0) done();
  };
  let page = firstPage;
  for (const buffer of buffers) {
    for (let at = 0; at < buffer.length; ) {
      const rest = at === 0 ? buffer : buffer.subarray(at);
      open++;
      const count = data.append(rest, rest.length / pageSize, 1, { kind: 1, inode, offset: page }, landed);
      const last = runs[runs.length - 1];
      if (last !== undefined && last.address + last.pages === data.appended)
        runs[runs.length - 1] = { address: last.address, pages: last.pages + count };
      else runs.push({ address: data.appended, pages: count });
      at += count * pageSize;
      page += count;
    }
  }
  data.flush();
  landed();
  return runs;
}

/** Append a unit of whole pages to the data head, in one segment. Returns its address. */
export function appendUnit(
  { data }: Log,
  inode: InodeNumber,
  firstPage: PageNumber,
  unit: Uint8Array,
  done: () => void,
): Address {
  const pages = unit.length / pageSize;
  const count = data.append(unit, pages, pages, { kind: runKind.data, inode, offset: firstPage }, done);
  if (count < pages) throw new Error(`a unit of ${pages} pages does not fit a segment`);
  return data.appended;
}

/** Room for one: in the open segment, or if that is full in the next. */
export const unitRoom = ({ data, perSegment }: Log): number => (data.room > 0 ? data.room : perSegment - 1);
