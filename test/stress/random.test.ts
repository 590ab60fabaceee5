/** Random runs of `varve stress`: a planted fault is found, made a short script, and found again when that is played. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FileSystemApi } from '../../fs/posix/api.js';
import { randomText } from '../../stress/command/random.js';
import { type Maker, play } from '../../stress/random/play.js';
import { parseScript, type Script, scriptText } from '../../stress/random/script.js';
import { randomRuns, varve } from '../../stress/random/session.js';
import { shrink } from '../../stress/random/shrink.js';
import type { System, SystemMaker } from '../../stress/system/system.js';
import { main } from '../../varve/main.js';
import { runCommand } from '../support/captured-output.js';

/** Varve, but for one method of its API. */
const planted =
  (spoil: (api: FileSystemApi) => Partial<FileSystemApi>): Maker =>
  (script, now) => {
    const maker = varve(script, now);
    const open: SystemMaker['open'] = async (disk) => {
      const system = await maker.open(disk);
      const changed = spoil(system.api);
      const api = new Proxy(system.api, {
        get: (target, name) => {
          const own: unknown = Reflect.get(changed, name) ?? Reflect.get(target, name);
          return typeof own === 'function' ? own.bind(target) : own;
        },
      });
      return { ...system, api } satisfies System;
    };
    return {
      format: (disk) => maker.format(disk),
      generationOf: (disk) => maker.generationOf(disk),
      check: (disk) => maker.check(disk),
      open,
    };
  };

const lazySync = planted(() => ({ fsync: async () => undefined, sync: async () => undefined }));
const forgetfulRemoval = planted((api) => ({
  removexattr: (inode, name) => void api.getxattr(inode, name),
}));

describe('a planted fault', () => {
  it.each([
    ['an fsync that does nothing', lazySync],
    ['an attribute that stays when it is removed', forgetfulRemoval],
  ])('%s: is found, shrunk, and found again by the script', async (_, maker) => {
    const options = { seed: 3, journal: 'ordered', size: 16 << 20, operations: 6000, stop: () => false } as const;
    const report = await randomRuns({ ...options, maker });
    const { failure } = report;
    if (failure === undefined) throw new Error('it was not found');
    expect(failure.script.steps.length).toBeLessThanOrEqual(12);
    const again = parseScript(scriptText(failure.script));
    expect(again).toEqual(failure.script);
    expect((await play(again, maker)).failure).toBe(failure.why);
    expect((await play(again, varve)).failure).toBeUndefined();
    expect(randomText(report)).toContain(`varve stress --replay FILE\n${scriptText(failure.script)}`);
  });
});

describe('shrink', () => {
  it('leaves what is needed, in order', async () => {
    const list = Array.from({ length: 100 }, (_, i) => i);
    const needs = async (part: readonly number[]) => [7, 50, 93].every((n) => part.includes(n));
    expect(await shrink(list, needs, 1000)).toEqual([7, 50, 93]);
    expect(await shrink([1], async () => true, 10)).toEqual([1]);
  });

  it('ends after as many tries as allowed', async () => {
    let tries = 0;
    const fails = async () => ++tries > 1e6;
    expect(await shrink([1, 2, 3, 4, 5, 6, 7, 8], fails, 5)).toHaveLength(8);
    expect(tries).toBe(5);
  });
});

describe('a script', () => {
  const script: Script = {
    journal: 'data',
    seed: 5,
    size: 16 << 20,
    mount: false,
    steps: [{ name: 'write', seed: 9 }],
  };

  it.each([
    ['{', 'no script'],
    ['{"kind":"other"}', 'no script'],
    [scriptText(script).replace('data', 'best'), "mode 'best'"],
    [scriptText(script).replace('"write"', '"toString"'), "operation 'toString'"],
    [scriptText(script).replace('9', '-9'), "'-9'"],
    [scriptText(script).replace(/\[\[.*\]\]/, '7'), 'no steps'],
    [scriptText({ ...script, mount: true }).replace('write', 'cut'), "'cut' can't be done on a mount"],
  ])('that says %s is refused', (text, why) => {
    expect(() => parseScript(text)).toThrow(why);
  });
});

describe('varve stress', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'varve-random-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('runs at random in each mode, and tells what it went through', async () => {
    for (const journal of ['none', 'data']) {
      const { code, output } = await runCommand(main, 'stress', '--operations', '200', '--journal', journal);
      expect([code, output.text]).toEqual([
        0,
        expect.stringMatching(/^seed 1, journal=\w+: 200 operations in 1 runs; /),
      ]);
      expect(output.text).toMatch(/wrong: nothing/);
    }
  });

  it('plays a script, and refuses what is none', async () => {
    const file = join(folder, 'script');
    const steps = [{ name: 'create', seed: 1 } as const, { name: 'cut', seed: 2 } as const];
    writeFileSync(file, scriptText({ journal: 'ordered', seed: 1, size: 16 << 20, mount: false, steps }));
    const { code, output } = await runCommand(main, 'stress', '--replay', file, '--json');
    expect([code, output.json]).toEqual([0, expect.objectContaining({ operations: 2, runs: 1 })]);
    writeFileSync(file, 'nothing');
    expect((await runCommand(main, 'stress', '--replay', file)).code).toBe(2);
    expect((await runCommand(main, 'stress', '--replay', join(folder, 'absent'))).code).toBe(2);
    expect((await runCommand(main, 'stress', join(folder, 'absent'))).code).toBe(2);
    writeFileSync(file, scriptText({ journal: 'ordered', seed: 1, size: 16 << 20, mount: true, steps: [steps[0]] }));
    expect((await runCommand(main, 'stress', '--replay', file)).code).toBe(2);
    expect((await runCommand(main, 'stress', '--journal', 'best')).code).toBe(2);
  });
});
