/** fsck.varve as it is called: its exit codes, what it prints, and that -n changes nothing. */
import { createHash } from 'node:crypto';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { itemKind } from '../../fs/format/item.js';
import { openImageFile } from '../../fs/store/image-file.js';
import type { Store } from '../../fs/store/store.js';
import { Volume } from '../../fs/volume/volume.js';
import { survey } from '../../fsck/check.js';
import { main } from '../../fsck/main.js';
import { applying, changeVolume, inodeOf, inodeValue, putPages, sampleVolume } from '../broken/sample.js';
import { editCheckpoint, flip, offsetOfAddress } from '../broken/surgery.js';
import { CapturedOutput, runCommand } from '../support/captured-output.js';
import { onlyOnPlainVolumes } from '../support/plain-volumes.js';

onlyOnPlainVolumes('lays nodes, extents and records by hand');

let folder = '';
let pristine = '';
let image = '';
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'varve-fsck-'));
  pristine = join(folder, 'pristine');
  const { bytes, size } = await sampleVolume();
  const all = new Uint8Array(size);
  bytes.read(0, all);
  writeFileSync(pristine, all);
});
afterAll(() => rmSync(folder, { recursive: true }));
beforeEach(() => {
  image = join(folder, 'image');
  copyFileSync(pristine, image);
});
afterEach(() => rmSync(image, { force: true }));

const fsck = (...args: string[]) => runCommand(main, ...args);
const digest = (): string => createHash('sha256').update(readFileSync(image)).digest('hex');

async function onImage(change: (store: Store) => Promise<void>): Promise<void> {
  const store = await openImageFile(image);
  await change(store);
  await store.close();
}

/** Leave a journal behind, as a killed server does. */
const crash = (): Promise<void> =>
  onImage(async (store) => {
    const volume = await Volume.open(store, { commitSeconds: 3600 });
    const record = inodeValue({ mode: 0o100644, links: 0, pages: 3 });
    await applying((batch) => batch.put(inodeOf.orphan, itemKind.inode, 0, record))(volume);
    await putPages(volume, inodeOf.orphan, 1, 2);
    await volume.sync();
    await volume.abandon();
  });

describe('a clean volume', () => {
  test('is answered at once, and left alone', async () => {
    const before = digest();
    const { code, output } = await fsck(image);
    expect(output.text).toBe(`${image}: clean; not checked further (-f checks everything)`);
    expect(code).toBe(0);
    expect(digest()).toBe(before);
  });

  test.each(['-f', '--data', '-nf', '-yf', '-pf', '-af'])('has no problems with %s', async (option) => {
    const { code, output } = await fsck(option, image);
    expect(output.text).toMatch(/407 inodes, .* in use[\s\S]*no problems found/);
    expect(code).toBe(0);
  });

  test('as JSON', async () => {
    const { code, output } = await fsck('--json', '-f', image);
    expect(output.json).toMatchObject({
      image,
      wasClean: true,
      checked: true,
      problems: [],
      total: 0,
      inodes: 407,
      exit: 0,
    });
    expect(code).toBe(0);
  });

  test('as fsck(8) calls it', async () => {
    expect((await fsck('-a', '-C0', image)).code).toBe(0);
  });
});

