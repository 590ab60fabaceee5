/** A scrub verifies every page of a volume in use, says what is damaged, and disturbs nothing. */
import { describe, expect, it } from 'vitest';
import { FsError } from '../../fs/errors.js';
import { placeOffset, slotOffset, tableOffset } from '../../fs/format/geometry.js';
import { placeState } from '../../fs/format/segment-table.js';
import { headKind } from '../../fs/log/segment-table.js';
import { currentCopy } from '../../fs/log/table-pages.js';
import { findingText, type ScrubStatus } from '../../fs/scrub/report.js';
import { Scrub } from '../../fs/scrub/scrub.js';
import { below, seededRandom } from '../../fs/store/random.js';
import { pageSize } from '../../fs/units.js';
import { plainOnly } from '../support/plain-volumes.js';
import { ScrubbedVolume } from './scrubbed-volume.js';

/** Two directories, files of several extents, and segments that were cleaned. */
async function filled(): Promise<ScrubbedVolume> {
  const made = await ScrubbedVolume.make();
  const directory = await made.directory('a "b"');
  for (let i = 0; i < 60; i++) await made.file(`file ${i}`, 40_000, i % 2 === 0 ? 1 : directory);
  await made.volume.commit();
  for (let i = 0; i < 60; i += 3) await made.unlink(`file ${i}`, i % 2 === 0 ? 1 : directory);
  await made.volume.commit();
  const { table, mover } = made.volume.state;
  for (let place = 0; place < table.state.length; place++) {
    if (table.state[place] === placeState.sealed && table.head[place] === headKind.data) await mover.clean(place);
  }
  expect(mover.moved).toBeGreaterThan(100);
  await made.volume.commit();
  await made.volume.commit();
  return made;
}

const kinds = ({ findings }: ScrubStatus): string[] => findings.map(({ what }) => what);

