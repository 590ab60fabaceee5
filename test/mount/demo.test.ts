/** The scripts that people run, run as they run them. */
import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';

const script = (name: string, ...args: string[]) => {
  const path = new URL(`../../dist/scripts/${name}.js`, import.meta.url).pathname;
  const { status, stdout, stderr } = spawnSync(process.execPath, [path, ...args], { encoding: 'utf8' });
  return { status, said: `${stdout}${stderr}` };
};

test('the demo shows each step and leaves nothing behind', { timeout: 600_000 }, () => {
  const { status, said } = script('demo');
  expect(said).toMatch(/all \d+ fsynced files .* are there, byte for byte/);
  expect(said).toMatch(/Done; nothing is left behind/);
  expect(status, said).toBe(0);
});

test.each([
  ['the image file', []],
  ['a store that loses what no barrier has covered', ['--store', 'volatile']],
])('the server is killed under load on %s: what fsync acknowledged is there', { timeout: 600_000 }, (_, store) => {
  const { status, said } = script('kill-soak', '--kills', '2', '--seed', '7', '--mount-seconds', '300', ...store);
  expect(said).toMatch(/kill-soak: 2 of 2 kills, \d+ acknowledged operations, 0 problems/);
  expect(status, said).toBe(0);
});
