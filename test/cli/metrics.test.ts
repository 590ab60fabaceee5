/** `varve metrics`: what Prometheus reads, line by line, and how it is served. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, connect } from 'node:net';
import { expect, it } from 'vitest';
import { activityOf } from '../../fs/cli/activity.js';
import { parseListen } from '../../fs/cli/listen.js';
import { metricFamilies } from '../../fs/cli/metric-families.js';
import { oneAtATime, serve } from '../../fs/cli/metrics.js';
import { prometheusText } from '../../fs/cli/prometheus-text.js';
import { pageSize } from '../../fs/units.js';
import { spaceByCause } from '../../fs/volume/space-by-cause.js';
import { ScrubbedVolume } from '../scrub/scrubbed-volume.js';
import { ToldMount } from '../support/told-mount.js';

async function familiesOfMount() {
  const { volume, fs: filesystem } = await ScrubbedVolume.make();
  const mount = new ToldMount();
  for (const ms of [0.001, 0.0064, 1, 20_000]) mount.answer('read', ms, 7);
  for (const ms of [0.01, 40]) mount.stayAway(ms);
  const activity = activityOf({ image: '/a "quoted"\\name\n', volume, filesystem }, mount.mounted, 0, 0);
  const families = metricFamilies(activity, await spaceByCause(volume.state), '1.2');
  await filesystem.close();
  await volume.close();
  return { families, activity };
}
const { families, activity } = await familiesOfMount();
const lines = prometheusText(families).split('\n');

/** Of a series: its value. */
const figure = (series: string): number => {
  const line = lines.find((one) => one.startsWith(`${series} `));
  expect(line, series).toBeDefined();
  return Number(line?.slice(series.length + 1));
};

it('has nothing but what the format knows, each name once, and a line end at the end', () => {
  expect(lines.pop()).toBe('');
  const label = String.raw`[a-z]+="(?:[^"\\\n]|\\["\\n])*"`;
  const series = new RegExp(`^[a-z_]+(?:\\{${label}(?:,${label})*\\})? [0-9.e+-]+$`);
  for (const line of lines)
    if (!/^# (HELP [a-z_]+ .+|TYPE [a-z_]+ (counter|gauge|histogram))$/.test(line)) expect(line).toMatch(series);
  const names = lines.filter((line) => line.startsWith('# TYPE')).map((line) => line.split(' ')[2]);
  expect(new Set(names).size).toBe(names.length);
  const all = lines.filter((line) => !line.startsWith('#')).map((line) => line.slice(0, line.lastIndexOf(' ')));
  expect(new Set(all).size).toBe(all.length);
});

it('names are as Prometheus wants them', () => {
  for (const { name, type, help } of families) {
    expect(name).toMatch(/^varve_[a-z]+(_[a-z]+)*$/);
    expect([name, name.endsWith('_total')]).toEqual([name, type === 'counter']);
    expect(name).not.toMatch(/_(ms|kib|mib|percent|pages)(_|$)/);
    expect(help).toMatch(/\.$/);
  }
});

it('histograms rise up to their count, in seconds', () => {
  const read = (le: string) => figure(`varve_request_duration_seconds_bucket{mount="/mnt/v",kind="read",le="${le}"}`);
  expect([read('0.0000032'), read('0.0000064'), read('0.0000128')]).toEqual([1, 1, 2]);
  expect([read('0.0016384'), read('6.7108864'), read('+Inf')]).toEqual([3, 3, 4]);
  expect(figure('varve_request_duration_seconds_count{mount="/mnt/v",kind="read"}')).toBe(4);
  expect(figure('varve_request_duration_seconds_sum{mount="/mnt/v",kind="read"}')).toBeCloseTo(20.0010074, 6);
});

it('stretches without a look for requests are a histogram of their own', () => {
  const away = (le: string) => figure(`varve_server_away_seconds_bucket{mount="/mnt/v",le="${le}"}`);
  expect([away('0.0065536'), away('0.0524288'), away('+Inf')]).toEqual([1, 2, 2]);
});

it('causes of space add up to the capacity, and labels are escaped', () => {
  const parts = lines.filter((line) => line.startsWith('varve_space_bytes{')).map((line) => Number(line.split(' ')[1]));
  expect(parts).toHaveLength(7);
  expect(parts.reduce((a, b) => a + b)).toBe(activity.space.capacity * pageSize);
  expect(lines).toContain(
    String.raw`varve_mount_info{mount="/mnt/v",image="/a \"quoted\"\\name\n",journal="ordered",version="1.2"} 1`,
  );
});

it('the dashboard asks for nothing that there is not', () => {
  const dashboard = readFileSync(new URL('../../examples/grafana-dashboard.json', import.meta.url), 'utf8');
  const asked = new Set([...dashboard.matchAll(/\bvarve_[a-z_]+/g)].map(([name]) => name));
  const known = families.flatMap(({ name, type }) =>
    type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
  );
  expect(asked.size).toBeGreaterThan(20);
  expect([...asked].filter((name) => !known.includes(name))).toEqual([]);
});

it.each([
  ['9750', '127.0.0.1', 9750],
  [':9750', '127.0.0.1', 9750],
  ['0.0.0.0:80', '0.0.0.0', 80],
  ['[::1]:9750', '::1', 9750],
])('listens at %s', (text, host, port) => expect(parseListen(text)).toEqual({ host, port }));

it.each(['', 'x', '65536', '::1:80', '1.2.3.4:'])('refuses to listen at %j', (text) =>
  expect(() => parseListen(text)).toThrow('no address to listen at'),
);

it('makes one page for all who ask at the same time, and the next one anew', async () => {
  const made: ((text: string) => void)[] = [];
  const page = oneAtATime(() => new Promise((resolve) => made.push(resolve)));
  const both = [page(), page()];
  expect(made).toHaveLength(1);
  made[0]('a');
  expect(await Promise.all(both)).toEqual(['a', 'a']);
  const next = page();
  made[1]('b');
  expect(await next).toBe('b');
});

it('takes no more than some connections', async () => {
  const web = await serve({ host: '127.0.0.1', port: 0 }, async () => '');
  const { port } = web.address() as AddressInfo;
  const sockets = Array.from({ length: 40 }, () => connect(port, '127.0.0.1').on('error', () => undefined));
  await Promise.all(sockets.slice(32).map((socket) => once(socket, 'close')));
  expect(sockets.slice(0, 32).every((socket) => !socket.destroyed)).toBe(true);
  for (const socket of sockets) socket.destroy();
  web.close();
});

it('serves the page by GET alone, tells when it can not, and of an address that is taken', async () => {
  let fail = false;
  const web = await serve({ host: '127.0.0.1', port: 0 }, async () => {
    if (fail) throw new Error('the server has ended');
    return 'varve_x 1\n';
  });
  const { port } = web.address() as AddressInfo;
  const ask = async (path: string, method = 'GET'): Promise<[number, string]> => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { method });
    return [response.status, await response.text()];
  };
  expect(await ask('/metrics')).toEqual([200, 'varve_x 1\n']);
  expect(await ask('/metrics', 'HEAD')).toEqual([200, '']);
  expect((await ask('/'))[0]).toBe(404);
  expect((await ask('/metrics', 'POST'))[0]).toBe(405);
  fail = true;
  expect(await ask('/metrics')).toEqual([503, 'the server has ended\n']);
  await expect(serve({ host: '127.0.0.1', port }, async () => '')).rejects.toThrow(`can't listen at 127.0.0.1:${port}`);
  web.closeAllConnections();
  web.close();
});
