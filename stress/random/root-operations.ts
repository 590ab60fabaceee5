/** Operations on snapshots, branches and streams, for runs that have them; else they do nothing. */

import { below, chance } from '../../fs/store/random.js';
import { rootInode } from '../../fs/units.js';
import { type Holding, holdingOfModel } from '../model/holding.js';
import { isRegular } from '../model/nodes.js';
import type { Choose } from './choose.js';
import type { Harness } from './harness.js';
import type { KeptRun } from './kept-run.js';

const mostSnapshots = 5;
const mostBranches = 3;
const who = { uid: 0, gid: 0, pid: 1 };

const pick = (choose: Choose, names: ReadonlyMap<string, Holding>): string | undefined =>
  [...names.keys()][below(choose.random, Math.max(1, names.size))];

/** A name that nothing has. */
function newName({ log }: KeptRun, choose: Choose, letter: string): string {
  const { snapshots, branches, lineName } = log.now;
  for (;;) {
    const name = `${letter}${below(choose.random, 1e6)}`;
    if (!snapshots.has(name) && !branches.has(name) && name !== lineName) return name;
  }
}

async function dropSnapshot(h: Harness, kept: KeptRun, choose: Choose): Promise<void> {
  const name = pick(choose, kept.log.now.snapshots);
  if (name === undefined) return;
  const { volume } = kept.roots;
  const { id } = kept.roots.snapshot(name);
  if (kept.roots.branches.some(({ parent }) => parent === id)) h.count('origins deleted');
  await kept.change({ label: `delete snapshot ${name}`, snapshots: [[name, undefined]] }, () =>
    volume.snapshots.remove(name),
  );
}

/** Write to files that were open before a rollback: they are those of the live line now, or there is none of that number. */
async function writeOnOld(h: Harness, choose: Choose, handles: readonly number[]): Promise<void> {
  for (const inode of handles) {
    const data = choose.bytes(1 + below(choose.random, 6000));
    const size = h.model.nodes.get(inode)?.contents?.size ?? 0;
    const offset = below(choose.random, size + 1);
    h.count('writes on old handles');
    await h.both(
      `write inode ${inode}, open before the rollback, at ${offset}, ${data.length} bytes`,
      (api) => api.write(inode, offset, data, who),
      (expected, found) => (expected === found ? [] : [`expected ${expected}, found ${found}`]),
      ['ENOENT', 'ESTALE'],
    );
    if (h.model.nodes.has(inode) && chance(choose.random, 0.5)) h.syncInBackground(inode);
  }
}

