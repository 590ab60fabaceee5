/** The report of fragmentation against a walk of its own through what `varve dump` prints, on random volumes. */
import { expect, test } from 'vitest';
import { dumpInode } from '../../fs/cli/dump-inode.js';
import { dumpSegments } from '../../fs/cli/dump-segments.js';
import { dumpTree } from '../../fs/cli/dump-tree.js';
import type { RawImage } from '../../fs/cli/raw-image.js';
import { fragSchema } from '../../fs/cli/schemas/frag.js';
import { segmentPages } from '../../fs/format/geometry.js';
import { fragmentation } from '../../fs/report/fragmentation.js';
import type { Classes, FragmentationReport } from '../../fs/report/fragmentation-report.js';
import { picture } from '../../fs/report/picture.js';
import { MemoryStore } from '../../fs/store/memory.js';
import type { SparseBytes } from '../../fs/store/sparse-bytes.js';
import { newestCheckpoint, readSlots } from '../../fs/volume/checkpoint-slots.js';
import { readSuperblock } from '../../fs/volume/superblock.js';
import { Volume } from '../../fs/volume/volume.js';
import { schemaProblems } from '../support/json-schema.js';
import { wornBytes, wornVolume } from '../support/worn-volume.js';

async function rawImage(bytes: SparseBytes): Promise<RawImage> {
  const store = new MemoryStore(wornBytes, { bytes, readOnly: true });
  const superblock = await readSuperblock(store);
  const newest = await newestCheckpoint(store, superblock);
  return { store, superblock, newest, slots: await readSlots(store, superblock) };
}

async function reportOf(bytes: SparseBytes): Promise<FragmentationReport> {
  const volume = await Volume.open(new MemoryStore(wornBytes, { bytes, readOnly: true }), { readOnly: true });
  return fragmentation(volume);
}

/** Pages of the image, in the order of the pages of a file. */
function pagesOf(facts: Readonly<Record<string, string | number>>, perSegment: number): number[] {
  const runs = facts.lies === undefined ? `${facts.place}:${facts.page}+${facts.pages}` : String(facts.lies);
  return runs.split(' ').flatMap((run) => {
    const [place, page, pages] = run.split(/[:+]/).map(Number);
    return Array.from({ length: pages }, (_, i) => place * perSegment + page + i);
  });
}

interface Walked {
  readonly inode: number;
  readonly pages: readonly number[];
  readonly extents: number;
  /** Pages between its pieces, negative for backward. */
  readonly steps: number[];
}

/** Pages of the image that hold nodes, of either tree. */
async function nodePagesOf(image: RawImage): Promise<number[]> {
  const pages: number[] = [];
  for (const system of [false, true]) {
    for await (const { node } of dumpTree(image, { system })) {
      if (node === undefined) continue;
      const at = node.place * segmentPages(image.superblock) + node.page;
      pages.push(at, at + 1, at + 2, at + 3);
    }
  }
  return pages;
}

/** All regular files, as `varve dump` shows them. */
async function walk(image: RawImage): Promise<Walked[]> {
  const inodes = new Set<number>();
  for await (const { key, node } of dumpTree(image, { items: true })) {
    const found = node === undefined ? /^\((\d+), inode, 0\)$/.exec(key) : null;
    if (found) inodes.add(Number(found[1]));
  }
  const files: Walked[] = [];
  for (const inode of inodes) {
    const { record, items } = await dumpInode(image, String(inode));
    if (((record?.mode ?? 0) & 0o170000) !== 0o100000) continue;
    const extents = items.filter(({ kind, facts }) => kind === 'extent' && facts.reserved === undefined);
    const pages = extents.flatMap(({ facts }) => pagesOf(facts, segmentPages(image.superblock)));
    files.push({ inode, pages, extents: extents.length, steps: [] });
  }
  const live = new Set([...(await nodePagesOf(image)), ...files.flatMap(({ pages }) => pages)]);
  for (const { pages, steps } of files) {
    for (let i = 1; i < pages.length; i++) {
      const step = pages[i] - pages[i - 1] - 1;
      if (step !== 0 && !(step === 1 && !live.has(pages[i] - 1))) steps.push(step);
    }
  }
  return files;
}

const piecesOf = ({ pages, steps }: Walked): number => (pages.length === 0 ? 0 : steps.length + 1);
const sum = (numbers: readonly number[]): number => numbers.reduce((all, n) => all + n, 0);
const total = (classes: Classes, of: 'count' | 'bytes'): number => sum(classes.map((one) => one[of]));
const within = (classes: Classes, value: number): number =>
  classes.findIndex(({ from, to }) => value >= from && value <= to);

