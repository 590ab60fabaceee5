/**
 * `varve snapshot`: makes, lists, renames and deletes snapshots, of a mounted volume through its server and of an image
 * that nobody serves. A snapshot of a mount has all that was written before the command began: the kernel's dirty pages
 * are pushed to the server first.
 */
import type { Command } from 'commander';
import { FsError, VolumeError } from '../errors.js';
import { syncKernel } from '../fuse/unmount.js';
import { openStore } from '../store/open.js';
import { Volume } from '../volume/volume.js';
import { type AddCommand, type CommandContext, withExamples } from './command.js';
import { ControlConnection } from './control-client.js';
import { json, table } from './output.js';
import { counted, formatSize } from './size.js';
import { type SnapshotFacts, snapshotCommands } from './snapshot-service.js';
import { mountOf } from './target.js';

type Ask = (command: string, given?: Readonly<Record<string, unknown>>) => Promise<unknown>;

interface TargetOptions {
  readonly readOnly?: boolean;
  /** The kernel's dirty pages are to be in it. */
  readonly sync?: boolean;
}

/** Ask the server of a mount, or open the image for as long as `use` takes. Throws VolumeError. */
async function withSnapshots<T>(path: string, options: TargetOptions, use: (ask: Ask) => Promise<T>): Promise<T> {
  const mount = mountOf(path);
  if (mount === undefined) return withImage(path, options, use);
  const server = await ControlConnection.open(mount.device);
  if (server === undefined) throw new VolumeError('io', `no server answers for ${mount.target}`);
  try {
    if (options.sync) await syncKernel(mount.target);
    return await use((command, given) => server.ask(command, given));
  } finally {
    server.close();
  }
}

async function withImage<T>(path: string, options: TargetOptions, use: (ask: Ask) => Promise<T>): Promise<T> {
  const readOnly = options.readOnly === true;
  const store = await openStore(path, { readOnly });
  try {
    const volume = await Volume.open(store, { readOnly });
    const commands = snapshotCommands(volume);
    try {
      const result = await use(async (command, given = {}) => commands[command](given));
      // What deleted snapshots held is given back before the image is: nobody else is there to do it.
      await volume.leaving.idle;
      return result;
    } finally {
      await volume.close();
    }
  } catch (e) {
    if (e instanceof FsError && e.code !== 'EUCLEAN') throw new VolumeError('io', e.message);
    throw e;
  } finally {
    await store.close();
  }
}

export const addSnapshot: AddCommand = (program, context) => {
  const snapshot = program.command('snapshot').description('make, list, rename and delete snapshots of a volume');
  const where = ['<image-or-directory>', 'an image that is not mounted, or the directory where one is'] as const;
  addCreate(snapshot, where, context);
  addList(snapshot, where, context);
  withExamples(snapshot.command('delete'), [
    ['varve snapshot delete --wait /mnt/v monday', 'return when the space is back'],
  ])
    .description('delete snapshots; what only they hold is given back in the background')
    .argument(...where)
    .argument('<name...>', 'their names')
    .option('--wait', 'return when all of it has been given back')
    .action((path: string, names: string[], { wait }: { wait?: boolean }) =>
      withSnapshots(path, {}, async (ask) => {
        for (const name of names) await ask('snapshot-delete', { name });
        if (wait) await ask('snapshot-wait');
      }),
    );
  withExamples(snapshot.command('rename'), [['varve snapshot rename /mnt/v monday keep', 'a name that says more']])
    .description('give a snapshot another name')
    .argument(...where)
    .argument('<name>', 'its name')
    .argument('<new-name>', 'the name that it shall have')
    .action(async (path: string, name: string, to: string) => {
      await withSnapshots(path, {}, (ask) => ask('snapshot-rename', { name, to }));
    });
};

type Where = readonly [string, string];

function addCreate(snapshot: Command, where: Where, { output }: CommandContext): void {
  withExamples(snapshot.command('create'), [
    ['varve snapshot create /mnt/v monday', 'then look into /mnt/v/.snapshots/monday'],
  ])
    .description('keep the volume as it is now, read-only, under a name')
    .argument(...where)
    .argument('<name>', 'a name for it')
    .option('--json', 'print JSON')
    .action((path: string, name: string, options: { json?: boolean }) =>
      withSnapshots(path, { sync: true }, async (ask) => {
        const made = (await ask('snapshot-create', { name })) as SnapshotFacts;
        if (options.json) output.line(json(made));
      }),
    );
}

function addList(snapshot: Command, where: Where, { output }: CommandContext): void {
  const head = ['name', 'created', 'files', 'referenced', 'unique'];
  withExamples(snapshot.command('list'), [['varve snapshot list /mnt/v', 'what each of them holds']])
    .description(
      'list snapshots, the oldest first\nReferenced: all that a snapshot leads to. Unique: what comes back if it alone is deleted.',
    )
    .argument(...where)
    .option('--json', 'print JSON, sizes in bytes')
    .action((path: string, options: { json?: boolean }) =>
      withSnapshots(path, { readOnly: true }, async (ask) => {
        const list = (await ask('snapshot-list')) as SnapshotFacts[];
        if (options.json) {
          output.line(json(list));
          return;
        }
        const rows = list.map(({ name, created, inodes, referenced, unique }) => [
          name,
          new Date(created).toISOString().replace('.000Z', 'Z'),
          String(inodes),
          formatSize(referenced),
          formatSize(unique),
        ]);
        output.line(rows.length === 0 ? counted(0, 'snapshot') : table(output, head, rows, head.slice(2)));
      }),
    );
}
