/**
 * A store whose write or barrier fails once, at each position of a scenario in turn, and works again afterwards: from
 * the failure on nothing is promised and nothing is written, as the host may have dropped what it had (the lesson that
 * PostgreSQL learnt about fsync in 2018). What is in memory or on the disk can still be read.
 */
import { describe, expect, it } from 'vitest';
import { FsError } from '../../fs/errors.js';
import { FileSystem } from '../../fs/posix/filesystem.js';
import { initialItems } from '../../fs/posix/namespace/root-directory.js';
import { seededRandom } from '../../fs/store/random.js';
import { SimulatedDisk } from '../../fs/store/simulated-disk.js';
import { run } from '../../fs/suspend.js';
import { type JournalMode, journalModes } from '../../fs/volume/journal-mode.js';
import { Volume } from '../../fs/volume/volume.js';
import { formatTestVolume } from '../support/volume-image.js';

const who = { uid: 0, gid: 0, pid: 1 };
const bytes = (text: string): Uint8Array => Buffer.from(text);
const page = (fill: number): Uint8Array => new Uint8Array(4096).fill(fill);

class Trial {
  file = 0;
  private constructor(
    readonly disk: SimulatedDisk,
    readonly volume: Volume,
    readonly fs: FileSystem,
    readonly told: unknown[],
  ) {}

  static async open(journal: JournalMode, slow: number | undefined): Promise<Trial> {
    const disk = new SimulatedDisk(
      16 * 2 ** 20,
      slow === undefined ? {} : { slow: { random: seededRandom(slow), inPlace: 0.4, turns: 3 } },
    );
    await formatTestVolume(disk, undefined, initialItems({ seconds: 1, nanos: 0 }, 0, 0, 0o755));
    const told: unknown[] = [];
    const volume = await Volume.open(disk, { journal, commitSeconds: 0, onFailure: (failure) => told.push(failure) });
    return new Trial(disk, volume, new FileSystem(volume, { cacheBytes: 4 << 20 }), told);
  }

  async change(act: (fs: FileSystem) => unknown): Promise<void> {
    await run(() => act(this.fs));
    await this.fs.settled('names');
  }

  async scenario(): Promise<void> {
    const { fs, volume } = this;
    const { inode } = await run(() => fs.mknod(1, bytes('f'), 0o100644, 0, 0, who));
    this.file = inode;
    await this.change(() => fs.write(inode, 0, page(1), who));
    await fs.fsync(inode, false);
    await this.change(() => fs.write(inode, 4096, page(2), who));
    await volume.commit();
    await this.change(() => fs.mkdir(1, bytes('d'), 0o755, 0, who));
    await this.change(() => fs.write(inode, 0, page(3), who));
    await fs.sync();
    await this.change(() => fs.write(inode, 4096, page(4), who));
    await Promise.all([fs.fsync(inode, true), volume.commit(), fs.fsync(inode, true)]);
  }
}

const codeOf = async (work: () => unknown): Promise<string> => {
  try {
    await run(work);
    return 'done';
  } catch (e) {
    if (!(e instanceof FsError)) throw e;
    return e.code;
  }
};

/** False when the scenario has no such call. */
async function failAt(trial: Trial, kind: 'write' | 'barrier', call: number): Promise<boolean> {
  const { disk, volume, fs, told } = trial;
  disk.faults.plan(kind, disk.faults.counts[kind] + call, { what: 'error', code: 'EIO' });
  if ((await codeOf(() => trial.scenario())) === 'done') {
    await volume.abandon();
    return false;
  }
  const { write, barrier } = disk.faults.counts;
  const { file } = trial;
  expect(told).toHaveLength(1);
  expect(volume.failure).toContain('EIO');
  const refused = {
    fsync: await codeOf(() => fs.fsync(file, false)),
    again: await codeOf(() => fs.fsync(file, true)),
    sync: await codeOf(() => fs.sync()),
    commit: await codeOf(() => volume.commit()),
    mkdir: await codeOf(() => fs.mkdir(1, bytes('later'), 0o755, 0, who)),
    // The page may be dirty already, so that the write needs nothing of the volume.
    write: await codeOf(() => fs.write(file, 0, page(9), who)),
    overwrite: await codeOf(() => fs.write(file, 4096, page(9), who)),
    truncate: await codeOf(() => fs.setattr(file, { size: 1 }, who)),
    punch: await codeOf(() => fs.fallocate(file, 3, 0, 4096)),
    copy: await codeOf(() => fs.copyRange(file, 0, file, 8192, 4096, who)),
    close: await codeOf(() => volume.close()),
  };
  expect([...new Set(Object.values(refused))], JSON.stringify(refused)).toEqual(['EIO']);
  expect(disk.faults.counts).toMatchObject({ write, barrier });
  const into = page(0);
  expect(await run(() => fs.read(file, 0, into))).toBe(4096);
  expect([1, 3]).toContain(into[0]);
  return true;
}

describe.each(journalModes)('journal=%s', (journal) => {
  it.each(['write', 'barrier'] as const)('takes no more changes after a failed %s', async (kind) => {
    let met = 0;
    for (const slow of [undefined, 5]) {
      for (let call = 1; await failAt(await Trial.open(journal, slow), kind, call); call++) met++;
    }
    expect(met).toBeGreaterThan(5);
  });
});

it('what was accepted can be read, though the store refuses it when all is done in memory', async () => {
  const { disk, volume, fs } = await Trial.open('ordered', undefined);
  const { inode } = await run(() => fs.mknod(1, bytes('f'), 0o100644, 0, 0, who));
  const text = Buffer.from('accepted '.repeat(5000));
  await run(() => fs.write(inode, 0, text, who));
  disk.write = () => Promise.reject(new FsError('EIO', 'write'));
  expect(await codeOf(() => fs.fsync(inode, false))).toBe('EIO');
  const into = Buffer.alloc(text.length);
  expect(await run(() => fs.read(inode, 0, into))).toBe(text.length);
  expect(into.equals(text)).toBe(true);
  await volume.abandon();
});
