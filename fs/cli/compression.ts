/** `varve compression`: how much a volume, or one file of it, holds and takes, by transform. */

import { type Stats, statSync } from 'node:fs';
import { VolumeError } from '../errors.js';
import { type ChainUse, compressionUse } from '../report/compression.js';
import { openImageFile } from '../store/image-file.js';
import { nextTurn } from '../suspend.js';
import type { InodeNumber } from '../units.js';
import { Volume } from '../volume/volume.js';
import { type AddCommand, withExamples } from './command.js';
import type { Control } from './control.js';
import { ControlConnection } from './control-client.js';
import { jsonOption } from './json-schema.js';
import { json, type Output } from './output.js';
import { compressionSchema } from './schemas/volume.js';
import { counted, formatSize } from './size.js';
import { mountAround, mountOf, mountOfImage } from './target.js';
import { unlockStore } from './unlock.js';

export const addCompression: AddCommand = (program, { output }) => {
  withExamples(program.command('compression'), [
    ['varve compression /mnt/v', 'how much compression saves on a mounted volume'],
    ['varve compression /mnt/v/log', 'the same for one file'],
  ])
    .description('show how much data takes on the disk, by transform')
    .argument('<image-or-path>', 'an image that is not mounted, a mount point, or a file of a mounted volume')
    .addOption(jsonOption(compressionSchema, 'print JSON, sizes in bytes'))
    .action(async (path: string, options: { json?: boolean }) => {
      const uses = await usesOf(path);
      if (options.json) output.line(json(uses));
      else print(output, uses);
    });
};

/** Answer `compression`, with `inode` for one file. */
export function answerCompression(control: Control, volume: Volume): void {
  control.on('compression', ({ inode }) =>
    compressionUse(volume, nextTurn, typeof inode === 'number' ? inode : undefined),
  );
}

async function usesOf(path: string): Promise<readonly ChainUse[]> {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) throw new VolumeError('not-found', `${path} does not exist`);
  if (stat.isDirectory()) return ofServer(mountOf(path), path);
  const mount = mountOfImage(path);
  if (mount !== undefined) return ofServer(mount, path);
  const around = aroundFile(path, stat);
  return around === undefined ? ofImage(path) : ofServer(around, path, stat.ino);
}

/** The mount on which a file lies, if it is one of Varve's. */
const aroundFile = (path: string, stat: Stats): ReturnType<typeof mountAround> =>
  stat.isFile() ? mountAround(path.includes('/') ? path.slice(0, path.lastIndexOf('/') + 1) : '.') : undefined;

async function ofServer(
  mount: ReturnType<typeof mountOf>,
  path: string,
  inode?: InodeNumber,
): Promise<readonly ChainUse[]> {
  const server = mount === undefined ? undefined : await ControlConnection.open(mount.device);
  if (server === undefined) throw new VolumeError('io', `no server answers for ${path}`);
  try {
    return (await server.ask('compression', inode === undefined ? {} : { inode })) as ChainUse[];
  } finally {
    server.close();
  }
}

async function ofImage(path: string): Promise<readonly ChainUse[]> {
  const store = await openImageFile(path, { readOnly: true });
  try {
    await unlockStore(store);
    const volume = await Volume.open(store, { readOnly: true, degraded: true });
    const uses = await compressionUse(volume, nextTurn);
    await volume.close();
    return uses;
  } finally {
    await store.close();
  }
}

function print(output: Output, uses: readonly ChainUse[]): void {
  const total = { chain: 'all', extents: 0, plainBytes: 0, storedBytes: 0 };
  for (const { extents, plainBytes, storedBytes } of uses) {
    total.extents += extents;
    total.plainBytes += plainBytes;
    total.storedBytes += storedBytes;
  }
  for (const { chain, extents, plainBytes, storedBytes } of [...uses, total]) {
    const percent = plainBytes === 0 ? 100 : (100 * storedBytes) / plainBytes;
    output.line(
      `${`${chain}:`.padEnd(14)} ${formatSize(plainBytes)} in ${formatSize(storedBytes)} (${percent.toFixed(0)} %), ${counted(extents, 'extent')}`,
    );
  }
}
