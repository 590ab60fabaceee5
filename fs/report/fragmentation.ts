/**
 * Makes the report of fragmentation of an open volume: one walk through the leaves of the file tree in the order of
 * their keys, in which the inode and the extents of a file follow each other; for a part of the volume, a walk through
 * its directories. Serves `varve frag`.
 *
 * It changes nothing and holds nothing while it waits: a volume that is in use is looked at a few milliseconds at a
 * time, and the figures are then those of no single moment. Pages in memory that have no place yet are not counted.
 */

import { nodeBytes, nodePages, segmentPages } from '../format/geometry.js';
import { InodeRecord, itemKind } from '../format/item.js';
import { extentAddress, extentStoredPages } from '../posix/inode/extent-value.js';
import { isDirectory, isRegular } from '../posix/inode/mode.js';
import { direntInode, direntType } from '../posix/namespace/dirents.js';
import { NameSearch } from '../scrub/paths.js';
import type { TreeSweep } from '../scrub/tree-sweep.js';
import { nextTurn, run } from '../suspend.js';
import { keyInode, keyKind } from '../tree/key.js';
import { firstVirtual, type Node } from '../tree/node.js';
import { type Address, type InodeNumber, rootInode } from '../units.js';
import type { Volume } from '../volume/volume.js';
import { FileTally } from './file-tally.js';
import type { FragmentationReport, MetadataFigures } from './fragmentation-report.js';
import { whereLie } from './lying.js';
import { segmentFigures, spaceMap } from './space-map.js';
import { sweepOf } from './sweep.js';
import { TreeTally } from './tree-tally.js';

export interface FragmentationOptions {
  /** What to look at: an inode, and how a person calls it. The whole volume unless told. */
  readonly part?: { readonly inode: InodeNumber; readonly path: string };
  /** Called between steps of a few milliseconds; resolves when to go on. */
  readonly breathe?: () => Promise<void>;
}

/** Throws FsError EUCLEAN, EIO. */
export async function fragmentation(volume: Volume, options: FragmentationOptions = {}): Promise<FragmentationReport> {
  const { table, log } = volume.state;
  const look = new Look(volume, options.breathe ?? nextTurn);
  const { part } = options;
  const metadata = part === undefined || part.inode === rootInode ? await look.everything() : undefined;
  if (part !== undefined && part.inode !== rootInode) await look.below(part.inode);
  const figures = look.files.figures;
  await look.nameWorst(figures.worst);
  return {
    version: 1,
    path: metadata === undefined ? (part?.path ?? '/') : '/',
    generation: log.generation - 1,
    ...figures,
    segments: segmentFigures(table, log.generation),
    ...(metadata === undefined ? {} : { metadata }),
    map: spaceMap(table),
  };
}

/** How long the thread is kept at a time. */
const stepMs = 3;
/** Entries of a directory, or items of a file, that are taken at a time. */
const itemsAtOnce = 1000;

/** An item that matters: the inode of a regular file (address 0), or a stored extent. */
interface Met {
  readonly inode: InodeNumber;
  readonly address: Address;
  readonly pages: number;
}

class Look {
  readonly files: FileTally;
  private began = performance.now();
  private nodes = 0;
  private damaged = 0;

  constructor(
    private readonly volume: Volume,
    private readonly breathe: () => Promise<void>,
  ) {
    const { geometry, table } = volume.state;
    const perSegment = segmentPages(geometry);
    this.files = new FileTally(perSegment - 1, (at) => table.isLive(Math.floor(at / perSegment), at % perSegment));
  }

  async everything(): Promise<MetadataFigures> {
    const { state } = this.volume;
    const leaves = new TreeTally(nodeBytes(state.geometry), nodePages(state.geometry));
    const sweep = this.sweep();
    let met: readonly Met[] = [];
    let leafAddress = 0;
    let load = 0;
    const visit = (leaf: Node, address: Address): void => {
      met = filesIn(leaf);
      leafAddress = address;
      load = leaf.load;
    };
    while (await sweep.step(visit)) {
      leaves.leaf(load, leafAddress >= firstVirtual ? -1 : await this.located(leafAddress));
      await this.take(met);
      await this.pause();
    }
    this.files.finish();
    return leaves.figures(this.nodes, this.damaged);
  }

  /** A file, or all files below a directory, each once. */
  async below(top: InodeNumber): Promise<void> {
    const files: InodeNumber[] = [];
    const seen = new Set<InodeNumber>([top]);
    const directories = [top];
    for (let directory = directories.pop(); directory !== undefined; directory = directories.pop()) {
      if (directory === top && !(await this.isDirectory(top))) {
        files.push(top);
        break;
      }
      for await (const { inode, type } of this.entries(directory)) {
        if (seen.has(inode)) continue;
        seen.add(inode);
        if (isDirectory(type << 12)) directories.push(inode);
        else if (isRegular(type << 12)) files.push(inode);
      }
    }
    // As numbers alone: a million of them are sorted in a tenth of the time.
    for (const inode of Float64Array.from(files).sort()) await this.takeFile(inode);
    this.files.finish();
  }

