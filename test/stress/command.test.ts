/** `varve stress` as it is typed, on volumes in memory and in a directory of this machine. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { profiles } from '../../stress/profiles/all.js';
import { describe as describeProfile } from '../../stress/workload/describe.js';
import type { Report } from '../../stress/workload/report.js';
import { main } from '../../varve/main.js';
import { runCommand } from '../support/captured-output.js';

const few = ['--operations', '300', '--concurrency', '3', '--files', '20'] as const;
const stress = (...args: string[]) => runCommand(main, 'stress', ...args);

describe.each(profiles.map(({ name }) => name))('profile %s', (name) => {
  it('runs on a volume in memory, and tells what that cost', async () => {
    const { code, output } = await stress(
      '--profile',
      name,
      ...few,
      ...(name === 'db' ? ['--files', '1'] : []),
      '--size',
      '64M',
      '--json',
    );
    const report = output.json as Report;
    expect([code, report.wrong.count, report.endedBy]).toEqual([0, 0, 'operations']);
    expect(report.operations).toBe(report.kinds.reduce((sum, { count }) => sum + count, 0));
    for (const { p50, p99, max } of report.kinds) expect(p50 <= p99 && p99 <= max).toBe(true);
    expect(report.volume?.journal).toBe('ordered');
    expect(report.volume?.bytesWritten).toBeGreaterThan(0);
  });
});

it('ages a volume in memory until it is as full as asked', async () => {
  const { code, output } = await stress('--profile', 'mail', '--age', '--fill', '50', '--size', '32M', '--json');
  const { space, endedBy, wrong } = output.json as Report;
  expect([code, endedBy, wrong.count]).toEqual([0, 'fill', 0]);
  expect(space.used / space.size).toBeGreaterThan(0.49);
});

it('ends when so much was written as asked', async () => {
  const { code, output } = await stress('--profile', 'mail', '--files', '40', '--write', '1M', '--json');
  const { bytesWritten, endedBy, wrong } = output.json as Report;
  expect([code, endedBy, wrong.count]).toEqual([0, 'writes', 0]);
  expect(bytesWritten).toBeGreaterThanOrEqual(1 << 20);
  expect(bytesWritten).toBeLessThan(2 << 20);
});

it('prints a table and what was found', async () => {
  const { code, output } = await stress('--profile', 'mail', ...few);
  expect(code).toBe(0);
  expect(output.text).toMatch(/^operation +count +per s +p50 us +p99 us +max us\ncreate /);
  expect(output.text).toMatch(/wrong: +nothing/);
  expect(output.text).toMatch(/to the image: .* times what was written/);
});

it('ends on SIGINT with what there is, and then listens no more', async () => {
  const before = process.listenerCount('SIGINT');
  const running = stress('--profile', 'mail', '--files', '20', '--minutes', '60');
  while (process.listenerCount('SIGINT') === before) await new Promise((resolve) => setImmediate(resolve));
  process.emit('SIGINT');
  const { code, output } = await running;
  expect(code).toBe(130);
  expect(output.text).toMatch(/ended: +after .*: interrupted/);
  expect(process.listenerCount('SIGINT')).toBe(before);
});

it.each([
  [2, ['--profile', 'nothing']],
  [2, ['--profile', 'mail', '--operations', '0']],
  [2, ['--profile', 'mail', '--files', 'many']],
  [16, ['--profile', 'mail', '/there/is/nothing']],
  [2, ['--profile', 'mail', '/etc/passwd']],
])('answers %i to %j', async (expected, args) => {
  const { code, output } = await stress(...args);
  expect(code).toBe(expected);
  expect(output.errors).not.toBe('');
});

it('says in its help and in docs/STRESS.md what each profile does, as its data says it', async () => {
  const { output } = await stress('--help');
  const document = readFileSync(new URL('../../docs/STRESS.md', import.meta.url), 'utf8');
  for (const profile of profiles) {
    expect(output.text).toContain(describeProfile(profile));
    expect(document).toContain(describeProfile(profile));
    expect(document.replaceAll(/\s+/g, ' ')).toContain(profile.source);
  }
});

describe('in a directory', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'varve-stress-'));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  it('works on any filesystem, and leaves nothing', async () => {
    const { code, output } = await stress('--profile', 'build', ...few, '--json', directory);
    const report = output.json as Report;
    expect([code, report.wrong.count, report.volume]).toEqual([0, 0, undefined]);
    expect(readdirSync(directory)).toEqual([]);
  });

  it('refuses a folder that is there already', async () => {
    const age = ['--profile', 'mail', ...few, '--age', '--fill', '0', directory];
    expect((await stress(...age)).code).toBe(0);
    expect(readdirSync(directory)).toEqual(['stress-mail-1']);
    const again = await stress(...age);
    expect(again.code).toBe(2);
    expect(again.output.errors).toMatch(/stress-mail-1 is there already/);
  });
});