describe('a scrub', () => {
  it('verifies every live page of a good volume and finds nothing', async () => {
    const made = await filled();
    const status = await made.scrub();
    expect(status).toMatchObject({ state: 'finished', errors: 0, findings: [] });
    const { data, nodes, fixed, summaries } = status.pagesChecked;
    expect(data + nodes).toBe(made.volume.state.table.livePages);
    expect(fixed).toBeGreaterThan(5);
    expect(summaries).toBeGreaterThan(0);
    expect(status.done).toBe(status.all);
  });

  it('leaves the caches as they are', async () => {
    const made = await filled();
    const { cache } = made.volume.state;
    cache.chill();
    const { size, misses } = cache;
    await made.scrub();
    // What moved is looked up in the system tree.
    expect(cache.size).toBeLessThanOrEqual(size + made.volume.state.system.height);
    expect(cache.misses).toBeLessThanOrEqual(misses + made.volume.state.system.height);
  });

  it('tells a bad page of a file by its path, and changes go on', async (context) => {
    plainOnly(context, 'counts pages of plain extents');
    const made = await filled();
    const { inode } = made.fs.lookup(2, Buffer.from('file 1'));
    const offset = await made.offsetOfPage(inode, 0);
    await made.flip(offset + 5 * pageSize + 17);
    const told: string[] = [];
    const status = await made.scrub({ onFinding: (finding) => told.push(findingText(finding)) });
    expect(status.errors).toBe(1);
    expect(status.findings[0]).toMatchObject({
      what: 'data',
      inode,
      page: 5,
      offset: offset + 5 * pageSize,
      path: '/a \\"b\\"/file 1',
    });
    expect(findingText(status.findings[0])).toMatch(
      /^page 5 of \/a .*\/file 1 \(inode \d+\), address \d+, byte \d+ of/,
    );
    expect(told).toEqual([expect.stringMatching(/^page 5 of inode \d+, .*: CRC32C [0-9a-f]{8} instead of /)]);
    await made.file('new', 5000);
    await made.volume.commit();
  });

  it('tells a bad page of a file that was moved', async () => {
    const made = await filled();
    const { inode } = made.fs.lookup(1, Buffer.from('file 2'));
    await made.flip(await made.offsetOfPage(inode, 0));
    expect((await made.scrub()).findings).toMatchObject([{ what: 'data', inode, page: 0, path: '/file 2' }]);
  });

  it('stops all changes for a bad tree node, and goes on to verify what it can', async () => {
    const made = await filled();
    await made.volume.commit();
    const { main, cache, log } = made.volume.state;
    const root = main.rootNode();
    await made.flip((await made.offsetOf(root.childAddress(1))) + 100);
    cache.chill();
    const status = await made.scrub();
    expect(kinds(status)).toEqual(['node']);
    expect(status.pagesChecked.data).toBeGreaterThan(0);
    expect(status.pagesChecked.data).toBeLessThan(log.table.livePages);
    await expect(made.file('new', 1)).rejects.toThrow(/EIO/);
  });

  it('goes on below a bad node that memory still has', async () => {
    const made = await filled();
    await made.flip((await made.offsetOf(made.volume.state.main.root.address)) + 100);
    const status = await made.scrub();
    expect(kinds(status)).toEqual(['node']);
    expect(status.pagesChecked.data).toBeGreaterThan(300);
  });

  it('verifies what lies in fixed places, and summaries', async () => {
    const made = await filled();
    const { geometry, table, tableMap, slot, log } = made.volume.state;
    await made.flip(100);
    await made.flip(geometry.imagePages * pageSize - 1);
    await made.flip(slotOffset(geometry, 1 - slot) + 50);
    await made.flip(slotOffset(geometry, slot) + 60);
    await made.flip(tableOffset(geometry, 0, currentCopy(tableMap, 0) - 1) + 1000);
    const cold = table.head.findIndex(
      (head, place) => head === headKind.cold && table.state[place] === placeState.sealed && table.live[place] > 0,
    );
    await made.flip(placeOffset(geometry, cold, log.perSegment - 1) + 40);
    const status = await made.scrub();
    expect(kinds(status)).toEqual(['superblock', 'superblock', 'checkpoint', 'checkpoint', 'segment-table', 'summary']);
    expect(status.findings.map((finding) => findingText(finding)).join('\n')).not.toMatch(/undefined|NaN/);
  });

  it('tells pages that can not be read, each by itself', async (context) => {
    plainOnly(context, 'counts pages of plain extents');
    const made = await filled();
    const { inode } = made.fs.lookup(1, Buffer.from('file 4'));
    const bad = (await made.offsetOfPage(inode, 0)) + 2 * pageSize;
    const read = made.store.read.bind(made.store);
    made.store.read = (offset, into) => {
      if (offset <= bad && bad < offset + into.length) throw new FsError('EIO', 'read', undefined, 'a bad sector');
      return read(offset, into);
    };
    expect((await made.scrub()).findings).toMatchObject([{ what: 'data', inode, page: 2, offset: bad }]);
  });

  it('ends when it is told to', async () => {
    const made = await filled();
    const scrub = new Scrub(made.volume);
    await scrub.stop();
    expect(scrub.status).toMatchObject({ state: 'stopped', errors: 0 });
    expect(scrub.status.pagesChecked.data).toBe(0);
  });

  it('keeps to a rate', async () => {
    const made = await filled();
    let now = 0;
    const sleep = async (ms: number): Promise<void> => {
      now += ms;
    };
    const status = await made.scrub({ rate: 1 << 20, now: () => now, sleep });
    expect(status.seconds).toBeGreaterThan(status.bytesRead / 2 ** 20 - 0.3);
    expect(status.seconds).toBeLessThan(status.bytesRead / 2 ** 20 + 0.3);
  });

  it('takes less of the time while requests are served', async () => {
    const made = await filled();
    const shares: number[] = [];
    for (const busy of [0, 1]) {
      let now = 0;
      let rest = 0;
      let served = 0;
      const sleep = async (ms: number): Promise<void> => {
        now += ms;
        rest += ms;
      };
      // Each look at the clock is a millisecond of work.
      await made.scrub({ now: () => ++now, sleep, served: () => (served += busy) });
      shares.push(1 - rest / now);
    }
    expect(shares[0]).toBeGreaterThan(0.4);
    expect(shares[1]).toBeLessThan(0.2);
    expect(shares[1]).toBeGreaterThan(0.05);
  });
});

describe('a scrub of a volume that is worked in', () => {
  it.each([1, 2, 3])('finds nothing where nothing is wrong: seed %i', async (seed) => {
    const random = seededRandom(seed);
    const made = await ScrubbedVolume.make(seededRandom(seed + 100));
    const files: number[] = [];
    for (let i = 0; i < 50; i++) files.push(await made.file(`f${i}`, 30_000 + below(random, 60_000)));
    let scrubs = 0;
    let working = true;
    const scrubbing = (async () => {
      while (working) {
        const status = await made.scrub();
        expect(status).toMatchObject({ state: 'finished', findings: [] });
        scrubs++;
      }
    })();
    for (let i = 0; i < 1500; i++) {
      const at = below(random, files.length);
      const dice = random();
      if (dice < 0.75) await made.write(files[at], below(random, 15) * 4096, 1 + below(random, 20_000));
      else if (dice < 0.9) await made.fs.fsync(files[at], false);
      else if (dice < 0.95) {
        await made.unlink(`f${at}`);
        files[at] = await made.file(`f${at}`, below(random, 50_000));
      } else await made.volume.commit();
    }
    working = false;
    await scrubbing;
    expect(scrubs).toBeGreaterThan(2);
    expect(made.volume.counters.wraps).toBeGreaterThan(1);
    await made.fs.close();
    await made.volume.close();
  });
});
