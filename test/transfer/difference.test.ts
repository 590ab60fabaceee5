/** What differs between two roots: the same as comparing all items, at the cost of the change. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { below, seededRandom } from '../../fs/store/random.js';
import { run } from '../../fs/suspend.js';
import { pathDifferences } from '../../fs/transfer/path-difference.js';
import { type ItemDifference, TreeDifference } from '../../fs/tree/difference.js';
import type { Tree } from '../../fs/tree/tree.js';
import { Worker } from '../support/worker.js';
import { bytes, KeptVolume, root } from './kept-volume.js';

async function itemsOf(tree: Tree): Promise<Map<string, string>> {
  const items = new Map<string, string>();
  for (let next: readonly [number, number, number] | undefined = [0, 0, 0]; next !== undefined; ) {
    const from: readonly [number, number, number] = next;
    next = await run(() => {
      const cursor = tree.seek(from[0], from[1], from[2]);
      if (!cursor.valid) return undefined;
      const { inode, kind, offset } = cursor;
      items.set(`${inode} ${kind} ${offset}`, Buffer.from(cursor.value).toString('hex'));
      return [inode, kind, offset + 1] as const;
    });
  }
  return items;
}

async function all(walk: TreeDifference): Promise<ItemDifference[]> {
  const found: ItemDifference[] = [];
  for (;;) {
    const some = await run(() => walk.next());
    if (some === undefined) return found;
    found.push(...some);
  }
}

it('finds what comparing all items finds, in the order of the keys', async () => {
  const kept = await KeptVolume.make(32);
  const worker = new Worker(kept.fs, seededRandom(5), [1], []);
  const random = seededRandom(6);
  const names: string[] = [];
  for (let i = 0; i < 5; i++) {
    for (let steps = below(random, 120); steps >= 0; steps--) await worker.step();
    await kept.volume.snapshots.create(`s${i}`);
    names.push(`s${i}`);
  }
  for (let i = 0; i < 8; i++) {
    const before = kept.view(names[below(random, 5)]).tree;
    const after = kept.view(names[below(random, 5)]).tree;
    const old = await itemsOf(before);
    const now = await itemsOf(after);
    const differing = [...new Set([...old.keys(), ...now.keys()])].filter((key) => old.get(key) !== now.get(key));
    const found = await all(new TreeDifference(before, after));
    expect(found.map(({ inode, kind, offset }) => `${inode} ${kind} ${offset}`).sort()).toEqual(differing.sort());
    for (const { inode, kind, offset, before: was, after: is } of found) {
      const key = `${inode} ${kind} ${offset}`;
      expect(was && Buffer.from(was).toString('hex')).toBe(old.get(key));
      expect(is && Buffer.from(is).toString('hex')).toBe(now.get(key));
    }
    const middle = found[found.length >> 1];
    if (middle === undefined) continue;
    const rest = await all(new TreeDifference(before, after, middle));
    expect(rest).toEqual(found.slice(found.length >> 1));
  }
  expect((await all(new TreeDifference(undefined, kept.view('s4').tree))).length).toBe(
    (await itemsOf(kept.view('s4').tree)).size,
  );
  await kept.close();
});

it('reads what changed, not what there is', async () => {
  const kept = await KeptVolume.make(64, 1, undefined, { cacheBytes: 64 * 2 ** 20 });
  const inodes: number[] = [];
  for (let i = 0; i < 3000; i++) inodes.push(await kept.file(`file ${i}`, `contents ${i}`.repeat(20)));
  await kept.volume.snapshots.create('before');
  for (const inode of [inodes[7], inodes[2500]]) await kept.write(inode, 3, 'changed');
  await kept.volume.snapshots.create('after');
  const { cache, main } = kept.volume.state;
  expect(main.nodes).toBeGreaterThan(60);
  cache.chill();
  const misses = cache.misses;
  const found = await all(new TreeDifference(kept.view('before').tree, kept.view('after').tree));
  expect(found.length).toBe(4);
  expect(cache.misses - misses).toBeLessThan(12);
  await kept.close();
});

it('tells paths that were added, removed, renamed and changed', async () => {
  const kept = await KeptVolume.make(32);
  const dir = await kept.directory('dir');
  const sub = await kept.directory('sub', dir);
  await kept.file('stays', 'as it is', sub);
  const file = await kept.file('file', 'short', dir);
  await kept.file('goes', 'x', dir);
  await kept.file('moved', 'm');
  const touched = await kept.file('touched', 't');
  const big = await kept.file('big', Buffer.alloc(300_000, 1));
  await kept.do((fs) => fs.link(file, sub, bytes('second'), root));
  await kept.volume.snapshots.create('a');
  // The clock of files has ticks of up to 10 ms; of two changes within one, times tell nothing.
  await sleep(20);
  await kept.write(file, 0, 'other');
  await kept.write(big, 200_000, 'x');
  await kept.do((fs) => fs.unlink(dir, bytes('goes'), root));
  await kept.do((fs) => fs.rename(1, bytes('moved'), sub, bytes('there'), 0, root));
  await kept.do((fs) => fs.setattr(touched, { mode: 0o600 }, root));
  await kept.do((fs) => fs.setxattr(touched, bytes('user.x'), bytes('v'), 0, root));
  await kept.do((fs) => fs.rename(1, bytes('dir'), 1, bytes('DIR'), 0, root));
  const made = await kept.directory('new', sub);
  await kept.file('in\n', 'it', made);
  await kept.volume.snapshots.create('b');
  const breathe = () => Promise.resolve();
  const lines = (await pathDifferences(kept.view('a'), kept.view('b'), breathe)).map(
    ({ change, from, path, what }) => `${change} ${from === undefined ? '' : `${from} -> `}${path} ${what ?? ''}`,
  );
  expect(lines).toEqual([
    'renamed /dir -> /DIR ',
    'changed /DIR/file contents,attributes',
    'added /DIR/sub/new ',
    'added /DIR/sub/new/in\\n ',
    'changed /DIR/sub/second contents,attributes',
    'renamed /moved -> /DIR/sub/there ',
    'changed /big contents,attributes',
    'removed /dir/goes ',
    'changed /touched attributes,xattrs',
  ]);
  const back = await pathDifferences(kept.view('b'), kept.view('a'), breathe);
  expect(back.map(({ change }) => change).sort()).toEqual(
    ['removed', 'removed', 'added', 'renamed', 'renamed', 'changed', 'changed', 'changed', 'changed'].sort(),
  );
  await kept.close();
});
