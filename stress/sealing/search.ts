/**
 * Fills an encrypted volume with files of which every name, attribute, target and content is known, in all the ways in
 * which they reach the image, and searches that for them.
 */
import { FileSystem } from '../../fs/posix/filesystem.js';
import { initialItems } from '../../fs/posix/namespace/root-directory.js';
import { MemoryStore } from '../../fs/store/memory.js';
import { below, type Random } from '../../fs/store/random.js';
import { run } from '../../fs/suspend.js';
import { aesGcmName } from '../../fs/transform/aes-gcm.js';
import { Volume } from '../../fs/volume/volume.js';
import { fixedSuperblock } from '../system/superblock.js';

export interface SearchCount {
  /** Names, attributes, targets and lines of contents that were written. */
  readonly known: number;
  /** Those of them that the image holds. */
  readonly found: readonly string[];
  /** Bytes that were searched. */
  readonly bytes: number;
}

const who = { uid: 0, gid: 0, pid: 1 };
const clock = { now: () => 1_700_000_000_000 };
const wordBytes = 24;

/** `files` files in a volume of `mebibytes`, compressed as well if `transforms` say so. */
export async function searchImage(
  random: Random,
  files: number,
  mebibytes: number,
  transforms: readonly string[],
): Promise<SearchCount> {
  const words = new Set<string>();
  const word = (): string => {
    let text = '';
    while (text.length < wordBytes) text += String.fromCharCode(97 + below(random, 26));
    words.add(text);
    return text;
  };
  const store = new MemoryStore(mebibytes << 20);
  const superblock = fixedSuperblock(store.size, undefined, undefined, [aesGcmName, ...transforms]);
  await Volume.format(store, { superblock, initial: initialItems({ seconds: 1, nanos: 0 }, 0, 0, 0o755), clock });
  const volume = await Volume.open(store, { commitSeconds: 0, clock });
  const fs = new FileSystem(volume, { cacheBytes: 4 << 20 });
  let parent = 1;
  for (let i = 0; i < files; i++) {
    if (i % 100 === 0) parent = await run(() => fs.mkdir(1, Buffer.from(word()), 0o755, 0, who).inode);
    const { inode } = await run(() => fs.mknod(parent, Buffer.from(word()), 0o100644, 0, 0, who));
    // In the tree, in one page, in several.
    const line = Buffer.from(`${word()}\n`.repeat([3, 100, 900][i % 3]));
    await run(() => fs.write(inode, 0, line, who));
    if (i % 4 === 0)
      await run(() =>
        fs.setxattr(inode, Buffer.from(`user.${word()}`), Buffer.from(word().repeat(i % 8 === 0 ? 1 : 200)), 0, who),
      );
    if (i % 10 === 0) await run(() => fs.symlink(parent, Buffer.from(word()), Buffer.from(word()), who));
    if (i % 50 === 0) await fs.fsync(inode, false);
    if (i % 1000 === 999) await volume.snapshots.create(word());
  }
  await fs.sync();
  await volume.commit();
  await volume.abandon();
  const image = Buffer.alloc(store.size);
  await store.read(0, image);
  return { known: words.size, found: wordsIn(image, words), bytes: image.length };
}

/** Runs of letters long enough to hold a word, looked into at every place: one pass over the image. */
function wordsIn(image: Buffer, words: ReadonlySet<string>): string[] {
  const found = new Set<string>();
  for (const [run] of image.toString('latin1').matchAll(/[a-z]{24,}/g)) {
    for (let at = 0; at + wordBytes <= run.length; at++) {
      const part = run.slice(at, at + wordBytes);
      if (words.has(part)) found.add(part);
    }
  }
  return [...found];
}
