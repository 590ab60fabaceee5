/** `varve map --serve` over a volume in memory: what the page asks, and who is not answered. */
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { main } from '../../fs/cli/main.js';
import { mapCommands } from '../../fs/cli/map-service.js';
import { snapshotCommands } from '../../fs/cli/snapshot-service.js';
import type { FilePlaces } from '../../fs/report/file-places.js';
import type { LiveMap } from '../../fs/report/live-map.js';
import type { SegmentContents } from '../../fs/report/segment-contents.js';
import { addMap, untilStopped } from '../../varve/map/map.js';
import { type MapServer, serveMap } from '../../varve/map/server.js';
import { ScrubbedVolume } from '../scrub/scrubbed-volume.js';
import { CapturedOutput, runCommand } from '../support/captured-output.js';
import { storedPlain } from '../support/plain-volumes.js';

const document = '<html><style>b{}</style><script>go()</script></html>';
/** A name that would be markup if anything took it for that. */
const hostile = '<img src=x onerror=alert(1)>';

let made: ScrubbedVolume;
let server: MapServer;
let port = '';
/** What has come to the volume; it is answered when this resolves. */
const asked: string[] = [];
let held = Promise.resolve();
let small = 0;
let large = 0;

beforeAll(async () => {
  made = await ScrubbedVolume.make();
  const folder = await made.directory('folder');
  large = await made.file('large', 100 * 4096, folder);
  small = await made.file(hostile, 6 * 4096);
  await made.fs.fsync(large, false);
  await made.fs.fsync(small, false);
  await made.volume.commit();
  await made.volume.snapshots.create('monday');
  await made.write(large, 0, 10 * 4096);
  await made.volume.commit();
  const commands = { ...snapshotCommands(made.volume), ...mapCommands(made.volume, made.fs) };
  const source = {
    name: '/mnt/v',
    mounted: true,
    ask: async (command: string, given: Readonly<Record<string, unknown>> = {}) => {
      asked.push(command);
      await held;
      return commands[command](given);
    },
    ended: new Promise<void>(() => undefined),
  };
  server = await serveMap({ host: '127.0.0.1', port: 0 }, source, document);
  port = new URL(server.url).port;
});
afterAll(async () => {
  server.close();
  await made.fs.close();
  await made.volume.close();
});

async function ask<T>(file: string, status = 200): Promise<T> {
  const response = await fetch(`${server.url}${file}`);
  expect([file, response.status]).toEqual([file, status]);
  return (await response.json()) as T;
}

/** The status of a request with this first line and Host; fetch does not let the Host be chosen. */
function statusOf(path: string, host: string, method = 'GET'): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, path, method, headers: { host } }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    asked.once('error', reject);
    asked.end();
  });
}

it('says what is served, and lets the document do no more than it must', async () => {
  const response = await fetch(server.url);
  expect(await response.text()).toBe(document);
  const policy = response.headers.get('content-security-policy') ?? '';
  expect(policy).toMatch(
    /^default-src 'none'; script-src 'sha256-[\w+/=]{44}'; style-src 'sha256-[\w+/=]{44}'; connect-src 'self'/,
  );
  expect(policy).not.toContain('unsafe');
  expect(await ask('image.json')).toMatchObject({ name: '/mnt/v', mounted: true, bytes: 16 << 20 });
});

it('answers nobody without the token, by another name, or who wants to change something', async () => {
  const { pathname } = new URL(server.url);
  const own = `127.0.0.1:${port}`;
  expect(pathname).toMatch(/^\/[\w-]{43}\/$/);
  expect(await statusOf(pathname, own)).toBe(200);
  expect(await statusOf(pathname, `localhost:${port}`)).toBe(200);
  for (const path of [
    '/',
    '/live.json',
    `/${'x'.repeat(43)}/live.json`,
    pathname.slice(0, -1),
    `${pathname}a/b`,
    '//',
    '/%',
    'http://[',
  ])
    expect([path, await statusOf(path, own)]).toEqual([path, 403]);
  for (const name of ['evil.example', `evil.example:${port}`, `127.0.0.1.evil.example:${port}`])
    expect([name, await statusOf(`${pathname}live.json`, name)]).toEqual([name, 421]);
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) expect(await statusOf(pathname, own, method)).toBe(405);
  for (const file of ['nothing.json', '__proto__', 'constructor'])
    expect([file, await statusOf(pathname + file, own)]).toEqual([file, 404]);
});

