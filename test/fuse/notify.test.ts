/** Notifications are written to /dev/fuse; a file stands in for it. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, it, vi } from 'vitest';
import { Notifier } from '../../fs/fuse/kernel/notify.js';
import { write } from '../../fs/fuse/kernel/system-calls.js';

it('a call that fails leaves the next one alone', async () => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'varve-notify-'));
  const fd = fs.openSync(path.join(directory, 'device'), 'w');
  const notifier = new Notifier(fd);
  vi.spyOn(write, 'async').mockImplementationOnce((...args) => args[3](new Error('no thread'), -1));
  const failed = expect(notifier.pull(0, 5)).rejects.toThrow('no thread');
  const next = notifier.pull(0, 6);
  await failed;
  await next;
  expect(fs.fstatSync(fd).size).toBe(40);
  fs.closeSync(fd);
  fs.rmSync(directory, { recursive: true });
});