  /** Give the worst files their paths. */
  async nameWorst(worst: FragmentationReport['worst']): Promise<void> {
    if (worst.length === 0) return;
    const wanted = new Set(worst.map(({ inode }) => inode));
    const names = new NameSearch(this.volume, (inode) => wanted.has(inode));
    const sweep = this.sweep();
    while (await sweep.step((leaf) => names.visit(leaf))) await this.pause();
    const paths = await names.paths();
    for (const file of worst) {
      const path = paths.get(file.inode);
      if (path !== undefined) file.path = path;
    }
  }

  private sweep(): TreeSweep {
    return sweepOf(
      this.volume,
      () => this.nodes++,
      () => this.damaged++,
    );
  }

  private located(address: Address): Promise<number> | number {
    const { log } = this.volume.state;
    return log.table.placeOf(Math.floor(address / log.perSegment)) >= 0
      ? log.where(address)
      : run(() => log.where(address));
  }

  private async take(met: readonly Met[]): Promise<void> {
    const { log } = this.volume.state;
    for (const { inode, address, pages } of met) {
      if (address === 0) this.files.begin(inode);
      else if (log.table.placeOf(Math.floor(address / log.perSegment)) >= 0)
        this.files.extent(inode, whereLie(log, address, pages));
      else this.files.extent(inode, await run(() => whereLie(log, address, pages)));
    }
  }

  private async isDirectory(inode: InodeNumber): Promise<boolean> {
    const value = await run(() => this.volume.get(inode, itemKind.inode, 0)?.slice());
    return value !== undefined && isDirectory(modeOf(value));
  }

  private async *entries(directory: InodeNumber): AsyncIterable<{ inode: InodeNumber; type: number }> {
    for (let offset = 0; ; ) {
      const found = await run(() => {
        const part: { inode: InodeNumber; type: number }[] = [];
        let next = -1;
        for (const item = this.volume.seek(directory, itemKind.dirent, offset); item.valid; item.next()) {
          if (item.inode !== directory || item.kind !== itemKind.dirent) break;
          if (part.length === itemsAtOnce) {
            next = item.offset;
            break;
          }
          part.push({ inode: direntInode(item.value), type: direntType(item.value) });
        }
        return { part, next };
      });
      yield* found.part;
      await this.pause();
      if (found.next < 0) return;
      offset = found.next;
    }
  }

  private async takeFile(inode: InodeNumber): Promise<void> {
    await this.take([{ inode, address: 0, pages: 0 }]);
    for (let offset = 0; offset >= 0; ) {
      const start = offset;
      const { part, next } = await run(() => this.extentsFrom(inode, start));
      await this.take(part);
      await this.pause();
      offset = next;
    }
  }

  /** Some stored extents of a file, from a page on; `next`: to go on with, or -1. May throw Suspend. */
  private extentsFrom(inode: InodeNumber, page: number): { readonly part: readonly Met[]; readonly next: number } {
    const part: Met[] = [];
    for (const item = this.volume.seek(inode, itemKind.extent, page); item.valid; item.next()) {
      if (item.inode !== inode || item.kind !== itemKind.extent) break;
      if (part.length === itemsAtOnce) return { part, next: item.offset };
      const address = extentAddress(item.value);
      if (address !== 0) part.push({ inode, address, pages: extentStoredPages(item.value) });
    }
    return { part, next: -1 };
  }

  private async pause(): Promise<void> {
    if (performance.now() - this.began < stepMs) return;
    await this.breathe();
    this.began = performance.now();
  }
}

const modeOf = (value: Uint8Array): number =>
  new DataView(value.buffer, value.byteOffset, value.length).getUint32(InodeRecord.offsetOf.mode, true);

/** The regular files and stored extents of a leaf, copied out of it. */
function filesIn(leaf: Node): Met[] {
  const met: Met[] = [];
  for (let i = 0; i < leaf.count; i++) {
    const kind = keyKind(leaf.keyWord(i, 1));
    if (kind === itemKind.inode) {
      const value = leaf.value(i);
      if (value.length === InodeRecord.size && isRegular(modeOf(value)))
        met.push({ inode: keyInode(leaf.keyWord(i, 0), leaf.keyWord(i, 1)), address: 0, pages: 0 });
    } else if (kind === itemKind.extent) {
      const value = leaf.value(i);
      const address = extentAddress(value);
      if (address === 0) continue;
      met.push({ inode: keyInode(leaf.keyWord(i, 0), leaf.keyWord(i, 1)), address, pages: extentStoredPages(value) });
    }
  }
  return met;
}
