/** A scrub of a volume with snapshots reads what each of them holds, each page once. */
import { expect, it } from 'vitest';
import { findingText } from '../../fs/scrub/report.js';
import { Scrub } from '../../fs/scrub/scrub.js';
import { below, seededRandom } from '../../fs/store/random.js';
import { run } from '../../fs/suspend.js';
import { pageSize } from '../../fs/units.js';
import { SnapshotView } from '../../fs/volume/snapshot-view.js';
import { storedPlain } from '../support/plain-volumes.js';
import { ScrubbedVolume } from './scrubbed-volume.js';

/** Three snapshots of 40 files, some of which were removed or overwritten after each. */
async function kept(): Promise<ScrubbedVolume> {
  const made = await ScrubbedVolume.make();
  const inodes: number[] = [];
  for (let i = 0; i < 40; i++) inodes.push(await made.file(`file ${i}`, 20_000));
  for (let i = 0; i < 3; i++) {
    await made.volume.snapshots.create(`day ${i}`);
    for (let k = 0; k < 10; k++) await made.write(inodes[10 * i + k], 4096 * i, 8192);
    await made.unlink(`file ${10 * i}`);
  }
  await made.volume.commit();
  return made;
}

const finds = (made: ScrubbedVolume, name: string): SnapshotView => {
  const root = made.volume.snapshots.find(name);
  if (root === undefined) throw new Error(`no snapshot ${name}`);
  return new SnapshotView(made.volume, root);
};

it('each live page is verified once, whoever holds it', async () => {
  const made = await kept();
  const { errors, pagesChecked, done, all } = await made.scrub();
  expect(errors).toBe(0);
  expect(pagesChecked.data + pagesChecked.nodes).toBe(made.volume.state.table.livePages);
  expect(done).toBe(all);
});

it('a bad page that only snapshots hold is told with the oldest of them, and changes go on', async () => {
  const made = await kept();
  const { inode } = made.fs.lookup(1, Buffer.from('file 19'));
  const view = finds(made, 'day 0');
  await made.flip((await made.offsetOfPage(inode, 0, view)) + pageSize);
  const { findings } = await made.scrub();
  expect(findings).toMatchObject([{ what: 'data', inode, path: '/file 19', holder: 'snapshot day 0' }]);
  // What is sealed as a unit is told by the first page of that.
  const told = findingText(findings[0]);
  expect(told).toMatch(/^page [01] of \/file 19 \(inode \d+\) in snapshot day 0, address /);
  if (storedPlain) expect(told).toMatch(/^page 1 /);
  await made.file('new', 5000);
  await made.volume.commit();
});

it('a bad page that the live tree has too is told by its name there', async () => {
  const made = await kept();
  const { inode } = made.fs.lookup(1, Buffer.from('file 39'));
  const who = { uid: 0, gid: 0, pid: 1 };
  await run(() => made.fs.rename(1, Buffer.from('file 39'), 1, Buffer.from('moved'), 0, who));
  await made.flip(await made.offsetOfPage(inode, 0));
  const [finding, ...others] = (await made.scrub()).findings;
  expect(finding).toMatchObject({ what: 'data', inode, path: '/moved' });
  expect(finding.holder).toBeUndefined();
  expect(others).toEqual([]);
});

it('a bad node that only a snapshot has stops nobody; what lies below it in the live tree is verified there', async () => {
  const made = await kept();
  const { tree } = finds(made, 'day 0');
  await made.flip((await made.offsetOf(tree.root.address)) + 100);
  made.volume.state.cache.chill();
  const { findings, pagesChecked } = await made.scrub();
  expect(findings).toMatchObject([{ what: 'node', holder: 'snapshot day 0' }]);
  expect(pagesChecked.data).toBeGreaterThan(200);
  await made.file('new', 5000);
  await made.volume.commit();
});

it('a snapshot that goes while it is read leaves what it shared to the next', async () => {
  const made = await kept();
  const { inode } = made.fs.lookup(1, Buffer.from('file 39'));
  await made.flip(await made.offsetOfPage(inode, 0));
  let gone = false;
  const scrub: Scrub = new Scrub(made.volume, {
    rate: 1 << 18,
    now: () => 0,
    sleep: async () => {
      if (gone || !scrub.status.stage.startsWith('snapshot day 0')) return;
      gone = true;
      await made.volume.snapshots.remove('day 0');
    },
  });
  await scrub.ended;
  expect(gone).toBe(true);
  expect(scrub.status).toMatchObject({ state: 'finished', findings: [{ what: 'data', path: '/file 39' }] });
});

it.each([1, 2])('nothing is found while snapshots come and go: seed %i', async (seed) => {
  const random = seededRandom(seed);
  const made = await ScrubbedVolume.make(seededRandom(seed + 100));
  const { snapshots } = made.volume;
  const files: number[] = [];
  for (let i = 0; i < 30; i++) files.push(await made.file(`f${i}`, 20_000 + below(random, 40_000)));
  let working = true;
  let scrubs = 0;
  const scrubbing = (async () => {
    while (working) {
      expect(await made.scrub()).toMatchObject({ state: 'finished', findings: [] });
      scrubs++;
    }
  })();
  for (let i = 0; i < 400; i++) {
    const at = below(random, files.length);
    const dice = random();
    if (dice < 0.8) await made.write(files[at], below(random, 10) * 4096, 1 + below(random, 20_000));
    else if (dice < 0.9 && snapshots.list().length < 6) await snapshots.create(`s${i}`);
    else if (snapshots.list().length > 2) {
      const list = snapshots.list();
      await snapshots.remove(list[below(random, list.length)].name);
    } else await made.volume.commit();
  }
  working = false;
  await scrubbing;
  expect(scrubs).toBeGreaterThan(1);
});
