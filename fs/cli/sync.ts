/**
 * `varve sync`: everything written to a mount so far is durable when it returns. sync(1) can't do that: the kernel
 * writes its dirty pages to a FUSE server, and asks nothing more of it.
 */
import { syncKernel } from '../fuse/unmount.js';
import { type AddCommand, withExamples } from './command.js';
import { ControlConnection } from './control-client.js';
import { varveMountAt } from './umount.js';

/** Throws VolumeError. */
export async function sync(directory: string): Promise<void> {
  const mount = varveMountAt(directory);
  const server = await ControlConnection.of(mount);
  try {
    await syncKernel(mount.target);
    await server.ask('sync');
  } finally {
    server.close();
  }
}

export const addSync: AddCommand = (program) => {
  withExamples(program.command('sync'), [['varve sync /mnt/v', 'wait until everything is on disk']])
    .description('make everything written so far durable')
    .argument('<directory>', 'where the volume is mounted')
    .action((directory: string) => sync(directory));
};