it('has a cell a segment, the heads, and room that adds up', async () => {
  const map = await ask<LiveMap>('live.json');
  expect(map.kinds).toHaveLength(map.places);
  expect([map.live.length, map.written.length]).toEqual([map.places, map.places]);
  expect(map.heads.map(({ name }) => name)).toEqual(['data', 'cold', 'nodes', 'journal']);
  for (const at of map.open) expect(map.kinds[at]).not.toBe('0');
  expect(map.live.reduce((a, b) => a + b)).toBe(made.volume.state.table.livePages);
});

it('tells where a file lies, and whose pages lie there: the same from both sides', async () => {
  const file = await ask<FilePlaces>(`file.json?inode=${large}`);
  expect(file).toMatchObject({ pages: 100, complete: true });
  expect(await ask(`file.json?path=/folder/large`)).toEqual(file);
  let held = 0;
  for (const [cell, pages] of file.cells) {
    const { files } = await ask<SegmentContents>(`segment.json?place=${cell}`);
    const own = files.find(({ inode }) => inode === large);
    expect(own?.path).toBe('/folder/large');
    expect((own?.pages ?? 0) - (own?.heldPages ?? 0)).toBe(pages);
    held += own?.heldPages ?? 0;
  }
  // Units that are sealed are held as wholes.
  expect(storedPlain ? [10] : [10, 16]).toContain(held);
});

it('every live page of every segment is somebody’s, and nodes are told apart', async () => {
  const { places } = await ask<LiveMap>('live.json');
  let nodes = 0;
  for (let place = 0; place < places; place++) {
    const of = await ask<SegmentContents>(`segment.json?place=${place}`);
    const told = of.files.reduce((sum, { pages }) => sum + pages, 0) + of.nodePages + of.systemPages + of.undescribed;
    expect([place, told]).toEqual([place, of.live]);
    nodes += of.nodePages;
  }
  expect(nodes).toBeGreaterThan(0);
});

it('finds files by a part of the name, whatever it is', async () => {
  const found = await ask<object>(`find.json?name=${encodeURIComponent('<IMG')}`);
  expect(found).toEqual({ found: [{ inode: small, path: `/${hostile}` }], complete: true });
  expect(await ask(`find.json?name=nothing+like+it`)).toEqual({ found: [], complete: true });
});

it('says that there are more files than it names', async () => {
  const inodes: string[] = [];
  for (let i = 0; i < 60; i++) {
    await made.file(`of many ${i}`, 1);
    inodes.push(`of many ${i}`);
  }
  await made.volume.commit();
  const { found, complete } = await ask<{ found: unknown[]; complete: boolean }>('find.json?name=of+many');
  expect([found.length, complete]).toEqual([50, false]);
  for (const name of inodes) await made.unlink(name);
  await made.volume.commit();
});

it('lists snapshots and what they hold alone, and measures fragmentation', async () => {
  const { snapshots } = await ask<{ snapshots: { name: string; unique: number }[] }>('snapshots.json');
  expect(snapshots).toMatchObject([{ name: 'monday' }]);
  expect(snapshots[0].unique).toBeGreaterThanOrEqual(10 * 4096);
  expect(await ask('fragmentation.json')).toMatchObject({ version: 1, files: { count: 2 } });
});

