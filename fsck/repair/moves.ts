/**
 * What the cleaner has moved, by the summaries behind what it wrote: they say under which address pointers know each page. A
 * summary says what was written, not what came of it: a crash may have undone the move, and the page may have died or moved on
 * since. Which moves count for a checkpoint, its own map says, as far as it goes.
 */
import { itemKind, Relocation } from '../../fs/format/item.js';
import { placeState } from '../../fs/format/segment-table.js';
import type { Address, Generation } from '../../fs/units.js';
import { type Column, numbers, words } from '../column.js';
import type { Image } from '../image.js';
import type { NodeFrame } from '../node.js';
import { Findings } from '../problem.js';
import { type ItemVisitor, TreeWalk, tree } from '../tree.js';
import type { Places } from './places.js';
import { readPlace, runsOf } from './summaries.js';

/** Runs of pages that the cleaner wrote under other addresses than their own: from where, to where, and when at the latest. */
export interface MovedPages {
  readonly from: Column<Float64Array>;
  readonly to: Column<Float64Array>;
  readonly pages: Column<Uint32Array>;
  readonly generation: Column<Float64Array>;
}

const noMoves = (): MovedPages => ({ from: numbers(), to: numbers(), pages: words(), generation: numbers() });

/** All moves that the summaries tell of: also such as a crash has undone, and of pages that nothing needs any more. */
export async function readMoves(image: Image, places: Places): Promise<MovedPages> {
  const moved = noMoves();
  for (let place = 0; place < places.state.length; place++) {
    if (places.state[place] === placeState.free) continue;
    const serial = places.serial[place];
    for (const run of runsOf(await readPlace(image.store, image.geometry, place), serial)) {
      const own = serial * image.perSegment + run.page;
      if (run.address !== own) addMove(moved, run.address, own, run.pages, run.generation);
    }
  }
  return moved;
}

function addMove(moved: MovedPages, from: Address, to: Address, pages: number, generation: Generation): void {
  moved.from.push(from);
  moved.to.push(to);
  moved.pages.push(pages);
  moved.generation.push(generation);
}

/** What the map of a checkpoint says that was moved. */
class MapReader implements ItemVisitor {
  readonly moved = noMoves();

  item(frame: NodeFrame, index: number): void {
    if (frame.kind(index) !== itemKind.relocation || frame.valueLength(index) !== Relocation.size) return;
    const { target, pages } = Relocation.read(frame.view, frame.valueStart(index));
    addMove(this.moved, frame.offset(index), target, pages, 0);
  }
}

/**
 * Of all moves those that count for the image's checkpoint: what its own map knows, and what came later. Its map says which of
 * the earlier ones took place; where it can't be read, all may have. `later` lacks what the map knows.
 */
export async function movesFor(
  image: Image,
  places: Places,
  all: MovedPages,
): Promise<{ later: MovedPages; known: MovedPages }> {
  places.enterInto(image);
  const { systemRoot, systemHeight, generation } = image.checkpoint;
  const findings = new Findings();
  const map = new MapReader();
  await new TreeWalk(image, tree.system, findings).walk(systemRoot, systemHeight, map);
  if (findings.total > 0) return { later: all, known: map.moved };
  const later = noMoves();
  const { from, to, pages, generation: moment } = all;
  for (let i = 0; i < from.length; i++) {
    if (moment.values[i] <= generation) continue;
    addMove(later, from.values[i], to.values[i], pages.values[i], moment.values[i]);
  }
  return { later, known: map.moved };
}
