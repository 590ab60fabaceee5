/** The sockets of servers: one that ends late leaves alone what has its name by then. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Control } from '../../fs/cli/control.js';

test('closing takes away its own name, not that of the server that came after it', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'varve-control-'));
  const path = join(folder, 'socket');
  const first = new Control(path);
  await first.listen();
  const second = new Control(path);
  await second.listen();
  first.close();
  expect(existsSync(path)).toBe(true);
  second.close();
  expect(existsSync(path)).toBe(false);
  rmSync(folder, { recursive: true });
});
