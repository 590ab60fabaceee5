/**
 * The page of `varve map` over HTTP: one document that brings all it needs, and what it asks for as JSON.
 *
 * Who may see it
 * 1. It listens on the loopback interface unless told otherwise. Other users of the machine reach that too, so all
 *    addresses begin with a token of 256 random bits, which only who started it knows.
 * 2. A page of another site can't ask either: the Host of a request must be an address, not a name that somebody
 *    may have pointed at this machine (DNS rebinding), and no answer is for other origins.
 * 3. Only GET and HEAD: nothing that comes here changes anything.
 * 4. The document may run its own script and style, by their hashes, and connect to nothing but this server.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type * as http from 'node:http';
import { type Listen, listenAt, originOf } from '../../fs/cli/listen.js';
import type { Ask } from '../../fs/cli/snapshot-target.js';
import { importModule } from '../../fs/host/import-module.js';
import { type MapSource, quick } from './source.js';

const mostConnections = 32;
/** Beyond any path that can be asked for. */
const mostHeaderBytes = 16 * 1024;

export interface MapServer {
  /** With the token: what to open. */
  readonly url: string;
  close(): void;
}

/** Answer with the document, and with what `source` says. Throws VolumeError when the address can't be had. */
export async function serveMap(where: Listen, source: MapSource, document: string): Promise<MapServer> {
  // Loading it takes longer than most commands run.
  const { createServer } = (await importModule('node:http')) as typeof http;
  const token = randomBytes(32).toString('base64url');
  const policy = policyOf(document);
  const patient = inTurn(source);
  const web = createServer({ maxHeaderSize: mostHeaderBytes }, (request, response) => {
    const ask: Ask = (command, given) =>
      quick.has(command) ? source.ask(command, given) : patient(command, given, () => response.destroyed);
    void answer(request, token, { ...source, ask }, document).then(({ status, type, text }) => {
      response.writeHead(status, {
        'content-type': `${type}; charset=utf-8`,
        'content-security-policy': policy,
        'cross-origin-resource-policy': 'same-origin',
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        'cache-control': 'no-store',
      });
      response.end(request.method === 'HEAD' ? undefined : text);
    });
  });
  web.maxConnections = mostConnections;
  await listenAt(web, where);
  return {
    url: `${originOf(web)}/${token}/`,
    close: () => {
      web.close();
      web.closeAllConnections();
    },
  };
}

/** Looks that take their time one after another, so that none is made for somebody who has left meanwhile: who clicks about wants the last one. */
function inTurn({ ask }: MapSource): (...asked: [...Parameters<Ask>, left: () => boolean]) => Promise<unknown> {
  let last: Promise<unknown> = Promise.resolve();
  return (command, given, left) => {
    const turn = last.then(() => (left() ? undefined : ask(command, given)));
    last = turn.catch(() => undefined);
    return turn;
  };
}

/** What it may do, by the hashes of its script and its style. */
function policyOf(document: string): string {
  const hashes = (tag: string): string =>
    [...document.matchAll(new RegExp(`<${tag}>([\\s\\S]*?)</${tag}>`, 'g'))]
      .map(([, text]) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`)
      .join(' ');
  return (
    `default-src 'none'; script-src ${hashes('script')}; style-src ${hashes('style')}; connect-src 'self'; ` +
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
  );
}

interface Reply {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

const plain = (status: number, text: string): Reply => ({ status, type: 'text/plain', text: `${text}\n` });

async function answer(
  { method, url = '/', headers }: http.IncomingMessage,
  token: string,
  source: MapSource,
  document: string,
): Promise<Reply> {
  if (!isAddress(headers.host)) return plain(421, 'ask by address, not by name');
  if (method !== 'GET' && method !== 'HEAD') return plain(405, 'only GET');
  // By hand: the URL of a stranger may be one that `new URL` throws at.
  const [path, query = ''] = url.split('?', 2);
  const [, given = '', file, ...rest] = path.split('/');
  if (!same(given, token) || file === undefined || rest.length > 0)
    return plain(403, 'open the whole address that varve map has printed');
  if (file === '') return { status: 200, type: 'text/html', text: document };
  const question = Object.hasOwn(questions, file) ? questions[file] : undefined;
  if (question === undefined) return plain(404, 'there is no such thing');
  try {
    return {
      status: 200,
      type: 'application/json',
      text: JSON.stringify(await question(source, new URLSearchParams(query))),
    };
  } catch (e) {
    const error = e instanceof Error ? e.message : String(e);
    return { status: 400, type: 'application/json', text: JSON.stringify({ error }) };
  }
}

/** Whether a Host is `localhost` or the digits of an address: no name that a resolver answers for. */
function isAddress(host: string | undefined): boolean {
  return /^(localhost|\d{1,3}(\.\d{1,3}){3}|\[[0-9a-f:.]+\])(:\d{1,5})?$/i.test(host ?? '');
}

function same(given: string, token: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(token));
}

type Question = (source: MapSource, given: URLSearchParams) => Promise<unknown>;

const plainly =
  (command: Parameters<Ask>[0]): Question =>
  ({ ask }) =>
    ask(command);

const questions: Readonly<Record<string, Question>> = {
  'image.json': async ({ ask, name, mounted }) => ({ name, mounted, ...((await ask('map-image')) as object) }),
  'live.json': plainly('map-live'),
  'snapshots.json': async ({ ask }) => {
    const [live] = (await ask('branch-list')) as unknown[];
    return { live, snapshots: await ask('snapshot-list') };
  },
  'fragmentation.json': plainly('map-fragmentation'),
  'segment.json': ({ ask }, given) => ask('map-segment', { place: Number(given.get('place') ?? Number.NaN) }),
  'file.json': ({ ask }, given) =>
    given.has('inode')
      ? ask('map-file', { inode: Number(given.get('inode')) })
      : ask('map-file', { path: given.get('path') }),
  'find.json': ({ ask }, given) => ask('map-find', { name: given.get('name') }),
};
