/** The sockets of servers: whose name it is, and what becomes of a server whose callers are killed. */
import { existsSync, lstatSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type CommandHandler, Control } from '../../fs/cli/control.js';
import { belongsTo, controlPaths, ownControlPath, runtimeDirectory } from '../../fs/cli/control-path.js';
import { Views } from '../../fs/cli/view-service.js';
import type { Volume } from '../../fs/volume/volume.js';

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

test('sockets that are made at the same time are for their owner, and nothing else that the process makes', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'varve-control-'));
  const before = process.umask(0o022);
  const controls = ['one', 'two'].map((name) => new Control(join(folder, name)));
  await Promise.all(controls.map((control) => control.listen()));
  expect(process.umask(before)).toBe(0o022);
  for (const name of ['one', 'two']) expect(lstatSync(join(folder, name)).mode & 0o777).toBe(0o600);
  for (const control of controls) control.close();
  rmSync(folder, { recursive: true });
});

test('a server whose mounts are gone begins no other: who asks is to wait for the image', async () => {
  const volume = { readOnly: false } as Volume;
  const views = new Views({
    image: 'v.img',
    volume,
    released: Promise.resolve(),
    log: () => undefined,
    answer: () => undefined,
  });
  const handlers = new Map<string, CommandHandler>();
  const on = (command: string, handler: CommandHandler) => void handlers.set(command, handler);
  views.answer({ on } as unknown as Control);
  await views.gone();
  const ask = handlers.get('mount-view');
  expect(await ask?.({ target: '/nowhere', options: ['ro', 'snapshot=one'] })).toBeUndefined();
  expect(ask).toBeDefined();
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

test('of a mount that is gone nobody else is asked: the number of its device may be used again', () => {
  const unknown = '0:999999999';
  expect(controlPaths(unknown)).toEqual(existsSync(runtimeDirectory()) ? [ownControlPath(unknown)] : []);
});

test("where a user's server may listen is a directory that is that user's", () => {
  const folder = mkdtempSync(join(tmpdir(), 'varve-control-'));
  const user = process.geteuid?.() ?? 0;
  symlinkSync(folder, join(folder, 'link'));
  expect(belongsTo(folder, user)).toBe(true);
  expect(belongsTo(folder, user + 1)).toBe(false);
  expect(belongsTo(join(folder, 'link'), user)).toBe(false);
  expect(belongsTo(join(folder, 'missing'), user)).toBe(false);
  rmSync(folder, { recursive: true });
});