test.each(Array.from({ length: 20 }, (_, i) => i + 1))('volume %i', async (seed) => {
  const bytes = await wornVolume(seed, false);
  const image = await rawImage(bytes);
  const report = await reportOf(bytes);
  const perPiece = segmentPages(image.superblock) - 1;
  const files = await walk(image);
  const own = files.filter(({ pages }) => pages.length > 0);
  const excess = (file: Walked): number => Math.max(0, piecesOf(file) - Math.ceil(file.pages.length / perPiece));
  expect(report.files).toEqual({
    count: files.length,
    withoutPages: files.length - own.length,
    scattered: own.filter((file) => excess(file) > 0).length,
    bytes: 4096 * sum(own.map(({ pages }) => pages.length)),
    extents: sum(own.map(({ extents }) => extents)),
    idealExtents: sum(own.map(({ pages }) => Math.ceil(pages.length / 32))),
    pieces: sum(own.map(piecesOf)),
    idealPieces: sum(own.map(({ pages }) => Math.ceil(pages.length / perPiece))),
  });
  const jumps = sum(own.map(excess));
  expect(report.cost.jumps).toBe(jumps);
  expect(report.score).toBeCloseTo((100 * jumps * 131072) / (report.files.bytes + jumps * 131072), 9);
  expect(report.worst.map(({ pieces, idealPieces }) => pieces - idealPieces)).toEqual(
    own
      .map(excess)
      .filter((n) => n > 0)
      .sort((a, b) => b - a)
      .slice(0, 20),
  );
  for (const { inode, pieces, extents } of report.worst) {
    const file = own.find((one) => one.inode === inode);
    expect(file && [piecesOf(file), file.extents]).toEqual([pieces, extents]);
  }

  const byPieces = report.filesByPieces.map(() => 0);
  for (const file of own) byPieces[within(report.filesByPieces, piecesOf(file))]++;
  const steps = own.flatMap((file) => file.steps);
  expect(report.filesByPieces.map(({ count }) => count)).toEqual(byPieces);
  expect(total(report.piecesByBytes, 'count')).toBe(report.files.pieces);
  expect(total(report.piecesByBytes, 'bytes')).toBe(report.files.bytes);
  const { forward, backward } = report.distances;
  expect(total(forward, 'bytes')).toBe(4096 * sum(steps.filter((n) => n > 0)));
  expect(total(backward, 'bytes')).toBe(-4096 * sum(steps.filter((n) => n < 0)));
  await compareSegments(image, report);
  await compareLeaves(image, report);
});

async function compareSegments(image: RawImage, report: FragmentationReport): Promise<void> {
  const rows = await dumpSegments(image, true);
  const { segments, map } = report;
  for (const state of ['free', 'open', 'sealed', 'journal'] as const)
    expect(segments[state], state).toBe(rows.filter((row) => row.state === state).length);
  expect(sum(segments.utilisation.flatMap(({ data, cold, nodes }) => [data, cold, nodes]))).toBe(segments.sealed);
  expect(total(segments.ages, 'count')).toBe(segments.sealed);
  const longest = Math.max(
    ...rows
      .map(({ state }) => (state === 'free' ? 'f' : ' '))
      .join('')
      .split(/ +/)
      .map(({ length }) => length),
  );
  expect(segments.longestFreeRun).toBe(longest);
  expect(total(segments.freeRuns, 'bytes')).toBe(segments.free * segments.segmentBytes);
  expect(map.cells.map(({ live }) => live)).toEqual(rows.map(({ live }) => live));
  expect(map.cells.map(({ kind }) => kind)).toEqual(
    rows.map(({ state, head }) => (state === 'free' || state === 'journal' ? state : head === 'node' ? 'nodes' : head)),
  );
}

async function compareLeaves(image: RawImage, report: FragmentationReport): Promise<void> {
  const leaves: number[] = [];
  let inner = 0;
  for await (const { node } of dumpTree(image, {})) {
    if (node?.level === 0) leaves.push(node.place * segmentPages(image.superblock) + node.page);
    else inner++;
  }
  const jumps = leaves.filter((at, i) => i > 0 && at !== leaves[i - 1] + 4).length;
  expect(report.metadata).toMatchObject({
    leaves: leaves.length,
    inner,
    jumps,
    damaged: 0,
    bytes: leaves.length * 16384,
  });
}

test('the schema describes the report', async () => {
  const report = await reportOf(await wornVolume(3, false));
  const schema = fragSchema();
  expect(schemaProblems(schema, JSON.parse(JSON.stringify(report)))).toEqual([]);
  expect(report.worst.length).toBeGreaterThan(0);
  expect(schemaProblems(schema, { ...report, score: 101, more: 1 })).toEqual([
    '$.score: 101 is above 100',
    '$: has more besides',
  ]);
});

test('the picture has a square with a title for each segment, and is well formed', async () => {
  const report = await reportOf(await wornVolume(4, false));
  const drawn = picture(report, 'a <name> & more', (bytes) => `${bytes} B`);
  expect(drawn.match(/class="(cell|open)" fill="#[0-9a-f]{6}"><title>/g)).toHaveLength(report.map.cells.length);
  expect(drawn).toContain('a &lt;name&gt; &amp; more');
  const open: string[] = [];
  for (const [, end, name, empty] of drawn.matchAll(/<(\/?)(\w+)[^>]*?(\/?)>/g)) {
    if (end) expect(open.pop()).toBe(name);
    else if (!empty) open.push(name);
  }
  expect(open).toEqual([]);
});
