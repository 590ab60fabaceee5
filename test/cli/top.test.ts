/** `varve top`: what is made of a server's counters, and how it is shown. A volume in memory, and requests that were told. */
import { describe, expect, it } from 'vitest';
import { type Activity, activityOf, formatMs } from '../../fs/cli/activity.js';
import { type Sample, sampleBetween } from '../../fs/cli/activity-sample.js';
import { callersBy, processOf } from '../../fs/cli/caller-names.js';
import { programCommand } from '../../fs/cli/command.js';
import { topSchema } from '../../fs/cli/schemas/top.js';
import { causes } from '../../fs/cli/schemas/volume.js';
import { addTop, eachSample } from '../../fs/cli/top.js';
import { topLine, topScreen } from '../../fs/cli/top-screen.js';
import { ScrubbedVolume } from '../scrub/scrubbed-volume.js';
import { CapturedOutput } from '../support/captured-output.js';
import { schemaProblems } from '../support/json-schema.js';
import { ToldMount } from '../support/told-mount.js';

const time = new Date('2026-01-31T10:00:00.500Z');

/** Two moments, with requests and a commit between them. */
async function moments(): Promise<{ before: Activity; after: Activity }> {
  const { fs: filesystem, volume, ...made } = await ScrubbedVolume.make();
  const mount = new ToldMount();
  mount.answer('fsync', 100, 1);
  const observed = { image: '/v.img', volume, filesystem };
  const before = { ...activityOf(observed, mount.mounted, 0, 0), at: 5000 };
  for (let i = 0; i < 90; i++) mount.answer('lookup', 0.01, 7);
  for (let i = 0; i < 10; i++) mount.answer('read', 2, 0);
  mount.stayAway(30);
  Object.assign(mount.counters, { bytesRead: 40_960, suspended: 25 });
  await volume.commit();
  const after = { ...activityOf(observed, mount.mounted, 0, before.driver.requests), at: 7000 };
  await filesystem.close();
  await volume.close();
  expect(made.store.size).toBeGreaterThan(0);
  return { before, after };
}

/** As the server answers `space`. */
const byCause = Object.fromEntries(Object.keys(causes).map((name, at) => [name, 4096 * at]));
const context = {
  time,
  processes: [{ pid: 7, name: 'tar', share: 1 }],
  byCause: { ...byCause, data: 4096, metadata: 8192 },
};
const { before, after } = await moments();
const sample = sampleBetween(before, after, context);
const screenText = (one: Sample, columns = 100, rows = 40): string[] =>
  topScreen(one, columns, rows).map((line) => line.map(([text]) => text).join(''));

// First, as tests before it may leave timers that end meanwhile.
it('a pause of hours ends with the server', async () => {
  const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
  const others = timers();
  let end: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  const ask = async (): Promise<unknown> => {
    setImmediate(() => setImmediate(end));
    return before;
  };
  const all = eachSample({ ask, ended }, 10_000_000, 2, new AbortController().signal, () => undefined);
  await expect(all).rejects.toThrow('the server has ended');
  expect(timers()).toBeLessThanOrEqual(others);
});

describe('a sample', () => {
  it('tells of what came between the two moments, a second', () => {
    expect(sample.requests).toMatchObject({ perSecond: 50, bytesRead: 20_480, fromMemory: 0.8 });
    expect(sample.operations.map(({ kind, perSecond }) => [kind, perSecond])).toEqual([
      ['lookup', 45],
      ['read', 5],
    ]);
    expect(sample.latency.p50Ms).toBeCloseTo(0.01, 3);
    expect(sample.latency.longestMs / 2).toBeGreaterThanOrEqual(1);
    expect(sample.latency.longestMs / 2).toBeLessThan(1.0626);
    expect(sample.space.used + sample.space.available).toBe(sample.space.capacity);
  });

  it('tells how long nobody looked for requests, where that is known', () => {
    expect(sample.away?.longestMs).toBeGreaterThanOrEqual(30);
    expect(sample.away?.longestMs).toBeLessThan(30 * 1.0626);
    expect(sample.away?.p9999Ms).toBe(sample.away?.longestMs);
    expect(screenText(sample).join('\n')).toMatch(/^away +from requests for at most 3\d ms at a time/m);
    const unknown = sampleBetween({ ...before, away: null }, { ...after, away: null }, context);
    expect(unknown.away).toBeNull();
    expect(schemaProblems(topSchema(), JSON.parse(JSON.stringify(unknown)))).toEqual([]);
  });

  it('is as its schema says, as a program reads it', () => {
    const schema = topSchema();
    const idle = sampleBetween(after, after, { time, processes: [], byCause: null });
    for (const one of [sample, idle]) expect(schemaProblems(schema, JSON.parse(JSON.stringify(one)))).toEqual([]);
    expect(schemaProblems(schema, { ...sample, more: 1, mount: 2 })).toEqual([
      '$.mount: no string',
      '$: has more besides',
    ]);
  });

  it('has the callers of its own requests only', () => {
    expect(before.callers).toEqual([[1, 1]]);
    expect(new Map(after.callers)).toEqual(
      new Map([
        [7, 90],
        [0, 10],
      ]),
    );
  });
});

