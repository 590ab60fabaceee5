import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { ExpectedFolder } from '../../scripts/soak/expected.js';
import type { LogLine } from '../../scripts/soak/operation.js';

const program = new URL('../../dist/scripts/soak/load.js', import.meta.url).pathname;

test('what the load logs is what it did: killed on a sound filesystem, nothing differs', async () => {
  const path = mkdtempSync(join(tmpdir(), 'varve-load-'));
  try {
    const folder = new ExpectedFolder(path);
    for (const seed of ['1', '2']) {
      const child = spawn(process.execPath, [program, path, seed, `s${seed}`], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let log = '';
      child.stdout.on('data', (chunk: Buffer) => {
        log += chunk.toString();
      });
      while (log.split('\n').length < 200 && child.exitCode === null) await sleep(20);
      child.kill('SIGKILL');
      await once(child, 'close');
      const lines = log.split('\n').slice(0, -1);
      for (const line of lines) folder.log(JSON.parse(line) as LogLine);
      expect(await folder.check()).toEqual([]);
    }
    expect(folder.acknowledged).toBeGreaterThan(150);
  } finally {
    rmSync(path, { recursive: true });
  }
});
