/** Files without names, large files that go in many batches, and what a mount finishes after a crash. */
import { beforeEach, describe, expect, it } from 'vitest';
import { itemKind } from '../../fs/format/item.js';
import { Suspend } from '../../fs/suspend.js';
import { bytes, moods, root, Workbench } from './workbench.js';

const page = 4096;

describe.each(moods)('on %s', (_, mood) => {
  let bench: Workbench;
  beforeEach(async () => {
    bench = await Workbench.open(mood);
  });
  const clean = async (): Promise<void> => expect(await bench.settle()).toEqual([]);
  const orphans = (): number => bench.volume.items.filter((item) => item.kind === itemKind.orphan).length;

  /** A file of `count` extents of one page. */
  async function scattered(name: string, count: number): Promise<number> {
    const inode = await bench.file(name);
    for (let i = 0; i < count; i++) {
      await bench.write(inode, i * 2 * page, `${i}`.padEnd(page, 'x'));
      if (i % 200 === 199) await bench.flush(inode);
    }
    await bench.flush(inode);
    return inode;
  }

  it('keeps an unlinked file until it is let go', async () => {
    const inode = await bench.file('f', 'x'.repeat(3 * page));
    await bench.flush(inode);
    bench.fs.hold(inode);
    bench.fs.hold(inode);
    await bench.do((fs) => fs.unlink(1, bytes('f'), root));
    expect(orphans()).toBe(1);
    expect((await bench.stat(inode)).links).toBe(0);
    await bench.write(inode, 0, 'still');
    expect(await bench.read(inode, 0, 5)).toBe('still');
    bench.fs.letGo(inode, 1);
    expect((await bench.stat(inode)).links).toBe(0);
    bench.fs.letGo(inode, 1);
    await clean();
    expect(orphans()).toBe(0);
    expect(bench.volume.live).toBe(0);
    expect(bench.volume.inodes).toBe(1);
  });

  it('removes a small file that nobody holds in one batch', async () => {
    const inode = await bench.file('f', 'x'.repeat(3 * page));
    await bench.flush(inode);
    const before = bench.volume.batches;
    await bench.do((fs) => fs.unlink(1, bytes('f'), root));
    expect(bench.volume.batches).toBe(before + 1);
    expect(bench.volume.live).toBe(0);
    await clean();
  });

  it('ends a flush that waits while the file goes, and has what it waited to write dropped', async () => {
    const inode = await bench.file('f', 'x'.repeat(3 * page));
    await bench.flush(inode);
    bench.fs.hold(inode);
    await bench.do((fs) => fs.unlink(1, bytes('f'), root));
    await bench.write(inode, 3 * page, 'more'.padEnd(page));
    let read = (): void => undefined;
    const node = new Promise<void>((resolve) => {
      read = resolve;
    });
    const { volume } = bench;
    const [prepare, seek] = [volume.prepare.bind(volume), volume.seek.bind(volume)];
    volume.prepare = () => {
      volume.prepare = prepare;
      throw new Suspend(node, 'node');
    };
    const flushed = bench.fs.fsync(inode, false);
    volume.seek = () => {
      volume.seek = seek;
      throw new Suspend(node, 'node');
    };
    bench.fs.letGo(inode, 1);
    read();
    await flushed;
    await clean();
    expect(volume.live).toBe(0);
    expect(volume.inodes).toBe(1);
  });

  it('gives an unlinked file another name', async () => {
    const inode = (await bench.do((fs) => fs.tmpfile(1, 0o644, 0, root))).inode;
    bench.fs.hold(inode);
    await bench.write(inode, 0, 'contents');
    expect(orphans()).toBe(1);
    await bench.do((fs) => fs.link(inode, 1, bytes('named'), root));
    expect(orphans()).toBe(0);
    bench.fs.letGo(inode, 1);
    await bench.remount();
    expect(await bench.read(inode)).toBe('contents');
    await clean();
  });

  it('gives back a file of many extents in bounded batches', async () => {
    const inode = await scattered('f', 1000);
    const before = bench.volume.batches;
    await bench.do((fs) => fs.unlink(1, bytes('f'), root));
    await clean();
    expect(bench.volume.batches - before).toBeGreaterThanOrEqual(4);
    expect(bench.volume.live).toBe(0);
    expect(await bench.failure((fs) => fs.getattr(inode))).toBe('ESTALE');
  });

  it('cuts a file of many extents, and writes wait until that is done', async () => {
    const inode = await scattered('f', 1000);
    await bench.truncate(inode, 10 * page);
    expect((await bench.stat(inode)).size).toBe(10 * page);
    await bench.write(inode, 1999 * page, 'end');
    const all = await bench.read(inode);
    for (let i = 0; i < 10; i++) expect(all[i * page]).toBe(i % 2 === 0 ? `${i / 2}` : '\0');
    expect(all.slice(10 * page, -3)).toBe('\0'.repeat(1989 * page));
    await clean();
    expect(bench.volume.live).toBe(6);
  });

  it('finishes at the next mount what a crash left', async () => {
    // Work in steps never comes to its second one, as if the machine had stopped there.
    await bench.remount({ cacheBytes: 4 << 20, breathe: () => new Promise(() => undefined) });
    const cut = await scattered('cut', 900);
    const unlinked = await scattered('unlinked', 900);
    const held = await bench.file('held', 'x'.repeat(page));
    await bench.flush(held);
    bench.fs.hold(held);
    await bench.do((fs) => fs.unlink(1, bytes('held'), root));
    await bench.do((fs) => fs.unlink(1, bytes('unlinked'), root));
    await bench.truncate(cut, 5 * page);
    expect(orphans()).toBe(3);
    expect(bench.volume.live).toBeGreaterThan(4);
    await bench.remount();
    expect(orphans()).toBe(0);
    expect(await bench.failure((fs) => fs.getattr(unlinked))).toBe('ESTALE');
    expect(await bench.failure((fs) => fs.getattr(held))).toBe('ESTALE');
    expect((await bench.stat(cut)).size).toBe(5 * page);
    expect(bench.volume.live).toBe(3);
    expect(await bench.settle()).toEqual([]);
  });

  it('close gives back what nobody can reach any more', async () => {
    const inode = await bench.file('f', 'x'.repeat(page));
    bench.fs.hold(inode);
    await bench.do((fs) => fs.unlink(1, bytes('f'), root));
    await bench.fs.close();
    expect(orphans()).toBe(0);
    expect(bench.volume.reserved).toBe(0);
    expect(bench.volume.flusher).toBeUndefined();
  });
});