describe('the page', () => {
  it('fits any terminal, and keeps its head', () => {
    for (const [columns, rows] of [
      [100, 40],
      [40, 10],
      [1, 1],
    ]) {
      const lines = screenText(sample, columns, rows);
      expect(lines.length).toBeLessThanOrEqual(rows);
      for (const line of lines) expect(line.length).toBeLessThanOrEqual(columns);
    }
    expect(screenText(sample, 40, 10)[0]).toContain('varve top /mnt/v');
  });

  it('shows kinds, processes, space by cause, and a failure', () => {
    const text = screenText({ ...sample, server: { ...sample.server, failure: 'EIO' } }).join('\n');
    for (const part of [
      /^lookup +45 +10 us/m,
      /^tar +7 +100 %/m,
      /# files 4\.0 KiB/,
      /read-only: EIO/,
      /80\.0 % from memory/,
    ])
      expect(text).toMatch(part);
  });

  it('has no control characters, whatever a process calls itself', () => {
    const hostile = { pid: 8, name: '\u001b]0;x\u0007\n\u009b2J', share: 1 };
    const text = screenText({ ...sample, mount: '/a\nb', processes: [hostile] });
    for (const line of text) expect(line).not.toMatch(/\p{Cc}/u);
    expect(text.join('\n')).toContain('?]0;x???2J');
  });

  it('says so when nothing came', () => {
    const idle = sampleBetween(after, after, { time, processes: [], byCause: null });
    expect(screenText(idle).join('\n')).toContain('latency   no requests');
    expect(topLine(idle)).toMatch(/^2026-01-31T10:00:00Z {2}0 requests\/s {2}read 0 B\/s/);
    expect(topLine(sample)).toContain('lookup 45/s');
  });
});

it('threads are of processes, and those that have ended are one', () => {
  const found = callersBy([
    [process.pid, 1],
    [0, 2],
    [4_000_000, 3],
    [4_000_001, 4],
  ]);
  expect(found.map(({ name, share }) => [name, share])).toEqual([
    ['(ended)', 0.7],
    ['kernel', 0.2],
    [processOf(process.pid).name, 0.1],
  ]);
  expect(processOf(process.pid).pid).toBe(process.pid);
});

it('a process of which /proc tells nothing has its number', () => {
  const refuse = (): never => {
    throw Object.assign(new Error('EPERM'), { code: 'EPERM' });
  };
  expect(processOf(12, refuse)).toEqual({ pid: 12, name: '(hidden)' });
});

it('can be stopped while the server does not answer', async () => {
  const never = new Promise<never>(() => undefined);
  const stop = new AbortController();
  const all = eachSample({ ask: () => never, ended: never }, 1000, 1, stop.signal, () => undefined);
  stop.abort();
  await all;
});

it.each([
  [0.0123, '12 us'],
  [0.0042, '4.2 us'],
  [3.21, '3.2 ms'],
  [12_345, '12 s'],
])('%d ms is %s', (ms, text) => expect(formatMs(ms)).toBe(text));

it.each([
  ['--interval', '0'],
  ['--interval', 'x'],
  ['--count', '0'],
])('refuses %s %s', async (option, value) => {
  const output = new CapturedOutput();
  const program = programCommand('varve', output);
  addTop(program, { output, exit: 0 });
  const run = program.parseAsync(['top', option, value, '/'], { from: 'user' });
  await expect(run).rejects.toThrow(`not '${value}'`);
});
