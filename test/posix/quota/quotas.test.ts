/** Limits are enforced where they can be told of, and what is counted is what is stored or about to be. */
import { expect, test } from 'vitest';
import { inodeFlag } from '../../../fs/format/item.js';
import { fallocateFlag } from '../../../fs/posix/api.js';
import { everyone, noLimits, QuotaTable } from '../../../fs/posix/quota/quota-table.js';
import { type Holder, holders } from '../../../fs/volume/usage.js';
import { bytes, moods, root, user, Workbench } from '../workbench.js';

const page = 4096;
const lines: string[] = [];
const options = { cacheBytes: 4 << 20, quotas: holders, onQuota: (line: string) => void lines.push(line) };

async function bench(mood = moods[0][1]): Promise<Workbench> {
  lines.length = 0;
  return Workbench.open(mood, options);
}

async function limit(at: Workbench, holder: Holder, id: number, limits: Partial<typeof noLimits>): Promise<void> {
  await at.do(() => new QuotaTable(at.volume).set(holder, id, { ...noLimits, ...limits }));
  at.fs.quotasChanged();
}

const own = (at: Workbench, name: string, parent = 1) =>
  at.do((fs) => fs.mknod(parent, bytes(name), 0o100644, 0, 0, user)).then(({ inode }) => inode);
const write = (at: Workbench, inode: number, first: number, pages: number, who = user) =>
  at.do((fs) => fs.write(inode, first * page, new Uint8Array(pages * page).fill(7), who));
const writeFails = (at: Workbench, inode: number, first: number, pages: number, who = user) =>
  at.failure((fs) => fs.write(inode, first * page, new Uint8Array(pages * page).fill(7), who));

test.each(moods)('a file takes what the hard limit leaves, dirty pages included, on %s', async (_, mood) => {
  const at = await bench(mood);
  await limit(at, 'user', user.uid, { hardPages: 10 });
  const [a, b] = [await own(at, 'a'), await own(at, 'b')];
  expect(await write(at, a, 0, 6)).toBe(6 * page);
  // Not flushed yet: they count all the same. Of six pages four are taken, as write(2) does at a limit.
  expect(await write(at, b, 0, 6)).toBe(4 * page);
  expect(await writeFails(at, b, 4, 1)).toBe('EDQUOT');
  expect(lines.at(-1)).toMatch(/user 1000: the hard limit of space/);
  // In place is no more than there is.
  expect(await write(at, b, 0, 4)).toBe(4 * page);
  expect(await write(at, b, 5, 1, root)).toBe(page);
  // Also beyond the limit, by now.
  expect(await write(at, b, 0, 4)).toBe(4 * page);
  await at.do((fs) => fs.unlink(1, bytes('a'), user));
  expect(await write(at, b, 6, 5)).toBe(5 * page);
  expect(await writeFails(at, b, 11, 1)).toBe('EDQUOT');
  expect(await at.settle()).toEqual([]);
});

test('what was removed makes room at once, though the kernel lets go of it a moment later; what is open does not', async () => {
  const at = await bench();
  await limit(at, 'user', user.uid, { hardPages: 10, hardInodes: 3 });
  const [a, b, open] = [await own(at, 'a'), await own(at, 'b'), await own(at, 'open')];
  for (const inode of [a, open]) at.fs.hold(inode);
  await write(at, a, 0, 6);
  await write(at, open, 0, 3);
  for (const name of ['a', 'open']) await at.do((fs) => fs.unlink(1, bytes(name), user));
  setImmediate(() => setImmediate(() => at.fs.letGo(a, 1)));
  expect(await write(at, b, 0, 8)).toBe(7 * page);
  await own(at, 'c');
  expect(await at.failure((fs) => fs.mkdir(1, bytes('d'), 0o755, 0, user))).toBe('EDQUOT');
  expect(await writeFails(at, b, 7, 3)).toBe('EDQUOT');
  at.fs.letGo(open, 1);
  expect(await write(at, b, 7, 3)).toBe(3 * page);
  expect(await at.settle()).toEqual([]);
});

test('an inline file that gets pages by growing asks for them', async () => {
  const at = await bench();
  await limit(at, 'user', user.uid, { hardPages: 1 });
  const [a, b] = [await own(at, 'a'), await own(at, 'b')];
  await at.do((fs) => fs.write(b, 0, new Uint8Array(100).fill(1), user));
  await at.flush(b);
  await write(at, a, 0, 1);
  expect(await at.failure((fs) => fs.setattr(b, { size: 5000 }, user))).toBe('EDQUOT');
  expect(await at.failure((fs) => fs.fallocate(b, 0, 0, 10, user))).toBe('EDQUOT');
  expect(await at.failure((fs) => fs.setattr(b, { size: 50 }, user))).toBe('none');
});

