/**
 * The files of one set as the workers know them: names, sizes and versions, and which are there. What a worker draws
 * depends only on its own random numbers and on what it did before, never on how quick the others are.
 */
import { below, type Random } from '../../fs/store/random.js';
import { drawSize } from './gamma.js';
import type { SetOfFiles } from './profile.js';

export interface KnownFile {
  readonly path: string;
  /** Of its contents; 0 while it has never been there. */
  version: number;
  size: number;
  /** Pieces that were written since, and their versions. */
  readonly pieces: Map<number, number>;
}

/** Files that one worker draws from. */
export class Pool {
  readonly present: KnownFile[] = [];
  readonly absent: KnownFile[] = [];

  /** One that is there. */
  draw(random: Random): KnownFile | undefined {
    return this.present[below(random, this.present.length)];
  }

  /** One that is there, no longer. */
  take(random: Random): KnownFile | undefined {
    const file = takeAt(this.present, below(random, this.present.length));
    if (file !== undefined) this.absent.push(file);
    return file;
  }

  /** One that is not there, from now on. */
  make(random: Random): KnownFile | undefined {
    const file = takeAt(this.absent, below(random, this.absent.length));
    if (file !== undefined) this.present.push(file);
    return file;
  }

  /** Any: one that was not there is from now on. */
  drawAny(random: Random): KnownFile | undefined {
    const at = below(random, this.present.length + this.absent.length);
    if (at < this.present.length) return this.present[at];
    const file = takeAt(this.absent, at - this.present.length);
    if (file !== undefined) this.present.push(file);
    return file;
  }
}

function takeAt(list: KnownFile[], at: number): KnownFile | undefined {
  const file = list[at];
  const last = list.pop();
  if (last !== undefined && at < list.length) list[at] = last;
  return file;
}

export interface FileSet {
  readonly definition: SetOfFiles;
  /** Directories, parents first. */
  readonly directories: readonly string[];
  /** Those to be there at the start, with their sizes. */
  readonly start: readonly KnownFile[];
  /** What each worker draws from. */
  readonly pools: readonly Pool[];
}

/** Name `files` files under `name`, draw the sizes of those that are there at the start, and divide them. */
export function layOut(name: string, definition: SetOfFiles, files: number, workers: number, random: Random): FileSet {
  const { use, present, size, directoryWidth, piece } = definition;
  const directories = new Set([name]);
  const start: KnownFile[] = [];
  const pools = Array.from({ length: workers }, () => new Pool());
  for (let i = 0; i < files; i++) {
    const path = pathOf(name, i, files, directoryWidth, directories);
    const file: KnownFile = { path, version: 0, size: 0, pieces: new Map() };
    const there = random() < present;
    if (there) {
      file.version = 1;
      file.size = drawSize(random, size);
      // Each worker has a piece of each file.
      if (piece !== undefined) file.size = Math.max(file.size, piece * workers);
      start.push(file);
    }
    for (const pool of use === 'own' ? [pools[i % workers]] : pools) (there ? pool.present : pool.absent).push(file);
  }
  return { definition, directories: [...directories], start, pools };
}

/** `name/3/12/f000312`: as many levels as it takes for no directory to hold more than `width` of anything. */
function pathOf(name: string, index: number, files: number, width: number, directories: Set<string>): string {
  const levels: number[] = [];
  for (let group = Math.floor(index / width), all = Math.ceil(files / width); all > 1; all = Math.ceil(all / width)) {
    levels.unshift(group % width);
    group = Math.floor(group / width);
  }
  let path = name;
  for (const level of levels) {
    path += `/${level}`;
    directories.add(path);
  }
  return `${path}/f${String(index).padStart(6, '0')}`;
}
