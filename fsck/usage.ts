/**
 * What users, groups and projects use, counted again from all inode records of the tree and compared with its usage
 * items; and whether limits are sane. Items sort before all inodes, so they are known when the inodes come.
 *
 * Bounds: of each kind 262,144 ids are counted; a volume with more is right in this as far as was looked.
 */
import { InodeRecord, itemKind, Limits, Usage } from '../fs/format/item.js';
import { readU64 } from '../fs/format/struct.js';
import { decodeUsage, type Holder, holders } from '../fs/volume/usage.js';
import type { NodeFrame } from './node.js';
import { type Findings, type Problem, problem } from './problem.js';

const mostIds = 2 ** 18;
const at = InodeRecord.offsetOf;
/** The id of limits that are for all who have none. */
const everyone = 2 ** 32;

/** An item that says something else than what was counted, by its key. */
export interface WrongUsage {
  readonly kind: number;
  readonly id: number;
  readonly usage: Usage;
}

/** The ids of one kind. */
class Counted {
  readonly found = new Map<number, { pages: number; inodes: number }>();
  readonly recorded = new Map<number, Usage>();
  /** There are more than are counted. */
  overflown = false;

  count(id: number, pages: number): void {
    let sum = this.found.get(id);
    if (sum === undefined) {
      if (this.found.size === mostIds) {
        this.overflown = true;
        return;
      }
      sum = { pages: 0, inodes: 0 };
      this.found.set(id, sum);
    }
    sum.pages += pages;
    sum.inodes++;
  }
}

export class UsageCheck {
  private readonly counted = holders.map(() => new Counted());
  /** Keys of limits that make no sense. */
  readonly wrongLimits: { readonly kind: number; readonly id: number }[] = [];

  constructor(private readonly findings: Findings) {}

  /** An item of the volume: true if it is one of usage or limits. */
  item(frame: NodeFrame, index: number, kind: number): boolean {
    const id = frame.offset(index);
    if (kind >= itemKind.userUsage && kind <= itemKind.projectUsage) {
      const { recorded } = this.counted[kind - itemKind.userUsage];
      // A record of another length counts as nothing, and is never right.
      const usage =
        frame.valueLength(index) === Usage.size ? decodeUsage(frame.value(index)) : { pages: -1, inodes: -1 };
      if (recorded.size < mostIds) recorded.set(id, usage);
      return true;
    }
    if (kind < itemKind.userLimits || kind > itemKind.projectLimits) return false;
    const wrong = limitsProblem(frame, index);
    if (wrong !== undefined) {
      this.findings.add('limits', `the limits of ${holders[kind - itemKind.userLimits]} ${id} ${wrong}`);
      if (this.wrongLimits.length < mostIds) this.wrongLimits.push({ kind, id });
    }
    return true;
  }

  /** An inode record of the right length. */
  count(frame: NodeFrame, index: number): void {
    const { view } = frame;
    const base = frame.valueStart(index);
    const pages = readU64(view, base + at.pages);
    const project = view.getUint32(base + at.project, true);
    this.counted[0].count(view.getUint32(base + at.uid, true), pages);
    this.counted[1].count(view.getUint32(base + at.gid, true), pages);
    if (project !== 0) this.counted[2].count(project, pages);
  }

  /** What the items of the wrong ones should say. */
  *wrong(): Iterable<WrongUsage> {
    for (const [i, { found, recorded, overflown }] of this.counted.entries()) {
      const kind = itemKind.userUsage + i;
      for (const [id, usage] of found) {
        const said = recorded.get(id) ?? nothing;
        if (recorded.size === mostIds && said === nothing) continue;
        if (said.pages !== usage.pages || said.inodes !== usage.inodes) yield { kind, id, usage };
      }
      if (overflown) continue;
      for (const id of recorded.keys()) if (!found.has(id)) yield { kind, id, usage: nothing };
    }
  }

  *problems(): Iterable<Problem> {
    for (const { kind, id, usage } of this.wrong()) {
      const who: Holder = holders[kind - itemKind.userUsage];
      const said = this.counted[kind - itemKind.userUsage].recorded.get(id);
      const counts = said === undefined ? 'nothing' : said.pages < 0 ? 'nonsense' : text(said);
      yield problem('usage', `${who} ${id} uses ${text(usage)}, and ${counts} is recorded`);
    }
  }
}

const nothing: Usage = { pages: 0, inodes: 0 };
const text = ({ pages, inodes }: Usage): string => `${pages} pages and ${inodes} inodes`;

function limitsProblem(frame: NodeFrame, index: number): string | undefined {
  if (frame.offset(index) > everyone) return 'are of no id';
  if (frame.valueLength(index) !== Limits.size) return `have ${frame.valueLength(index)} bytes`;
  const limits = Limits.read(frame.view, frame.valueStart(index));
  const inRange = Object.values(limits).every((value) => Number.isSafeInteger(value) && value >= 0);
  return inRange ? undefined : 'have a number out of range';
}