test('inodes: a hard limit, one for a group, and the default for all but the superuser', async () => {
  const at = await bench();
  await limit(at, 'user', everyone, { hardInodes: 2 });
  await own(at, 'a');
  expect(await at.failure((fs) => fs.mkdir(1, bytes('b'), 0o755, 0, user))).toBe('none');
  expect(await at.failure((fs) => fs.symlink(1, bytes('c'), bytes('x'), user))).toBe('EDQUOT');
  expect(await at.failure((fs) => fs.tmpfile(1, 0o600, 0, user))).toBe('EDQUOT');
  for (const name of ['d', 'e', 'f']) await at.file(name);
  await limit(at, 'user', user.uid, { hardInodes: 4 });
  await limit(at, 'group', user.gid, { hardInodes: 3 });
  await own(at, 'c');
  expect(await at.failure((fs) => fs.mknod(1, bytes('g'), 0o100644, 0, 0, user))).toBe('EDQUOT');
  expect(lines.at(-1)).toMatch(/group 100/);
});

test('the grace time: it begins when the soft limit is passed, ends writing, and is forgotten below it', async () => {
  const at = await bench();
  await limit(at, 'user', user.uid, { softPages: 4, hardPages: 10, pageGrace: 1000 });
  const inode = await own(at, 'a');
  await write(at, inode, 0, 6);
  expect(lines.at(-1)).toMatch(/soft limit of space is passed/);
  await at.flush(inode);
  const entry = () => at.do(() => new QuotaTable(at.volume).entry('user', user.uid));
  expect((await entry()).own.pagesUntil).toBeGreaterThan(at.volume.time.seconds);
  at.volume.time = { ...at.volume.time, seconds: at.volume.time.seconds + 2000 };
  expect(await writeFails(at, inode, 6, 1)).toBe('EDQUOT');
  expect(lines.at(-1)).toMatch(/grace time/);
  await at.truncate(inode, 3 * page);
  expect(await write(at, inode, 3, 3)).toBe(3 * page);
  // A new limit while beyond it: the time begins anew.
  at.volume.time = { ...at.volume.time, seconds: at.volume.time.seconds + 2000 };
  await at.flush(inode);
  await limit(at, 'user', user.uid, { softPages: 5, hardPages: 10, pageGrace: 1000 });
  expect(await write(at, inode, 6, 1)).toBe(page);
});

test('chown and fallocate ask, and dirty pages go along with their file', async () => {
  const at = await bench();
  await limit(at, 'group', 7, { hardPages: 4 });
  const inode = await own(at, 'a');
  await write(at, inode, 0, 5);
  expect(await at.failure((fs) => fs.setattr(inode, { gid: 7 }, user))).toBe('EDQUOT');
  await at.truncate(inode, 3 * page);
  expect(await at.failure((fs) => fs.setattr(inode, { gid: 7 }, user))).toBe('none');
  expect(await at.failure((fs) => fs.fallocate(inode, fallocateFlag.keepSize, 0, 5 * page, user))).toBe('EDQUOT');
  expect(await at.failure((fs) => fs.fallocate(inode, fallocateFlag.keepSize, 0, 4 * page, user))).toBe('none');
  expect(await writeFails(at, inode, 9, 1)).toBe('EDQUOT');
  // What is reserved is paid for.
  expect(await write(at, inode, 3, 1)).toBe(page);
  expect(await at.settle()).toEqual([]);
});

test('a project: inherited, of its own inside, and df shows its limit', async () => {
  const at = await bench();
  const directory = await at.directory('p');
  await at.do((fs) => fs.setFlags(directory, inodeFlag.projectInherit, 42, root));
  const sub = await at.directory('sub', directory);
  const inode = await own(at, 'in', sub);
  expect(await at.stat(inode)).toMatchObject({ project: 42, flags: 0 });
  expect(await at.stat(sub)).toMatchObject({ project: 42, flags: inodeFlag.projectInherit });
  const outside = await own(at, 'out');
  expect((await at.stat(outside)).project).toBe(0);
  expect(await at.failure((fs) => fs.rename(1, bytes('out'), sub, bytes('x'), 0, user))).toBe('EXDEV');
  expect(await at.failure((fs) => fs.link(outside, sub, bytes('x'), user))).toBe('EXDEV');
  expect(await at.failure((fs) => fs.rename(sub, bytes('in'), directory, bytes('in'), 0, user))).toBe('none');
  await limit(at, 'project', 42, { softPages: 8, hardPages: 10, hardInodes: 20 });
  await write(at, inode, 0, 6);
  const shown = await at.do((fs) => fs.statfs(sub));
  expect(shown).toMatchObject({ pages: 8, freePages: 2, availablePages: 2, inodes: 20, freeInodes: 17 });
  expect((await at.do((fs) => fs.statfs(1))).pages).toBeGreaterThan(1000);
  expect(await write(at, inode, 6, 9)).toBe(4 * page);
  expect(await at.do((fs) => fs.nearQuota(inode))).toBe(true);
});
