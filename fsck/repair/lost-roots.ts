/**
 * Records of snapshots and branches that nothing leads to any more, as nodes of the system tree are lost: older versions of its
 * leaves still lie in the log. Of leaves over the same keys the one born last counts.
 *
 * With a checkpoint to start from, a record is as good as new if the root of its tree is in use by the segment table: an
 * address is never used again, and what a snapshot held is given back when it goes. With none, there is no telling, and who repairs is told
 * what is lost.
 */
import { checksum } from '../../fs/format/checksum.js';
import { nodePages } from '../../fs/format/geometry.js';
import { itemKind, RootRecord, rootKind, rootState } from '../../fs/format/item.js';
import { runKind } from '../../fs/format/segment-summary.js';
import { placeState } from '../../fs/format/segment-table.js';
import { readU64 } from '../../fs/format/struct.js';
import { NodeHeader } from '../../fs/format/tree-node.js';
import { headKind } from '../../fs/log/segment-table.js';
import { type Address, pageSize, volumeInode } from '../../fs/units.js';
import { numbers } from '../column.js';
import type { Image } from '../image.js';
import type { KeptRootList } from '../kept-roots.js';
import { checkNode, NodeFrame } from '../node.js';
import { Findings } from '../problem.js';
import { LiveMaps } from '../segment-table.js';
import type { Item } from '../system-items.js';
import { tree } from '../tree.js';
import { disjoint, type FoundLeaf } from './leaves.js';
import type { Ledger } from './ledger.js';
import type { Places } from './places.js';
import { readPlace, runsOf } from './summaries.js';
import { validHeight } from './walk.js';

export class LostRoots {
  private readonly addresses = numbers();
  private readonly frame: NodeFrame;

  constructor(private readonly image: Image) {
    this.frame = new NodeFrame(image.geometry);
  }

  /** A leaf of the system tree lies under that address. */
  readonly met = (address: Address): void => void this.addresses.push(address);

  /** Look for leaves of the system tree in all segments of nodes. */
  async search(places: Places): Promise<void> {
    const { store, geometry } = this.image;
    for (let place = 0; place < places.state.length; place++) {
      if (places.state[place] === placeState.free || places.head[place] !== headKind.node) continue;
      for (const run of runsOf(await readPlace(store, geometry, place), places.serial[place])) {
        if (run.kind !== runKind.systemNode || run.level !== 0) continue;
        for (let i = 0; i < run.pages; i += nodePages(geometry)) this.met(run.address + i);
      }
    }
  }

  /** Say which there were. */
  async tell(ledger: Ledger): Promise<void> {
    let history = 0;
    for await (const { record } of this.records()) {
      const { kind, state, seconds } = record;
      if (state !== rootState.inUse) continue;
      if (kind === rootKind.history) history++;
      else ledger.lose(nameOf(record), `of ${momentOf(seconds)}`);
    }
    if (history > 0) ledger.lose('history', moments(history));
  }

  /**
   * The items of those that are still there and that the walk has not found; they are entered with the roots that it has. Says
   * if the newest of all is lost, of which the checkpoint knows.
   */
  async restore(roots: KeptRootList, ledger: Ledger): Promise<Item[]> {
    const { frame, image } = this;
    const maps = new LiveMaps(image);
    const known = new Set(roots.roots.map(({ id }) => id));
    const found: Item[] = [];
    let history = 0;
    for await (const { record, index } of this.records()) {
      const id = frame.offset(index);
      const stays = record.state === rootState.inUse || record.state === rootState.deleted;
      if (known.has(id) || !stays || !(await this.isInUse(record, maps))) continue;
      known.add(id);
      roots.root(frame, index);
      found.push({ inode: volumeInode, kind: itemKind.root, offset: id, value: frame.value(index).slice() });
      if (record.kind === rootKind.history) history++;
      else if (record.state === rootState.inUse) ledger.did('kept-root', `found the record of ${nameOf(record)} again`);
    }
    if (history > 0) ledger.did('kept-root', `found the records of ${moments(history)} of the history again`);
    const { newestRoot, newestSnapshot } = image.checkpoint;
    if (newestRoot !== 0 && !known.has(newestRoot))
      ledger.lose(`snapshot #${newestRoot}`, `the newest one, of generation ${newestSnapshot}`);
    return found;
  }

  /** What the leaves hold; each comes with its index in the frame, which holds its leaf until the next. */
  private async *records(): AsyncIterable<{ record: RootRecord; index: number }> {
    const { addresses, frame } = this;
    const leaves: FoundLeaf[] = [];
    for (let i = 0; i < addresses.length; i++) {
      const leaf = await this.leafAt(addresses.values[i]);
      if (leaf !== undefined) leaves.push(leaf);
    }
    for (const { pointer } of disjoint(leaves)) {
      if ((await this.leafAt(pointer.address)) === undefined) continue;
      for (let index = 0; index < frame.count; index++) {
        if (frame.kind(index) === itemKind.root && frame.valueLength(index) === RootRecord.size)
          yield { record: RootRecord.read(frame.view, frame.valueStart(index)), index };
      }
    }
  }

  /** The root of its tree is there, and in use. */
  private async isInUse({ pointer, height }: RootRecord, maps: LiveMaps): Promise<boolean> {
    const { image } = this;
    const { address, pages } = pointer;
    const node = new NodeFrame(image.geometry);
    if (!validHeight(height) || pages !== nodePages(image.geometry)) return false;
    for (let page = address; page < address + pages; page++) {
      const located = image.locate(page, true);
      const place = Math.floor(located / image.perSegment);
      if (located < 0) return false;
      await maps.moveTo(place);
      const bit = located % image.perSegment;
      if (!maps.readable || (maps.of(place)[bit >> 3] & (1 << (bit & 7))) === 0) return false;
    }
    if (!(await image.readPages(address, pages, node.bytes, true))) return false;
    return checkNode(node, { pointer, tree: tree.files, level: height - 1, isRoot: true }, new Findings());
  }

  /** The leaf that lies there, in the frame; undefined: none that could hold kept roots. */
  private async leafAt(address: Address): Promise<FoundLeaf | undefined> {
    const { frame, image } = this;
    const pages = nodePages(image.geometry);
    if (!(await image.readPages(address, pages, frame.bytes, false))) return undefined;
    const bytes = pages * pageSize;
    const pointer = {
      address,
      birth: readU64(frame.view, NodeHeader.offsetOf.birth),
      checksum: checksum(frame.bytes),
      pages,
      transform: 0,
      flags: 0,
      storedBytes: bytes,
      plainBytes: bytes,
    };
    if (!checkNode(frame, { pointer, tree: tree.system, level: 0, isRoot: false }, new Findings())) return undefined;
    const { count } = frame;
    if (frame.inode(0) !== volumeInode || frame.kind(0) > itemKind.root) return undefined;
    if (frame.inode(count - 1) === volumeInode && frame.kind(count - 1) < itemKind.root) return undefined;
    const words = (at: number): Uint32Array => Uint32Array.from({ length: 4 }, (_, i) => frame.keyWord(at, i));
    return { words: words(0), last: words(count - 1), pointer };
  }
}

const nameOf = ({ kind, name }: RootRecord): string => `${kind === rootKind.line ? 'branch' : 'snapshot'} ${name}`;

const moments = (count: number): string => `${count} ${count === 1 ? 'moment' : 'moments'}`;

function momentOf(seconds: number): string {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? 'an unknown time' : date.toISOString().slice(0, 19).replace('T', ' ');
}
