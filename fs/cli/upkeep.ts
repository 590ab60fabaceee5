/** `varve resize` and `varve trim`, of a mount through its server or of an image that nobody serves. */

import { statSync } from 'node:fs';
import { openStore } from '../store/open.js';
import { Volume } from '../volume/volume.js';
import { type AddCommand, withExamples } from './command.js';
import { ControlConnection } from './control-client.js';
import { jsonOption } from './json-schema.js';
import { json } from './output.js';
import { resizeSchema, trimSchema } from './schemas/volume.js';
import { formatSize, parseSize } from './size.js';
import { mountOf } from './target.js';
import { unlockStore } from './unlock.js';
import { type Resized, resize, trimOffline } from './upkeep-service.js';

export const addResize: AddCommand = (program, { output }) => {
  withExamples(program.command('resize'), [
    ['varve resize /mnt/v 8G', 'grow while it is used'],
    ['varve resize disk.img +1G', 'by so much, not mounted'],
    ['varve resize /mnt/v ~2G', 'shrink by so much'],
  ])
    .description('make a volume larger or smaller, also while it is mounted; the file that is its image follows')
    .argument('<image-or-directory>', 'an image, or the directory where it is mounted')
    .argument('<size>', 'new size as 8G; or +4G for so much more, ~4G for so much less')
    .addOption(jsonOption(resizeSchema))
    .action(async (target: string, size: string, options: { json?: boolean }) => {
      const relative = /^[+~]/.test(size);
      const bytes = parseSize(relative ? size.slice(1) : size) * (size.startsWith('~') ? -1 : 1);
      const done = await perform<Resized>(
        target,
        (server) => server.ask('resize', { bytes, relative }),
        (volume) => resize(volume, bytes, relative),
      );
      output.line(options.json ? json(done) : `${target}: ${formatSize(done.before)} -> ${formatSize(done.after)}`);
    });
};

export const addTrim: AddCommand = (program, { output }) => {
  withExamples(program.command('trim'), [['varve trim /mnt/v', 'make the image sparse where the volume is free']])
    .description('give the free space of a volume back to the host: holes in an image file, BLKDISCARD on a device')
    .argument('<image-or-directory>', 'an image, or the directory where it is mounted')
    .addOption(jsonOption(trimSchema))
    .action(async (target: string, options: { json?: boolean }) => {
      const image = mountOf(target)?.source ?? target;
      const before = allocated(image);
      const { bytes } = await perform<{ bytes: number }>(
        target,
        (server) => server.ask('trim'),
        async (volume) => ({ bytes: await trimOffline(volume) }),
      );
      const after = allocated(image);
      if (options.json) output.line(json({ bytes, before, after }));
      else {
        const kept =
          after === undefined ? '' : `; the image takes ${formatSize(after)}, before ${formatSize(before ?? 0)}`;
        output.line(`${target}: ${formatSize(bytes)} trimmed${kept}`);
      }
    });
};

/** What a file takes on its disk; undefined for a device. */
function allocated(image: string): number | undefined {
  const stat = statSync(image);
  return stat.isFile() ? stat.blocks * 512 : undefined;
}

/** Ask the server of a mount, or open the image. */
async function perform<T>(
  target: string,
  ask: (server: ControlConnection) => Promise<unknown>,
  work: (volume: Volume) => Promise<T>,
): Promise<T> {
  const mount = mountOf(target);
  if (mount !== undefined) {
    const server = await ControlConnection.of(mount);
    try {
      return (await ask(server)) as T;
    } finally {
      server.close();
    }
  }
  const store = await openStore(target);
  try {
    await unlockStore(store);
    const volume = await Volume.open(store);
    try {
      return await work(volume);
    } finally {
      await volume.close();
    }
  } finally {
    await store.close();
  }
}
