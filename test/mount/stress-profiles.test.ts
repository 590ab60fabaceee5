/** Each profile on a real volume, through the programs as a person runs them. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { mountAt } from '../../fs/fuse/mount-table.js';
import { unmountKernel } from '../../fs/fuse/unmount.js';
import { profiles } from '../../stress/profiles/all.js';
import type { Maker } from '../../stress/random/play.js';
import { type RandomReport, randomRuns } from '../../stress/random/session.js';
import { DirectoryMaker } from '../../stress/system/directory.js';
import type { Report } from '../../stress/workload/report.js';
import { requireFuse } from '../support/mounts.js';
import { varve } from '../support/programs.js';

let folder: string;
let directory: string;

beforeAll(async () => {
  requireFuse();
  folder = mkdtempSync(join(tmpdir(), 'varve-stress-'));
  directory = join(folder, 'mount');
  mkdirSync(directory);
  const image = join(folder, 'volume.img');
  expect((await varve('mkfs.varve', '--size', '256M', image)).err).toBe('');
  expect((await varve('mount.varve', image, directory)).err).toBe('');
});

afterAll(async () => {
  if (folder === undefined) return;
  await varve('varve', 'umount', '--force', directory);
  if (mountAt(directory) !== undefined) await unmountKernel(directory, true);
  rmSync(folder, { recursive: true, force: true });
});

it.each(profiles.map(({ name }) => name))('%s: reads what was written, and tells what it cost', async (name) => {
  const below = join(directory, `work of ${name}`);
  mkdirSync(below);
  const files = name === 'db' ? '1' : '20';
  const few = ['--operations', '300', '--concurrency', '4', '--files', files, '--json'];
  const { code, out, err } = await varve('varve', 'stress', '--profile', name, ...few, below);
  expect([code, err]).toEqual([0, '']);
  const report = JSON.parse(out) as Report;
  expect(report.wrong).toEqual({ count: 0, first: [] });
  expect(report.operations).toBeGreaterThanOrEqual(300);
  expect(report.volume?.journal).toBe('ordered');
  expect(report.volume?.bytesWritten).toBeGreaterThan(0);
  expect(report.volume?.checkpoints).toBeGreaterThan(0);
  expect(report.space.size).toBeGreaterThan(200 * 2 ** 20);
  expect(readdirSync(below)).toEqual([]);
});

it('at random: a mount answers as the model does, and nothing is left there', async () => {
  const below = join(directory, 'at random');
  mkdirSync(below);
  const { code, out, err } = await varve('varve', 'stress', '--operations', '200', '--seed', '2', '--json', below);
  expect([code, err]).toEqual([0, '']);
  const { operations, failure } = JSON.parse(out) as RandomReport;
  expect([operations, failure]).toEqual([200, undefined]);
  expect(readdirSync(below)).toEqual([]);
});

it('at random: a call that does nothing is found, made a short script, and nothing is left there either', async () => {
  const below = join(directory, 'with a fault');
  mkdirSync(below);
  const lazy: Maker = () => {
    const maker = new DirectoryMaker(below);
    const { open } = maker;
    maker.open = async () => {
      const system = await open.call(maker);
      system.api.rename = () => undefined;
      return system;
    };
    return maker;
  };
  const options = { seed: 2, journal: 'ordered', size: 1 << 20, operations: 500, stop: () => false } as const;
  const { failure } = await randomRuns({ ...options, maker: lazy, mount: true });
  expect(failure?.script.mount).toBe(true);
  expect(failure?.script.steps.length).toBeLessThan(8);
  expect(failure?.script.steps.map(({ name }) => name)).toContain('rename');
  expect(readdirSync(below)).toEqual([]);
});
