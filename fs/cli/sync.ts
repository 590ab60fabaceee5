/**
 * `varve sync`: everything written to a mount so far is durable when it returns. sync(1) can't do that: the kernel
 * writes its dirty pages to a FUSE server, and asks nothing more of it.
 */
import { closeSync, openSync } from 'node:fs';
import { VolumeError } from '../errors.js';
import { inThread, syncfs } from '../fuse/kernel/system-calls.js';
import type { AddCommand } from './command.js';
import { ControlConnection } from './control-client.js';
import { varveMountAt } from './umount.js';

/** Throws VolumeError. */
export async function sync(directory: string): Promise<void> {
  const mount = varveMountAt(directory);
  const server = await ControlConnection.open(mount.device);
  if (server === undefined) throw new VolumeError('io', `no server answers for ${mount.target}`);
  try {
    const fd = openSync(mount.target, 'r');
    try {
      const { result, errno } = await inThread((done) => syncfs.async(fd, done));
      if (result !== 0) throw new VolumeError('io', `writing what the kernel has cached failed: error ${errno}`);
    } finally {
      closeSync(fd);
    }
    await server.ask('sync');
  } finally {
    server.close();
  }
}

export const addSync: AddCommand = (program) => {
  program
    .command('sync')
    .description('make everything written so far durable')
    .argument('<directory>', 'where the volume is mounted')
    .action((directory: string) => sync(directory));
};
