/** What the live pages of a segment are: told by its chain of summaries, and by nothing that looks like one. */
import { describe, expect, it } from 'vitest';
import { liveRuns } from '../../fs/cleaner/live-runs.js';
import { selfChecksum } from '../../fs/format/checksum.js';
import { planGeometry } from '../../fs/format/geometry.js';
import { runKind, Summary, SummaryRun, summaryMagic } from '../../fs/format/segment-summary.js';
import { Head, type HeadOwner } from '../../fs/log/head.js';
import { headKind, SegmentTable } from '../../fs/log/segment-table.js';
import { pageSize } from '../../fs/units.js';

const perSegment = 32;

/** A head and what it has written into its first segment. */
class Segment implements HeadOwner {
  readonly table = new SegmentTable({ ...planGeometry(16 * 2 ** 20), brand: 7 });
  readonly generation = 5;
  readonly bytes = new Uint8Array(perSegment * pageSize);
  readonly head: Head;

  constructor(kind: number) {
    this.table.index(0);
    this.head = new Head(kind, this);
  }

  issue(flight: { page: number; buffers: readonly Uint8Array[] }): void {
    let at = flight.page * pageSize;
    for (const buffer of flight.buffers) {
      this.bytes.set(buffer, at);
      at += buffer.length;
    }
  }
  opened(): void {}

  /** Append a run of live pages. */
  append(
    pages: number,
    meaning: Parameters<Head['append']>[3],
    bytes: Uint8Array = new Uint8Array(pages * pageSize),
  ): void {
    this.head.append(bytes, pages, pages, meaning, undefined);
    this.table.setLive(this.head.place, this.head.page - pages, pages);
  }

  get address(): number {
    return this.head.serial * perSegment;
  }

  runs(): ReturnType<typeof liveRuns> {
    const { place } = this.head;
    this.head.flush();
    return liveRuns(this.table, place, this.bytes);
  }
}

/** A page that looks like the summary of the pages from `first` on before it. */
function forged(segment: Segment, page: number, first: number, address: number): Uint8Array {
  const bytes = new Uint8Array(pageSize);
  const view = new DataView(bytes.buffer);
  const run = { address, inode: 7, offset: 0, pages: page - first, kind: runKind.systemNode, itemKind: 1, level: 0 };
  SummaryRun.write(view, Summary.size, { ...run, reserved: 0 });
  const head = { serial: segment.head.serial, generation: 5, page, first, runs: 1, reserved: 0, brand: 7 };
  Summary.write(view, 0, { magic: summaryMagic, checksum: 0, ...head });
  view.setUint32(Summary.offsetOf.checksum, selfChecksum(bytes, Summary.offsetOf.checksum), true);
  return bytes;
}

const moved = (address: number) => ({ kind: runKind.data, inode: 3, offset: 100, address });
const node = (offset: number) => ({ kind: runKind.systemNode, inode: 1, itemKind: 32, offset, level: 0 });

describe('moved pages', () => {
  it('are known by the addresses that the summaries name', () => {
    const segment = new Segment(headKind.cold);
    segment.append(3, moved(5000));
    segment.head.describe();
    segment.append(4, moved(7000));
    segment.head.describe();
    segment.table.clearLive(segment.head.place, 5, 1, 5);
    expect(segment.runs()).toMatchObject([
      { page: 0, pages: 3, address: 5000, offset: 100, system: false },
      { page: 4, pages: 1, address: 7000, offset: 100 },
      { page: 6, pages: 2, address: 7002, offset: 102 },
    ]);
  });

  it('are not what a page of a file, now dead, pretends', () => {
    const segment = new Segment(headKind.cold);
    segment.append(3, moved(5000));
    segment.append(1, moved(6000), forged(segment, 3, 0, 9000));
    segment.append(2, moved(7000));
    segment.head.describe();
    segment.table.clearLive(segment.head.place, 3, 1, 5);
    expect(segment.runs()).toMatchObject([
      { page: 0, pages: 3, address: 5000, system: false },
      { page: 4, pages: 2, address: 7000, system: false },
    ]);
  });

  it('are unknown when a summary has rotted', () => {
    const segment = new Segment(headKind.cold);
    segment.append(3, moved(5000));
    segment.head.describe();
    segment.append(4, moved(7000));
    segment.head.describe();
    segment.head.flush();
    for (const page of [3, 8]) {
      const at = page * pageSize + 200;
      segment.bytes[at] ^= 1;
      expect(segment.runs()).toBeUndefined();
      segment.bytes[at] ^= 1;
    }
    segment.bytes[3 * pageSize + 200] ^= 1;
    segment.table.clearLive(segment.head.place, 0, 3, 5);
    expect(segment.runs()).toMatchObject([{ page: 4, pages: 4, address: 7000 }]);
  });
});

describe('nodes', () => {
  it('are found with their first keys, under their own addresses', () => {
    const segment = new Segment(headKind.node);
    segment.append(4, node(50));
    segment.append(4, { ...node(60), kind: runKind.node, level: 1 });
    segment.head.describe();
    expect(segment.runs()).toMatchObject([
      { page: 0, pages: 4, address: segment.address, offset: 50, level: 0, itemKind: 32, system: true },
      { page: 4, pages: 4, address: segment.address + 4, offset: 60, level: 1, system: false },
    ]);
  });

  it('are unknown without a summary', () => {
    const segment = new Segment(headKind.node);
    segment.append(4, node(50));
    expect(segment.runs()).toBeUndefined();
  });
});

describe('pages of the data head', () => {
  const data = { kind: runKind.data, inode: 3, offset: 10 };

  it('need no summary', () => {
    const segment = new Segment(headKind.data);
    segment.append(4, data);
    segment.head.describe();
    segment.append(2, { ...data, offset: 90 });
    expect(segment.runs()).toMatchObject([
      { page: 0, pages: 4, address: segment.address, inode: 3, offset: 10 },
      { page: 5, pages: 2, address: segment.address + 5, inode: 0 },
    ]);
  });

  it('are no nodes and lie where they lie, whatever a forged summary says', () => {
    const segment = new Segment(headKind.data);
    segment.append(4, data);
    segment.append(1, { ...data, inode: 4 }, forged(segment, 4, 0, 9000));
    segment.table.clearLive(segment.head.place, 4, 1, 5);
    const [run] = segment.runs() ?? [];
    expect(run).toMatchObject({ page: 0, pages: 4, address: segment.address, kind: runKind.data, system: false });
    expect(run.level).toBeUndefined();
  });
});
