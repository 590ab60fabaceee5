/** `varve df`: size and usage, of an image or of a mount. */
import { VolumeError } from '../errors.js';
import { pageSize } from '../units.js';
import { orCorrupt } from '../volume/assemble.js';
import { loadRoots } from '../volume/kept-roots.js';
import { type SpaceByCause, spaceByCause } from '../volume/space-by-cause.js';
import { type AddCommand, withExamples } from './command.js';
import { ControlConnection } from './control-client.js';
import { json, pairs, table } from './output.js';
import { type RawImage, rawState, withImage } from './raw-image.js';
import { formatSize } from './size.js';
import { mountOf } from './target.js';
import { type Usage, usageOfImage, usageOfMount } from './usage.js';

export const addDf: AddCommand = (program, { output }) => {
  withExamples(program.command('df'), [
    ['varve df /mnt/v other.img', 'a table of both'],
    ['varve df --by-cause /mnt/v', 'files, snapshots, metadata, ...'],
  ])
    .description('show how much of volumes is in use')
    .argument('<image-or-directory...>', 'images that are not mounted, or directories where one is')
    .option('--by-cause', 'what it is used for: files, metadata, snapshots, ...')
    .option('--json', 'print JSON, sizes in bytes')
    .action(async (paths: string[], options: { byCause?: boolean; json?: boolean }) => {
      if (options.byCause) {
        const all = await Promise.all(paths.map(async (path) => ({ path, ...inBytes(await causesOf(path)) })));
        output.line(options.json ? json(all) : all.map((one) => causeText(one)).join('\n\n'));
        return;
      }
      const found: (Usage & { path: string })[] = [];
      for (const path of paths) found.push({ path, ...(await usageOf(path)) });
      output.line(options.json ? json(found) : asTable(found));
    });

  const head = ['volume', 'size', 'used', 'available', 'use', 'inodes'];
  const asTable = (list: readonly (Usage & { path: string })[]): string => {
    const rows = list.map((usage) => [
      usage.path,
      formatSize(usage.size),
      formatSize(usage.used),
      formatSize(usage.available),
      `${Math.ceil((100 * usage.used) / usage.size)} %`,
      String(usage.inodes),
    ]);
    return table(output, head, rows, head.slice(1));
  };
};

async function usageOf(path: string): Promise<Usage> {
  const mount = mountOf(path);
  if (mount !== undefined) return usageOfMount(mount.target);
  return withImage(path, async (image) => usageOfImage(image));
}

/** Of a mount as it is now, of an image as of its newest checkpoint. Throws VolumeError. */
async function causesOf(path: string): Promise<SpaceByCause> {
  const mount = mountOf(path);
  if (mount === undefined) return withImage(path, causesOfImage);
  const server = await ControlConnection.open(mount.device);
  if (server === undefined) throw new VolumeError('io', `no server answers for ${mount.target}`);
  try {
    return (await server.ask('space')) as SpaceByCause;
  } finally {
    server.close();
  }
}

async function causesOfImage(image: RawImage): Promise<SpaceByCause> {
  const state = await rawState(image);
  state.roots = await orCorrupt(image.store, () => loadRoots(state.system));
  return spaceByCause(state);
}

const inBytes = (pages: SpaceByCause): SpaceByCause =>
  Object.fromEntries(Object.entries(pages).map(([name, count]) => [name, count * pageSize])) as unknown as SpaceByCause;

function causeText({ path, ...space }: SpaceByCause & { path: string }): string {
  return pairs([
    ['volume', path],
    ['files', formatSize(space.data)],
    ['metadata', formatSize(space.metadata)],
    ['snapshots only', formatSize(space.snapshots)],
    ['history only', formatSize(space.history)],
    ['promised, not yet written', formatSize(space.promised)],
    ['set aside for shared nodes', formatSize(space.copies)],
    ['free', `${formatSize(space.free)}, of which ${formatSize(space.scattered)} between live pages`],
    ['in all', formatSize(space.capacity)],
    ['reserve besides', formatSize(space.reserve)],
  ]);
}
