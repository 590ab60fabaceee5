/** Several loops at once, each with a file of its own: what they do a second together. */
import { type FileHandle, open } from 'node:fs/promises';

/** `loop` resolves with how many operations it has done. More of them than UV_THREADPOOL_SIZE wait for each other. */
export async function crowdRate(
  size: number,
  openOne: (i: number) => Promise<FileHandle>,
  loop: (file: FileHandle, i: number) => Promise<number>,
): Promise<number> {
  const files = await Promise.all(Array.from({ length: size }, (_, i) => openOne(i)));
  const began = performance.now();
  const done = await Promise.all(files.map(loop));
  const seconds = (performance.now() - began) / 1000;
  for (const file of files) await file.close();
  return done.reduce((sum, n) => sum + n, 0) / seconds;
}

/** Operations a second of so many writers, each of which appends 4 KiB to a new file in `folder` and syncs it, for a while. */
export function syncedAppends(folder: string, writers: number, name: string, seconds: number): Promise<number> {
  const page = Buffer.alloc(4096, name);
  const until = performance.now() + seconds * 1000;
  return crowdRate(
    writers,
    (i) => open(`${folder}/${name}-${i}`, 'w'),
    async (file) => {
      let done = 0;
      for (; performance.now() < until; done++) {
        await file.write(page, 0, page.length, done * page.length);
        await file.sync();
      }
      return done;
    },
  );
}