it('of a file that is gone it looks at no items of others', async () => {
  const { volume } = made;
  const gone = await made.file('gone', 3 * 4096);
  const folder = await made.directory('behind it');
  for (let i = 0; i < 300; i++) await made.file(`${i}`, 0, folder);
  await made.fs.fsync(gone, false);
  await volume.commit();
  await volume.snapshots.create('with it');
  const { cells } = await ask<FilePlaces>(`file.json?inode=${gone}`);
  await made.unlink('gone');
  await volume.commit();
  let steps = 0;
  const floor = volume.floor.bind(volume);
  const spy = vi.spyOn(volume, 'floor').mockImplementation((inode, kind, offset) => {
    const cursor = floor(inode, kind, offset);
    const next = cursor.next.bind(cursor);
    cursor.next = () => {
      if (inode === gone) steps++;
      next();
    };
    return cursor;
  });
  const { files } = await ask<SegmentContents>(`segment.json?place=${cells[0][0]}`);
  spy.mockRestore();
  expect(files.find(({ inode }) => inode === gone)).toMatchObject({ pages: 3, heldPages: 3 });
  expect(steps).toBeLessThan(3);
  await volume.snapshots.remove('with it');
});

it('looks for nobody who has left', async () => {
  let go = (): void => undefined;
  held = new Promise((resolve) => {
    go = resolve;
  });
  asked.length = 0;
  const leaving = new AbortController();
  const first = ask('segment.json?place=1');
  while (asked.length === 0) await new Promise((resolve) => setImmediate(resolve));
  const left = [2, 3, 4].map((place) =>
    fetch(`${server.url}segment.json?place=${place}`, { signal: leaving.signal }).catch((e: Error) => e.name),
  );
  const live = ask('live.json');
  // What comes later is answered later: by then the server knows who has come, and who has left.
  const heard = async () => {
    for (let i = 0; i < 5; i++) await (await fetch(server.url)).text();
  };
  await heard();
  leaving.abort();
  expect(await Promise.all(left)).toEqual(['AbortError', 'AbortError', 'AbortError']);
  await heard();
  go();
  await Promise.all([first, live]);
  expect(await ask('segment.json?place=5')).toMatchObject({ place: 5 });
  expect(asked).toEqual(['map-segment', 'map-live', 'map-segment']);
});

it('says what is wrong with a question', async () => {
  for (const file of [
    'segment.json',
    'segment.json?place=-1',
    'segment.json?place=1e9',
    'file.json?path=/none',
    'file.json',
  ])
    expect(await ask(file, 400)).toHaveProperty('error');
  expect(await ask(`file.json?inode=9999`, 400)).toHaveProperty('error');
  expect(await ask(`find.json?name=${'x'.repeat(5000)}`, 400)).toHaveProperty('error');
});

it('on the command line: what is no volume, and no address', async () => {
  const varve = (...args: string[]) => runCommand((given, output) => main(given, output, [addMap]), 'map', ...args);
  expect((await varve('/nowhere')).output.errors).toContain('does not exist');
  expect((await varve('/tmp', '--serve', 'here')).output.errors).toContain('no address to listen at');
});

it('says why it ends', async () => {
  const output = new CapturedOutput();
  let unmount = (): void => undefined;
  const ended = new Promise<void>((resolve) => {
    unmount = resolve;
  });
  const source = { name: '/mnt/v', mounted: true, ask: async () => undefined, ended };
  const served = () => untilStopped(source, { host: '127.0.0.1', port: 0 }, { output, exit: 0 });
  const stopped = served();
  while (!output.text.includes('http:')) await new Promise((resolve) => setImmediate(resolve));
  process.listeners('SIGTERM').at(-1)?.('SIGTERM');
  await stopped;
  // Whoever asked is told nothing of what follows from it.
  unmount();
  await ended;
  expect(output.errors).toBe('');
  await served();
  expect(output.errors).toContain('/mnt/v is not mounted any more');
});

it('the page itself asks nobody else, and never makes markup of words', () => {
  const folder = new URL('../../varve/page/', import.meta.url);
  const html = readFileSync(new URL('map.html', folder), 'utf8');
  expect(html).not.toMatch(/(src|href)="(?!data:)/);
  expect(html).not.toMatch(/\son\w+=|style="/);
});
