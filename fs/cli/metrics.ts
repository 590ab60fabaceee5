/**
 * `varve metrics`: what a mount has counted, for Prometheus: printed once, or served over HTTP for as long as the volume is
 * mounted. The server of the mount is asked anew for each answer, so nothing is counted here.
 *
 * It listens on the loopback interface unless told otherwise, and answers GET /metrics alone.
 */
import type * as http from 'node:http';
import { importModule } from '../host/import-module.js';
import type { SpaceByCause } from '../volume/space-by-cause.js';
import type { Activity } from './activity.js';
import { type AddCommand, type CommandContext, withExamples } from './command.js';
import { ControlConnection } from './control-client.js';
import { type Listen, listenAt, loopback, originOf, parseListen } from './listen.js';
import { metricFamilies } from './metric-families.js';
import { contentType, prometheusText } from './prometheus-text.js';
import { varveMountAt } from './umount.js';

/** More than that at once are nobody's who collects metrics; whoever can reach the port could take all descriptors. */
const mostConnections = 32;

export const addMetrics =
  (version: () => string): AddCommand =>
  (program, context) => {
    withExamples(program.command('metrics'), [
      ['varve metrics /mnt/v', 'print them once'],
      ['varve metrics --listen 9750 /mnt/v', 'for Prometheus, at http://127.0.0.1:9750/metrics'],
    ])
      .description(
        'print what a mount has counted in the format of Prometheus, or serve it\n' +
          'A dashboard for Grafana is among the examples. It ends when the volume is unmounted, or by Ctrl-C.',
      )
      .argument('<directory>', 'where the volume is mounted')
      .option('--listen <address>', `serve it over HTTP: a port of ${loopback}, or ADDRESS:PORT`)
      .action((directory: string, { listen }: { listen?: string }) => metrics(directory, listen, version(), context));
  };

async function metrics(
  directory: string,
  listen: string | undefined,
  version: string,
  { output }: CommandContext,
): Promise<void> {
  const where = listen === undefined ? undefined : parseListen(listen);
  const mount = varveMountAt(directory);
  const server = await ControlConnection.of(mount);
  try {
    const page = oneAtATime(() => makePage(server, version));
    if (where === undefined) {
      output.line((await page()).trimEnd());
      return;
    }
    const stopped = new Promise<void>((resolve) => {
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
    });
    const web = await serve(where, page);
    output.error(`metrics of ${mount.target} at ${originOf(web)}/metrics`);
    await Promise.race([server.ended, stopped]);
    web.close();
    web.closeAllConnections();
  } finally {
    server.close();
  }
}

async function makePage(server: ControlConnection, version: string): Promise<string> {
  const activity = (await server.ask('activity')) as Activity;
  const space = (await server.ask('space')) as SpaceByCause;
  return prometheusText(metricFamilies(activity, space, version));
}

/** Who asks while a page is being made gets that one: however many ask, the server of the mount has one to answer. */
export function oneAtATime(make: () => Promise<string>): () => Promise<string> {
  let underWay: Promise<string> | undefined;
  return () => {
    underWay ??= make().finally(() => {
      underWay = undefined;
    });
    return underWay;
  };
}

/** Answer GET /metrics by what `page` makes. Throws VolumeError when the address can't be had. */
export async function serve(where: Listen, page: () => Promise<string>): Promise<http.Server> {
  // Loading it takes longer than most commands run.
  const { createServer } = (await importModule('node:http')) as typeof http;
  const web = createServer((request, response) => {
    void answer(request, page).then(({ status, text }) => {
      response.writeHead(status, { 'content-type': status === 200 ? contentType : 'text/plain; charset=utf-8' });
      response.end(request.method === 'HEAD' ? undefined : text);
    });
  });
  web.maxConnections = mostConnections;
  await listenAt(web, where);
  return web;
}

async function answer(
  { method, url = '/' }: http.IncomingMessage,
  page: () => Promise<string>,
): Promise<{ status: number; text: string }> {
  if (method !== 'GET' && method !== 'HEAD') return { status: 405, text: 'only GET\n' };
  if (!/^\/metrics(\?|$)/.test(url)) return { status: 404, text: 'see /metrics\n' };
  try {
    return { status: 200, text: await page() };
  } catch (e) {
    return { status: 503, text: `${e instanceof Error ? e.message : String(e)}\n` };
  }
}
