/**
 * The promise of each journalling mode, with the power cut at every write of a scenario, and with the death of the
 * process alone.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import { seededRandom } from '../../fs/store/random.js';
import { SimulatedDisk } from '../../fs/store/simulated-disk.js';
import type { SparseBytes } from '../../fs/store/sparse-bytes.js';
import { run } from '../../fs/suspend.js';
import type { JournalMode } from '../../fs/volume/journal-mode.js';
import { checkVolume } from '../../fsck/check.js';
import {
  type Cut,
  emptyImage,
  imageBytes,
  look,
  type Operation,
  operations,
  rehearse,
  replacements,
  runUntil,
  type Seen,
  start,
  syncAll,
  withSyncs,
} from './scenario.js';

let image: SparseBytes;
beforeAll(async () => {
  image = await emptyImage();
});

/** What another mount finds; the image is sound then. */
async function found(contents: SparseBytes, journal: JournalMode): Promise<Seen> {
  const { disk, api, volume } = await start(new SimulatedDisk(imageBytes, { contents }), journal);
  const seen = await look(api);
  await api.close();
  await volume.close();
  expect((await checkVolume(disk, { data: true })).map((problem) => JSON.stringify(problem))).toEqual([]);
  return seen;
}

interface Crash {
  readonly cut: Cut;
  readonly seen: Seen;
  readonly where: string;
}

/** Crash at every write; `outcomes` states each. */
async function* crashes(list: readonly Operation[], journal: JournalMode, outcomes: number): AsyncGenerator<Crash> {
  for (let at = 1; ; at++) {
    const cut = await runUntil(image, list, journal, at, at % 2 === 0 ? at : undefined);
    if (cut === undefined) return;
    for (let outcome = 0; outcome < outcomes; outcome++) {
      const contents = cut.machine.disk.crash(seededRandom(at * 16 + outcome));
      const where = `write ${at}, outcome ${outcome}: ${cut.done} done, ${cut.synced} synced`;
      yield { cut, seen: await found(contents, journal), where };
    }
  }
}

/** Which of the moments it is: the last of them that looks the same, or -1. */
const momentOf = (moments: readonly Seen[], seen: Seen): number => moments.map(({ all }) => all).lastIndexOf(seen.all);

describe('journal=data', () => {
  it('leaves a prefix of the operations after a power cut', async () => {
    const list = withSyncs(9);
    const moments = await rehearse(image, list, 'data');
    let crashed = 0;
    for await (const { cut, seen, where } of crashes(list, 'data', 2)) {
      const moment = momentOf(moments, seen);
      if (moment < 0) expect(seen.all, where).toBe(moments[cut.done].all);
      expect(moment, where).toBeGreaterThanOrEqual(cut.synced);
      crashed++;
    }
    expect(crashed).toBeGreaterThan(2 * list.length);
  });

  it('leaves all acknowledged operations after the death of the process', async () => {
    const list = withSyncs(100);
    const moments = await rehearse(image, list, 'data');
    for (let at = 1; ; at++) {
      const cut = await runUntil(image, list, 'data', at, at % 2 === 0 ? at : undefined);
      if (cut === undefined) break;
      const seen = await found(cut.machine.disk.contents(), 'data');
      const moment = momentOf(moments, seen);
      if (moment < 0) expect(seen.all, `write ${at}`).toBe(moments[cut.done].all);
      expect(moment, `write ${at}`).toBeGreaterThanOrEqual(cut.done);
    }
  });
});

describe('journal=data, a small file', () => {
  it('keeps its contents when it becomes too long to be inline', async () => {
    const machine = await start(new SimulatedDisk(imageBytes, { contents: image.copy() }), 'data');
    const who = { uid: 0, gid: 0, pid: 1 };
    const { inode } = machine.api.mknod(1, Buffer.from('small'), 0o100644, 0, 0, who);
    machine.api.write(inode, 0, Buffer.from('hi'), who);
    machine.api.setattr(inode, { size: 5000 }, who);
    await machine.api.settled('file');
    const left = machine.disk.kill(seededRandom(1));
    await machine.volume.abandon();
    const again = await start(new SimulatedDisk(imageBytes, { contents: left }), 'data');
    const into = Buffer.alloc(4);
    expect(await run(() => again.api.read(inode, 0, into))).toBe(4);
    expect(into.toString('latin1')).toBe('hi\0\0');
    await again.volume.abandon();
  });
});

describe('journal=data, beside an fsync whose record is still on its way', () => {
  it.each([1, 2, 3, 4])('acknowledges nothing that needs this record (%i)', async (seed) => {
    const machine = await start(new SimulatedDisk(imageBytes, { contents: image.copy() }), 'data');
    const who = { uid: 0, gid: 0, pid: 1 };
    const { faults } = machine.disk;
    const make = (name: string) => machine.api.mknod(1, Buffer.from(name), 0o100644, 0, 0, who).inode;
    // Zeros are ahead of the next records then.
    for (const name of ['zero', 'one']) await run(() => machine.api.fsync(make(name), false));
    const first = make('first');
    faults.plan('write', faults.counts.write + 1, { what: 'slow', turns: 40 });
    const syncing = run(() => machine.api.fsync(first, false)).catch(() => undefined);
    make('second');
    await machine.api.settled('names');
    const left = machine.disk.kill(seededRandom(seed));
    await machine.volume.abandon();
    await syncing;
    expect((await found(left, 'data')).names).toMatch(/first.*second/s);
  });
});

describe('journal=none', () => {
  it('leaves exactly the last checkpoint', async () => {
    const list = operations.flatMap((operation, i) => (i % 7 === 6 ? [operation, syncAll] : [operation]));
    const moments = await rehearse(image, list, 'none');
    for await (const { cut, seen, where } of crashes(list, 'none', 2)) {
      expect(cut.machine.volume.counters.records).toBe(0);
      const moment = momentOf(moments, seen);
      if (moment !== cut.synced && list[cut.done] === syncAll) expect(moment, where).toBe(cut.done + 1);
      else expect(seen.all, where).toBe(moments[cut.synced].all);
    }
  });
});

/** What `file` holds, after crashes during its replacements: the contents found for each. */
async function replaced(journal: JournalMode): Promise<Set<string>> {
  const moments = await rehearse(image, replacements, journal);
  const whole = new Set(moments.flatMap(({ files }) => [...files.values()]).filter((text) => text.startsWith('6000 ')));
  expect(whole.size).toBe(8);
  const kinds = new Set<string>();
  for await (const { cut, seen, where } of crashes(replacements, journal, 2)) {
    expect(
      moments.slice(0, cut.done + 2).map(({ names }) => names),
      where,
    ).toContain(seen.names);
    const inode = Number(/^d 1\/file: (\d+)$/m.exec(seen.names)?.[1]);
    if (Number.isNaN(inode)) continue;
    const contents = seen.files.get(inode) as string;
    kinds.add(contents.startsWith('0 ') ? 'empty' : 'whole');
    if (!contents.startsWith('0 ')) expect(whole, where).toContain(contents);
  }
  return kinds;
}

describe('a file replaced by rename', () => {
  it.each(['ordered', 'none', 'data'] as const)('is the old or the new one with journal=%s', async (journal) => {
    expect([...(await replaced(journal))]).toEqual(['whole']);
  });

  it('may be empty with journal=writeback, and holds nothing else', async () => {
    expect([...(await replaced('writeback'))].sort()).toEqual(['empty', 'whole']);
  });
});