export const rootOperations = {
  async snapshot(h: Harness, choose: Choose) {
    const { kept } = h;
    if (!kept) return;
    if (kept.log.now.snapshots.size >= mostSnapshots) return dropSnapshot(h, kept, choose);
    const name = newName(kept, choose, 's');
    const holding = holdingOfModel(h.model);
    const change = { label: `snapshot ${name}`, snapshots: [[name, holding]] } as const;
    const { volume } = kept.roots;
    if (await kept.change(change, () => volume.snapshots.create(name), true))
      await kept.verify(kept.roots.snapshot(name), holding);
  },

  async dropSnapshot(h: Harness, choose: Choose) {
    if (h.kept) await dropSnapshot(h, h.kept, choose);
  },

  async renameSnapshot(h: Harness, choose: Choose) {
    const from = h.kept && pick(choose, h.kept.log.now.snapshots);
    if (!h.kept || from === undefined) return;
    const to = newName(h.kept, choose, 's');
    const { volume } = h.kept.roots;
    const holding = h.kept.log.now.snapshots.get(from) as Holding;
    const label = `rename snapshot ${from} to ${to}`;
    await h.kept.change(
      {
        label,
        snapshots: [
          [from, undefined],
          [to, holding],
        ],
      },
      () => volume.snapshots.rename(from, to),
    );
  },

  async branch(h: Harness, choose: Choose) {
    const from = h.kept && pick(choose, h.kept.log.now.snapshots);
    if (!h.kept || from === undefined || h.kept.log.now.branches.size >= mostBranches) return;
    const name = newName(h.kept, choose, 'b');
    const { volume } = h.kept.roots;
    const holding = h.kept.log.now.snapshots.get(from) as Holding;
    const change = { label: `branch ${name} of ${from}`, branches: [[name, holding]] } as const;
    if (await h.kept.change(change, () => volume.lines.clone(from, name)))
      await h.kept.verify(h.kept.roots.branch(name), holding);
  },

  async dropBranch(h: Harness, choose: Choose) {
    const name = h.kept && pick(choose, h.kept.log.now.branches);
    if (!h.kept || !name) return;
    const { volume } = h.kept.roots;
    await h.kept.change({ label: `delete branch ${name}`, branches: [[name, undefined]] }, () =>
      volume.lines.remove(name),
    );
  },

  /** A branch becomes the live line, and the live line a branch. */
  async turn(h: Harness, choose: Choose) {
    const name = h.kept && pick(choose, h.kept.log.now.branches);
    if (!h.kept || name === undefined) return;
    await h.rest();
    const { log, roots } = h.kept;
    const holding = log.now.branches.get(name) as Holding;
    const left = [log.now.lineName, holdingOfModel(h.model)] as const;
    const label = `turn to branch '${name}'`;
    const change = { label, branches: [[name, undefined], left] as const, live: { name, holding } };
    if (await h.kept.turn(change, () => roots.volume.lines.turnTo(name)))
      await h.kept.verify(roots.branch(left[0]), left[1]);
  },

  /** A snapshot becomes the live state; then files are written that were open before. */
  async rollback(h: Harness, choose: Choose) {
    const { kept } = h;
    const from = kept && pick(choose, kept.log.now.snapshots);
    if (!kept || from === undefined) return;
    const open = [...h.model.nodes.values()].filter((node) => isRegular(node) && node.inode !== rootInode);
    const handles = open.slice(-1).concat(open.filter(({ holds }) => holds > 0).slice(0, 2));
    await h.rest();
    const { log, roots } = kept;
    const keep = chance(choose.random, 0.6) && log.now.snapshots.size < mostSnapshots;
    const name = keep ? newName(kept, choose, 's') : undefined;
    const holding = log.now.snapshots.get(from) as Holding;
    const label = `roll back to ${from}${name === undefined ? '' : `, keeping ${name}`}`;
    const before = holdingOfModel(h.model);
    const change = {
      label,
      snapshots: name === undefined ? [] : [[name, before] as const],
      live: { name: log.now.lineName, holding },
    };
    if (!(await kept.turn(change, () => roots.volume.lines.rollback(from, name)))) return;
    if (name !== undefined) await kept.verify(roots.snapshot(name), before);
    h.count('rollbacks');
    await writeOnOld(
      h,
      choose,
      handles.map(({ inode }) => inode),
    );
  },

  async send(h: Harness, choose: Choose) {
    const name = h.kept && pick(choose, h.kept.log.now.snapshots);
    if (!h.kept || name === undefined) return;
    const from = chance(choose.random, 0.6) ? pick(choose, h.kept.log.now.snapshots) : undefined;
    h.note(`send ${name}${from === undefined ? '' : ` from ${from}`}`);
    await h.kept.send(name, from === name ? undefined : from);
  },

  async receive(h: Harness, choose: Choose) {
    if (h.kept && !h.kept.isReceiving) await h.kept.receive(choose.random);
  },

  /** What came of a stream that broke off is not wanted. */
  async giveUp(h: Harness, choose: Choose) {
    if (!h.kept) return;
    const { roots } = h.kept;
    const part = roots.parts[below(choose.random, Math.max(1, roots.parts.length))];
    if (part) await h.kept.change({ label: `give up ${part.name}` }, () => roots.giveUp(part.name));
  },
};
