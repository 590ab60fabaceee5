/** The long trials, whole: acceptance on 1 GiB and 8 GiB, and 50 kills on each store. Run alone, on a quiet machine. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';

async function script(name: string, ...args: string[]): Promise<{ status: number | null; said: string }> {
  const path = new URL(`../../dist/scripts/${name}.js`, import.meta.url).pathname;
  const child = spawn(process.execPath, [path, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => {
    said += chunk.toString();
    process.stdout.write(chunk);
  });
  const [status] = (await once(child, 'close')) as [number | null];
  return { status, said };
}

test('acceptance on 1 GiB and 8 GiB', async () => {
  expect((await script('acceptance')).status).toBe(0);
});

test.each([[[]], [['--store', 'volatile']]])('50 kills under load, %j', async (store) => {
  const { status, said } = await script('kill-soak', '--kills', '50', ...store);
  expect(said).toMatch(/50 of 50 kills, \d+ acknowledged operations, 0 problems/);
  expect(status).toBe(0);
});
