/** `varve df`: size and usage, of an image or of a mount. */

import { VolumeError } from '../errors.js';
import type { MountEntry } from '../fuse/mount-table.js';
import { pageSize } from '../units.js';
import { orCorrupt } from '../volume/assemble.js';
import { loadRoots } from '../volume/kept-roots.js';
import { type SpaceByCause, spaceByCause } from '../volume/space-by-cause.js';
import type { VolumeState } from '../volume/state.js';
import { type AddCommand, withExamples } from './command.js';
import { ControlConnection } from './control-client.js';
import { type Advice, adviceOf, adviceText } from './full-advice.js';
import { jsonOption } from './json-schema.js';
import { json, pairs, table } from './output.js';
import { type RawImage, rawState, withImage } from './raw-image.js';
import { type RelocationFacts, relocationFacts, relocationText } from './relocation-facts.js';
import { dfSchema } from './schemas/volume.js';
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
    .addOption(jsonOption(dfSchema, 'print JSON, sizes in bytes'))
    .action(async (paths: string[], options: { byCause?: boolean; json?: boolean }) => {
      if (options.byCause) {
        const all = await Promise.all(paths.map(async (path) => ({ path, ...(await causesOf(path)) })));
        output.line(options.json ? json(all) : all.map((one) => causeText(one)).join('\n\n'));
        if (!options.json) await advise(paths);
        return;
      }
      const found: (Usage & { path: string })[] = [];
      for (const path of paths) found.push({ path, ...(await usageOf(path)) });
      output.line(options.json ? json(found) : asTable(found));
      if (!options.json) await advise(found.filter(nearlyFull).map(({ path }) => path));
    });

  const advise = async (paths: readonly string[]): Promise<void> => {
    for (const path of paths) {
      const advice = await adviceFor(path);
      if (advice !== undefined) output.line(`${path}: ${adviceText(advice)}`);
    }
  };

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

const nearlyFull = ({ size, available }: Usage): boolean => available < size / 8;

/** In bytes. */
type Causes = SpaceByCause & { readonly relocations: RelocationFacts };

/** Of a mount as it is now, of an image as of its newest checkpoint. Throws VolumeError. */
async function causesOf(path: string): Promise<Causes> {
  const mount = mountOf(path);
  if (mount === undefined) return withImage(path, causesOfImage);
  const relocations = (await askMount(mount, 'relocations')) as RelocationFacts;
  return { ...inBytes((await askMount(mount, 'space')) as SpaceByCause), relocations };
}

/** What to delete, if anything; undefined also where only its owner may ask. Throws VolumeError. */
async function adviceFor(path: string): Promise<Advice | undefined> {
  const mount = mountOf(path);
  if (mount === undefined) return withImage(path, async (image) => adviceOf(await stateOf(image)));
  try {
    return ((await askMount(mount, 'advice')) as Advice | null) ?? undefined;
  } catch (e) {
    if (e instanceof VolumeError && e.problem === 'no-permission') return undefined;
    throw e;
  }
}

async function askMount(mount: MountEntry, command: string): Promise<unknown> {
  const server = await ControlConnection.of(mount);
  try {
    return await server.ask(command);
  } finally {
    server.close();
  }
}

async function causesOfImage(image: RawImage): Promise<Causes> {
  const state = await stateOf(image);
  return { ...inBytes(await spaceByCause(state)), relocations: await relocationFacts(state) };
}

/** With the kept roots. */
async function stateOf(image: RawImage): Promise<VolumeState> {
  const state = await rawState(image);
  state.roots = await orCorrupt(image.store, () => loadRoots(state.system));
  return state;
}

const inBytes = (pages: SpaceByCause): SpaceByCause =>
  Object.fromEntries(Object.entries(pages).map(([name, count]) => [name, count * pageSize])) as unknown as SpaceByCause;

function causeText({ path, relocations, ...space }: Causes & { path: string }): string {
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
    ['relocation map', relocationText(relocations)],
  ]);
}
