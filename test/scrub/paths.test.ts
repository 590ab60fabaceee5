/** Names for inodes: what it costs where a directory above has very many entries. */
import { afterEach, expect, it, vi } from 'vitest';
import { FsError } from '../../fs/errors.js';
import { itemKind } from '../../fs/format/item.js';
import { NameSearch } from '../../fs/scrub/paths.js';
import { TreeSweep } from '../../fs/scrub/tree-sweep.js';
import { run } from '../../fs/suspend.js';
import type { Volume } from '../../fs/volume/volume.js';
import { ScrubbedVolume } from './scrubbed-volume.js';

afterEach(() => void vi.restoreAllMocks());

async function searched(volume: Volume, wanted: ReadonlySet<number>): Promise<NameSearch> {
  const { state } = volume;
  const names = new NameSearch(volume, (inode) => wanted.has(inode));
  const events = { read: async () => undefined, good: () => undefined, bad: () => undefined };
  const sweep = new TreeSweep(state, state.main, events, { from: state.store });
  while (await sweep.step((leaf) => names.visit(leaf)));
  return names;
}

it('goes through a directory of many once for all that are named in it, with turns for others', async () => {
  const made = await ScrubbedVolume.make();
  const many = await made.directory('many');
  const inner: number[] = [];
  for (let i = 0; i < 3000; i++) inner.push(await made.directory(`${i}`, many));
  const files = new Map<number, string>();
  for (let i = 0; i < 40; i++) files.set(await made.file(`file ${i}`, 1, inner[i * 70]), `/many/${i * 70}/file ${i}`);
  const names = await searched(made.volume, new Set(files.keys()));
  const seek = vi.spyOn(made.volume, 'seek');
  let turns = 0;
  let over = false;
  const turn = (): void => {
    turns++;
    if (!over) setImmediate(turn);
  };
  setImmediate(turn);
  const paths = await names.paths();
  over = true;
  for (const [inode, path] of files) expect(paths.get(inode)).toBe(path);
  const gone = seek.mock.calls.filter(([inode]) => inode === many).length;
  expect(gone).toBeGreaterThan(1);
  expect(gone).toBeLessThan(6);
  expect(turns).toBeGreaterThan(1);
  await made.fs.close();
  await made.volume.close();
});

it('has no path for what hangs in itself, or in a directory that is gone or can not be read', async () => {
  const made = await ScrubbedVolume.make();
  const upper = await made.directory('upper');
  const inside = await made.directory('inside', upper);
  const file = await made.file('file', 1, inside);
  const names = async () => [...(await (await searched(made.volume, new Set([file]))).paths())];
  const get = made.volume.get.bind(made.volume);
  const spy = vi.spyOn(made.volume, 'get');
  const record = await run(() => get(inside, itemKind.inode, 0)?.slice());
  const answers = [
    () => record,
    () => undefined,
    () => {
      throw new FsError('EIO', 'read');
    },
  ];
  for (const answer of answers) {
    spy.mockImplementation((inode, kind, offset) => (inode === upper ? answer() : get(inode, kind, offset)));
    expect(await names()).toEqual([[1, '/']]);
  }
  spy.mockRestore();
  expect(await names()).toEqual([
    [1, '/'],
    [file, '/upper/inside/file'],
  ]);
  await made.fs.close();
  await made.volume.close();
});
