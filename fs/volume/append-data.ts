/** Pages of files, on their way into the log. */
import type { Log } from '../log/log.js';
import { type InodeNumber, type PageNumber, pageSize } from '../units.js';
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
