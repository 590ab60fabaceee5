/** The long crash sweep as a program: what it makes of a run that comes to no end. */
import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';

const program = new URL('../../dist/scripts/crash-sweep.js', import.meta.url).pathname;

test('a task that takes longer than patience is a broken promise, and is ended', () => {
  const options = ['--states', '100000', '--workers', '1', '--patience', '0.5', '--seed', '3'];
  const { status, stdout } = spawnSync(process.execPath, [program, ...options], { encoding: 'utf8' });
  expect(status).toBe(1);
  expect(stdout).toContain('no end after 0.5 s');
});
