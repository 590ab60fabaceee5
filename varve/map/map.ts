/** `varve map`: the segments of a volume, in the terminal or as a page that stays up to date while it works. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type AddCommand, type CommandContext, withExamples } from '../../fs/cli/command.js';
import { mapText } from '../../fs/cli/frag-text.js';
import { jsonOption } from '../../fs/cli/json-schema.js';
import { loopback, parseListen } from '../../fs/cli/listen.js';
import { json } from '../../fs/cli/output.js';
import { mapSchema } from '../../fs/cli/schemas/frag.js';
import { VolumeError } from '../../fs/errors.js';
import { cellKinds, type SpaceMap } from '../../fs/report/fragmentation-report.js';
import type { LiveMap } from '../../fs/report/live-map.js';
import { packageRoot } from '../package-root.js';
import { serveMap } from './server.js';
import { type MapSource, withMapSource } from './source.js';

interface MapOptions {
  readonly serve?: string | true;
  readonly json?: boolean;
}

export const addMap: AddCommand = (program, context) => {
  withExamples(program.command('map'), [
    ['varve map /mnt/v', 'its segments, in the terminal'],
    ['varve map /mnt/v --serve', 'a page for a browser, live; its address is printed'],
    ['varve map disk.img --serve 8080', 'of an image that is not mounted, at a port of your own'],
  ])
    .description(
      'show the segments of a volume: what each holds, how full and how old it is, as a page for a browser\n' +
        `The page is served on ${loopback} until Ctrl-C, or until the volume is unmounted, to whoever knows the address that ` +
        'is printed: it holds a secret, as other users of the machine reach this port too. Nothing can be changed by it. ' +
        'From elsewhere: ssh -L. An image that is not mounted is held open to be read meanwhile, and can not be mounted.',
    )
    .argument('<image-or-directory>', 'an image, or the directory where a volume is mounted')
    .addOption(jsonOption(mapSchema, 'print JSON: the cells of the map, without --serve'))
    .option('--serve [address]', 'serve the page: at a free port, this port, or ADDRESS:PORT')
    .action((path: string, options: MapOptions) => map(path, options, context));
};

async function map(path: string, { serve, json: asJson }: MapOptions, context: CommandContext): Promise<void> {
  const where = typeof serve === 'string' ? parseListen(serve) : { host: loopback, port: 0 };
  await withMapSource(path, async (source) => {
    if (serve === undefined) context.output.line(await shown(source, asJson === true, context));
    else await untilStopped(source, where, context);
  });
}

async function shown({ ask }: MapSource, asJson: boolean, { output }: CommandContext): Promise<string> {
  const cells = cellsOf((await ask('map-live')) as LiveMap);
  return asJson ? json(cells) : mapText(output, cells);
}

function cellsOf({ places, placesPerCell, pagesPerSegment, kinds, live, written, open }: LiveMap): SpaceMap {
  const filling = new Set(open);
  const cells = [...kinds].map((kind, at) => {
    const count = Math.min(placesPerCell, places - at * placesPerCell);
    return {
      place: at * placesPerCell,
      places: count,
      kind: cellKinds[Number(kind)],
      live: live[at],
      pages: count * pagesPerSegment,
      open: filling.has(at),
      generation: written[at],
    };
  });
  return { placesPerCell, cells };
}

/** Serve the page until a signal comes, or nobody serves the volume any more. */
export async function untilStopped(
  source: MapSource,
  where: Parameters<typeof serveMap>[0],
  { output }: CommandContext,
): Promise<void> {
  let stop = (): void => undefined;
  const stopped = new Promise<'stopped'>((resolve) => {
    stop = () => resolve('stopped');
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop);
  try {
    const server = await serveMap(where, source, pageDocument());
    output.line(server.url);
    if (output.terminal) output.error(`the map of ${source.name}: open this address in a browser; Ctrl-C ends it`);
    if ((await Promise.race([source.ended, stopped])) !== 'stopped')
      output.error(`${source.name} is not mounted any more`);
    server.close();
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, stop);
  }
}

/** As the build has made it of varve/page. Throws VolumeError. */
export function pageDocument(): string {
  try {
    return readFileSync(join(packageRoot(), 'dist/programs/map.html'), 'utf8');
  } catch (e) {
    throw new VolumeError('not-found', `the page is not built: ${(e as Error).message}`);
  }
}
