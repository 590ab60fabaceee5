/** The sockets of servers: whose name it is, and what becomes of a server whose callers are killed. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
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

test('a command that is killed before it has read its answers does the server no harm', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'varve-control-'));
  const path = join(folder, 'socket');
  const unheard: unknown[] = [];
  const hear = (reason: unknown) => unheard.push(reason);
  process.on('unhandledRejection', hear);
  const control = new Control(path);
  const ended: Promise<void>[] = [];
  control.on('info', () => {
    ended.push(new Promise((resolve) => caller.once('close', () => resolve())));
    // Answers that are on their way when it goes.
    setImmediate(() => setImmediate(() => caller.destroy()));
    return 'x'.repeat(100_000);
  });
  await control.listen();
  const caller = connect(path);
  await new Promise((resolve) => caller.once('connect', resolve));
  caller.pause();
  caller.write('{"command":"info"}\n'.repeat(50));
  while (ended.length === 0) await new Promise((resolve) => setImmediate(resolve));
  await ended[0];
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  process.off('unhandledRejection', hear);
  expect(unheard).toEqual([]);
  control.close();
  rmSync(folder, { recursive: true });
});