describe('a volume that was not closed', () => {
  test('-n says what a mount would replay and changes nothing', async () => {
    await crash();
    const before = digest();
    const { code, output } = await fsck('-n', '-f', image);
    expect(output.text).toMatch(/was not closed; the next mount will replay 1 journal record \(2 operations\)/);
    expect(output.text).toMatch(/no problems found/);
    expect(code).toBe(0);
    expect(digest()).toBe(before);
  });

  test('-p replays it, exits 1, and finds it clean the next time', async () => {
    await crash();
    const { code, output } = await fsck('-p', image);
    expect(output.text).toMatch(/was not closed; replayed 1 journal record/);
    expect(code).toBe(1);
    expect((await fsck('-p', image)).code).toBe(0);
    expect((await fsck('-n', '--data', image)).code).toBe(0);
  });

  test('-y -f replays it and checks everything', async () => {
    await crash();
    const { code, output } = await fsck('-y', '-f', image);
    expect(output.text).toMatch(/replayed[\s\S]*no problems found/);
    expect(code).toBe(1);
  });

  test('a journal that can not be replayed is a finding, and the checkpoint is checked all the same', async () => {
    await crash();
    await onImage((store) =>
      editCheckpoint(store, (record) => {
        record.mainRoot.checksum ^= 1;
      }),
    );
    const before = digest();
    const { code, output } = await fsck('-n', image);
    expect(output.text).toMatch(/C3 replay: .*can't be replayed/);
    expect(output.text).toMatch(/B2 node-checksum/);
    expect(code).toBe(4);
    expect((await fsck('-p', image)).code).toBe(4);
    expect(digest()).toBe(before);
    const { code: repaired, output: told } = await fsck('-y', image);
    expect(told.text).toMatch(
      /was not closed; replayed 1 journal record \(2 operations\)[\s\S]*built an inner node anew/,
    );
    expect(repaired).toBe(1);
    expect((await fsck('-nf', image)).output.text).toMatch(/407 inodes[\s\S]*no problems found/);
  });
});

describe('problems', () => {
  test('are told with the path, and exit 4', async () => {
    await onImage((store) =>
      changeVolume(
        store,
        applying((batch) => batch.put(150, itemKind.inode, 0, inodeValue({ mode: 0o100644, links: 7 }))),
      ),
    );
    const { code, output } = await fsck('-n', '-f', image);
    expect(output.text).toContain('N4 links: inode 150 counts 7 links, it has 1 [/docs/f50]');
    expect(output.text).toMatch(/1 problem left; copy the image/);
    expect(code).toBe(4);
    const { output: asJson } = await fsck('--json', '-fn', image);
    expect(asJson.json).toMatchObject({
      exit: 4,
      total: 1,
      problems: [{ code: 'links', invariant: 'N4', inode: 150, path: '/docs/f50' }],
    });
  });

  test('are repaired, and exit 1; the next check finds nothing', async () => {
    await onImage((store) =>
      changeVolume(
        store,
        applying((batch) => batch.put(150, itemKind.inode, 0, inodeValue({ mode: 0o100644, links: 7 }))),
      ),
    );
    const { code, output } = await fsck('--json', '-pf', image);
    expect(code).toBe(1);
    expect(output.json).toMatchObject({
      exit: 1,
      total: 1,
      totalLeft: 0,
      problems: [{ code: 'links', fix: 'count again' }],
      repairs: [{ code: 'links', message: 'inode 150: 7 links become 1', path: '/docs/f50' }],
    });
    expect((await fsck('-nf', image)).code).toBe(0);
  });

  test('a damaged superblock is noticed and repaired also without -f', async () => {
    await onImage((store) => flip(store, 300));
    const { code, output } = await fsck(image);
    expect(output.text).toMatch(/S1 superblock[\s\S]*repaired: the superblock was written from its copy/);
    expect(code).toBe(1);
    expect((await fsck(image)).output.text).toMatch(/: clean/);
  });

  const wrongSize = () =>
    onImage((store) =>
      changeVolume(
        store,
        applying((batch) => {
          batch.put(150, itemKind.inode, 0, inodeValue({ mode: 0o100644, links: 7, size: 2 ** 50 }));
          batch.put(151, itemKind.inode, 0, inodeValue({ mode: 0o100644, links: 7 }));
        }),
      ),
    );

  test('damage in a snapshot alone is told with its name, and left', async () => {
    await onImage(async (store) => {
      await changeVolume(store, async (volume) => {
        await volume.snapshots.create('kept');
        await applying((batch) => batch.put(inodeOf.small, itemKind.inline, 0, Buffer.from('HELLO')))(volume);
      });
      const { roots } = await survey(store);
      await flip(store, (await offsetOfAddress(store, roots.roots[0].pointer.address)) + 100);
    });
    const { code, output } = await fsck('-fy', image);
    expect(code).toBe(4);
    expect(output.text).toMatch(/node-checksum: .*\[snapshot kept\]\n/);
    expect(output.text).toMatch(/1 problem left; all in snapshots, which/);
  });

  test('are asked about on a terminal, one kind after the other', async () => {
    await wrongSize();
    const questions: string[] = [];
    const answering = (...answers: (string | undefined)[]) => {
      const output = new CapturedOutput();
      const ask = async (question: string) => {
        questions.push(question);
        return answers.shift();
      };
      return main(['-f', image], output, ask).then((code) => ({ code, output }));
    };
    const before = digest();
    expect((await answering('n', 'what?', 'n')).code).toBe(4);
    expect(digest()).toBe(before);
    expect(questions).toEqual([
      'Repair (put in range what is out of it)? [y]es, [n]o, [a]ll: ',
      ...Array(2).fill('Repair (count again)? [y]es, [n]o, [a]ll: '),
    ]);
    const some = await answering('n', 'y');
    expect(some.code).toBe(5);
    expect(some.output.text).toMatch(/repaired: inode 151: 7 links become 1[\s\S]*left: I1 inode-record: inode 150/);
    const none = await answering(undefined);
    expect(none.code).toBe(32);
    expect(none.output.errors).toMatch(/cancelled/);
    expect((await answering('a')).code).toBe(1);
    expect((await fsck('-nf', image)).code).toBe(0);
  });

  test('a signal ends it between two steps, with 32', async () => {
    await wrongSize();
    const ask = async () => {
      process.emit('SIGINT');
      return 'a';
    };
    expect(await main(['-f', image], new CapturedOutput(), ask)).toBe(32);
    expect((await fsck('-yf', image)).code & ~1).toBe(0);
    expect((await fsck('-nf', image)).code).toBe(0);
  });

  test('one that -p may not repair after a replay: exits 5', async () => {
    await onImage(async (store) => {
      await changeVolume(
        store,
        applying((batch) => batch.put(150, itemKind.inode, 0, inodeValue({ mode: 0o100644, size: 2 ** 50 }))),
      );
    });
    await crash();
    expect((await fsck('-p', '-f', image)).code).toBe(5);
  });
});

describe('what is no volume', () => {
  const answers = async (code: number, words: RegExp, ...args: string[]) => {
    const { code: found, output } = await fsck(...args);
    expect(output.errors).toMatch(words);
    expect(output.errors.split('\n')).toHaveLength(1);
    expect(found).toBe(code);
  };

  test('exits 8 where nothing can be said, 4 where there is damage, 16 for a wrong call', async () => {
    await answers(8, /no such image/, join(folder, 'nothing'));
    await answers(8, /not a Varve image/, 'package.json');
    await answers(16, /unknown option/, '--nonsense', image);
    await answers(16, /missing required argument/);
    await answers(16, /only one of -n, -p/, '-n', '-y', image);
    const store = await openImageFile(image, { readOnly: true });
    await answers(8, /in use/, '-p', image);
    await store.close();
    truncateSync(image, 2 ** 20);
    await answers(4, /cut short/, image);
  });

  test('both checkpoints gone: exits 4, unless it may go on from what is left', async () => {
    await onImage(async (store) => {
      await flip(store, 4096 + 9);
      await flip(store, 3 * 4096 + 9);
    });
    await answers(4, /neither checkpoint verifies/, '-n', '-f', image);
    const { code, output } = await fsck('-p', image);
    expect(output.text).toMatch(/C1 checkpoint: neither/);
    expect(code).toBe(4);
    expect((await fsck('-y', image)).code).toBe(1);
    expect((await fsck('-nf', image)).output.text).toMatch(/407 inodes[\s\S]*no problems found/);
  });
});
