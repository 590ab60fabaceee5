/** One walk of both trees for a repair: which nodes are damaged, what the system tree keeps, which pages are claimed. */
import { itemKind } from '../../fs/format/item.js';
import type { Serial } from '../../fs/units.js';
import { extentProblem, pointerOf } from '../extent-value.js';
import type { Image } from '../image.js';
import { type KeptRootList, walkKeptRoots } from '../kept-roots.js';
import type { NodeFrame } from '../node.js';
import { Findings } from '../problem.js';
import { type Item, SystemItems } from '../system-items.js';
import { type Damage, type ItemVisitor, maxHeight, TreeWalk, tree } from '../tree.js';
import { type MovedPages, readMoves } from './moves.js';
import type { Places } from './places.js';
import { addMoves } from './relocations.js';

export interface TreesFound {
  /** Nodes of the file tree that can't be read or lead astray, those above first. */
  readonly lost: readonly Damage[];
  /** Nodes of the file tree that must be written anew. */
  readonly flawed: readonly Damage[];
  readonly rootIsLost: boolean;
  /** Nodes of the system tree can't be read: with them, records of snapshots may be gone. */
  readonly systemLost: boolean;
  /** The system tree has to be made anew: it is damaged, or its map of moved pages is behind. */
  readonly systemDamaged: boolean;
  /** Its items other than relocations. */
  readonly kept: readonly Item[];
  readonly roots: KeptRootList;
  readonly nodes: number;
}

/** Most serials that are remembered as missing. */
const mostMissing = 100_000;

/**
 * Claim what only kept roots hold, so that nothing is written over it. After the search for leaves that the live tree has
 * lost: it takes what is claimed for found.
 */
export async function claimKeptRoots(image: Image, { roots }: TreesFound): Promise<void> {
  // What is wrong with them, the look that follows tells.
  const { whole } = await walkKeptRoots(image, roots, new Findings(), false);
  if (whole) roots.checkHeld();
}

/**
 * Walk the trees of the image's checkpoint; places and relocations are entered into the image. `moved`: what is known of
 * pages that moved since that checkpoint; without it the summaries are asked only if the system tree has lost nodes.
 */
export async function walkTrees(image: Image, places: Places, moved?: MovedPages): Promise<TreesFound> {
  places.enterInto(image);
  const { checkpoint } = image;
  const findings = new Findings();
  const items = new SystemItems(image, findings);
  let systemLost = false;
  const system = new TreeWalk(image, tree.system, findings, ({ lost }) => {
    systemLost ||= lost;
  });
  await system.walk(checkpoint.systemRoot, checkpoint.systemHeight, items);
  const mapIsLost = systemLost || !validHeight(checkpoint.systemHeight);
  const moves = moved ?? (mapIsLost ? await readMoves(image, places) : undefined);
  // What the newest checkpoint does not know of, a crash may have undone.
  const since = moved === undefined ? Number.POSITIVE_INFINITY : checkpoint.generation;
  const mapGrew = moves !== undefined && addMoves(image, moves, since);
  const systemDamaged = mapGrew || findings.total > 0;
  const damages: Damage[] = [];
  const files = new TreeWalk(image, tree.files, findings, (damage) => damages.push(damage));
  await files.walk(checkpoint.mainRoot, checkpoint.mainHeight, new ExtentClaims(image));
  return {
    lost: damages.filter(({ lost }) => lost),
    flawed: damages.filter(({ lost }) => !lost),
    rootIsLost:
      !validHeight(checkpoint.mainHeight) || damages.some((d) => d.lost && d.level === checkpoint.mainHeight - 1),
    systemLost: mapIsLost,
    systemDamaged,
    kept: items.kept,
    roots: items.roots,
    nodes: system.nodes + files.nodes,
  };
}

export const validHeight = (height: number): boolean => height >= 1 && height <= maxHeight;

/** Claims what extents point to, wherever it lies. */
class ExtentClaims implements ItemVisitor {
  constructor(private readonly image: Image) {}

  item(frame: NodeFrame, index: number): void {
    if (frame.kind(index) !== itemKind.extent) return;
    const { image } = this;
    const value = frame.value(index);
    if (extentProblem(value, image.superblock) !== undefined) return;
    const { address, pages } = pointerOf(value);
    for (let i = 0; address !== 0 && i < pages; i++) {
      const located = image.locate(address + i, true);
      if (located >= 0) image.claims.claim(located);
    }
  }
}

/** Serials that pointers name and no place holds. */
export function missingSerials(image: Image): ReadonlySet<Serial> {
  const serials = new Set<Serial>();
  const { missing } = image;
  for (let i = 0; i < missing.length && serials.size < mostMissing; i++) serials.add(missing.values[i]);
  return serials;
}
