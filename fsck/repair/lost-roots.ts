/**
 * Snapshots and branches of which nothing leads to their trees any more, as no checkpoint is left: who repairs is told
 * which, as far as leaves of the system tree still lie in the log. Of leaves over the same keys the one born last counts.
 */
import { checksum } from '../../fs/format/checksum.js';
import { nodePages } from '../../fs/format/geometry.js';
import { itemKind, RootRecord, rootKind, rootState } from '../../fs/format/item.js';
import { readU64 } from '../../fs/format/struct.js';
import { NodeHeader } from '../../fs/format/tree-node.js';
import { type Address, pageSize, volumeInode } from '../../fs/units.js';
import { numbers } from '../column.js';
import type { Image } from '../image.js';
import { checkNode, NodeFrame } from '../node.js';
import { Findings } from '../problem.js';
import { tree } from '../tree.js';
import { disjoint, type FoundLeaf } from './leaves.js';
import type { Ledger } from './ledger.js';

export class LostRoots {
  private readonly addresses = numbers();
  private readonly frame: NodeFrame;

  constructor(private readonly image: Image) {
    this.frame = new NodeFrame(image.geometry);
  }

  /** A leaf of the system tree lies under that address. */
  readonly met = (address: Address): void => void this.addresses.push(address);

  async tell(ledger: Ledger): Promise<void> {
    const { addresses, frame } = this;
    const leaves: FoundLeaf[] = [];
    for (let i = 0; i < addresses.length; i++) {
      const leaf = await this.leafAt(addresses.values[i]);
      if (leaf !== undefined) leaves.push(leaf);
    }
    let history = 0;
    for (const { pointer } of disjoint(leaves)) {
      if ((await this.leafAt(pointer.address)) === undefined) continue;
      for (let i = 0; i < frame.count; i++) {
        if (frame.kind(i) !== itemKind.root || frame.valueLength(i) !== RootRecord.size) continue;
        const { kind, state, name, seconds } = RootRecord.read(frame.view, frame.valueStart(i));
        if (state !== rootState.inUse) continue;
        if (kind === rootKind.history) history++;
        else ledger.lose(kind === rootKind.line ? `branch ${name}` : `snapshot ${name}`, `of ${momentOf(seconds)}`);
      }
    }
    if (history > 0) ledger.lose('history', `${history} ${history === 1 ? 'moment' : 'moments'}`);
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

function momentOf(seconds: number): string {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? 'an unknown time' : date.toISOString().slice(0, 19).replace('T', ' ');
}
